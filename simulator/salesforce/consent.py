"""Salesforce's page on which a user approves an app."""

from __future__ import annotations

from simulator import consent
from simulator.consent import Vendor
from simulator.messages import Answer
from simulator.model import Organization, Person
from simulator.routing import Context


def keeps_out(organization: Organization, person: Person) -> str:
    user = person.salesforce
    if user is None or not user.active or user.frozen or organization.inactive:
        return "Your access is disabled. Contact your administrator."
    return ""


VENDOR = Vendor(
    provider="salesforce",
    name="Salesforce",
    code_prefix="aPrx",
    refusals={
        "unknown_app": "error=invalid_client_id&error_description=client identifier invalid",
        "redirect_uri_mismatch": (
            "error=redirect_uri_mismatch&error_description=redirect_uri must match configuration"
        ),
        "access_denied": "end-user denied authorization",
    },
    has_account=lambda person: person.salesforce is not None,
    keeps_out=keeps_out,
)


def show(context: Context) -> Answer:
    """GET /services/oauth2/authorize."""
    return consent.show(context, VENDOR)


def decide(context: Context) -> Answer:
    """POST there. The scope refresh_token is what asks for one."""
    return consent.decide(
        context,
        VENDOR,
        lasting=lambda asked, person: bool({"refresh_token", "offline_access"} & {*asked.scopes}),
    )
