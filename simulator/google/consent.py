"""Google's consent page."""

from __future__ import annotations

from simulator import consent
from simulator.consent import Asked, Vendor
from simulator.messages import Answer
from simulator.model import Organization, Person
from simulator.routing import Context


def keeps_out(organization: Organization, person: Person) -> str:
    deleted = person.google is None or person.google.deleted
    return "Couldn't find your Google Account." if deleted else ""


VENDOR = Vendor(
    provider="google",
    name="Google",
    code_prefix="4/0A",
    refusals={
        "unknown_app": "Error 401: invalid_client. The OAuth client was not found.",
        "redirect_uri_mismatch": "Error 400: redirect_uri_mismatch",
    },
    has_account=lambda person: person.google is not None,
    keeps_out=keeps_out,
)


def show(context: Context) -> Answer:
    """GET /o/oauth2/v2/auth."""
    return consent.show(context, VENDOR)


def decide(context: Context) -> Answer:
    """POST there.

    A refresh token comes for offline access only, and to who has one already only when asked again.
    """
    given = context.call.parameters

    def lasting(asked: Asked, person: Person) -> bool:
        has_one = person.google is not None and bool(person.google.refresh_tokens)
        again = "consent" in given.get("prompt", "").split()
        return given.get("access_type") == "offline" and (again or not has_one)

    return consent.decide(context, VENDOR, lasting=lasting)
