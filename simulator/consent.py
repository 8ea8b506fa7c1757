"""Asking a person for access in their browser: what both vendors' consent pages have in common.

A page lists the accounts of the organizations that know the app. Allowing sends the browser back
with a code, which is good once and for ten minutes, for whoever knows the code verifier.
"""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from ipaddress import ip_address
from urllib.parse import urlencode, urlsplit

from simulator.identifiers import fresh_token
from simulator.messages import Answer, Refusal
from simulator.model import Organization, Person
from simulator.routing import Context
from simulator.tokens import Code

CODE_LASTS = timedelta(minutes=10)
CHALLENGE = re.compile(r"[\w-]{43}", re.ASCII)
VERIFIER = re.compile(r"[\w.~-]{43,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Vendor:
    """How one vendor asks. `keeps_out` says why an account can't sign in, "" if it can."""

    provider: str
    name: str
    code_prefix: str
    refusals: Mapping[str, str]
    has_account: Callable[[Person], bool]
    keeps_out: Callable[[Organization, Person], str]


@dataclass(frozen=True, slots=True)
class Asked:
    """What an app asks for; checked, so that an answer may be sent to `redirect_uri`."""

    client_id: str
    redirect_uri: str
    state: str | None
    challenge: str
    scopes: tuple[str, ...]
    hint: str


def identify_hinted(context: Context) -> Person | None:
    """Who is expected at a consent page."""
    hint = context.call.parameters.get("login_hint")
    return find_account(context, hint) if hint else None


def identify_asked(context: Context) -> Person | None:
    """Who decides on a consent page, or whose code is exchanged."""
    form, world = context.call.form, context.world
    code = world.codes.find(form.get("code", ""))
    return world.find_person(form.get("account") or (code.email if code else None))


def find_account(context: Context, name: str) -> Person | None:
    return context.world.find_person(name) or context.world.find_salesforce_person(name)


def is_verified(code: Code, verifier: str) -> bool:
    """Whether a code verifier is the one whose challenge was sent along (RFC 7636, S256)."""
    if not VERIFIER.fullmatch(verifier):
        return False
    digest = hashlib.sha256(verifier.encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode() == code.challenge


def read_asked(context: Context, vendor: Vendor) -> Asked:
    """What is asked for. Raises Refusal: a page where no address can be trusted, else back there.

    PKCE is asked for always, and by S256, as an app can be set to at both vendors.
    """
    given = context.call.parameters
    client_id, redirect_uri = given.get("client_id", ""), given.get("redirect_uri", "")
    known = context.world.find_app(client_id)
    if not known:
        raise refusal_page(vendor, "unknown_app")
    if not is_registered(redirect_uri, known):
        raise refusal_page(vendor, "redirect_uri_mismatch")
    asked = Asked(
        client_id=client_id,
        redirect_uri=redirect_uri,
        state=given.get("state"),
        challenge=given.get("code_challenge", ""),
        scopes=tuple(given.get("scope", "").split()),
        hint=given.get("login_hint", ""),
    )
    if given.get("response_type") != "code":
        raise sent_back(asked, error="unsupported_response_type")
    if given.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(asked.challenge):
        problem = "a code_challenge with code_challenge_method S256 is required"
        raise sent_back(asked, error="invalid_request", error_description=problem)
    return asked


def is_registered(redirect_uri: str, known: list[Organization]) -> bool:
    """Exactly as registered with the app, or on this machine: nobody is led away from it."""
    if any(redirect_uri in each.redirect_uris for each in known):
        return True
    parts = urlsplit(redirect_uri)
    if parts.scheme not in ("http", "https") or parts.fragment or not parts.hostname:
        return False
    try:
        return parts.hostname == "localhost" or ip_address(parts.hostname).is_loopback
    except ValueError:
        return False


def sent_back(asked: Asked, **answer: str) -> Refusal:
    """The browser goes back to the app with an answer, and with the state as it was given."""
    values = answer if asked.state is None else {**answer, "state": asked.state}
    sign = "&" if "?" in asked.redirect_uri else "?"
    location = f"{asked.redirect_uri}{sign}{urlencode(values)}"
    return Refusal(Answer(302, headers={"Location": location, "Cache-Control": "no-store"}))


def show(context: Context, vendor: Vendor) -> Answer:
    """GET: the page on which one picks an account and decides."""
    return Answer.of_page(consent_page(context, vendor, read_asked(context, vendor), ""))


def decide(context: Context, vendor: Vendor, *, lasting: Callable[[Asked, Person], bool]) -> Answer:
    """POST: what was decided. Raises the Refusal that sends the browser back."""
    asked = read_asked(context, vendor)
    if context.call.form.get("decision") != "allow":
        raise sent_back(asked, error="access_denied", **denied_words(vendor))
    person = context.world.find_person(context.call.form.get("account"))
    if person is None or person not in accounts(context, vendor, asked):
        return Answer.of_page(consent_page(context, vendor, asked, "Choose an account."), 400)
    organization = context.world.organization(person.organization)
    problem = vendor.keeps_out(organization, person)
    if problem:
        return Answer.of_page(consent_page(context, vendor, asked, problem), 400)
    code = Code(
        code=fresh_token(vendor.code_prefix),
        provider=vendor.provider,
        email=person.email,
        client_id=asked.client_id,
        redirect_uri=asked.redirect_uri,
        challenge=asked.challenge,
        scopes=asked.scopes,
        lasting=lasting(asked, person),
        expires_at=context.now + CODE_LASTS,
    )
    context.world.codes.add(code, context.now)
    raise sent_back(asked, code=code.code)


def denied_words(vendor: Vendor) -> dict[str, str]:
    words = vendor.refusals.get("access_denied")
    return {"error_description": words} if words else {}


def accounts(context: Context, vendor: Vendor, asked: Asked) -> list[Person]:
    """Who could sign in: people of the organizations that know the app."""
    return [
        person
        for organization in context.world.find_app(asked.client_id)
        for person in context.world.people_of(organization.slug)
        if vendor.has_account(person)
    ]


def refusal_page(vendor: Vendor, problem: str) -> Refusal:
    words = escape(vendor.refusals[problem])
    body = f"<h1>{vendor.name}</h1><p>{words}</p>"
    return Refusal(Answer.of_page(page(f"Error - {vendor.name}", body), 400))


def consent_page(context: Context, vendor: Vendor, asked: Asked, problem: str) -> str:
    expected = find_account(context, context.call.form.get("account") or asked.hint)
    options = "".join(
        f'<option value="{escape(each.email)}"{" selected" if each is expected else ""}>'
        f"{escape(each.name)} ({escape(each.email)})</option>"
        for each in accounts(context, vendor, asked)
    )
    scopes = "".join(f"<li><code>{escape(scope)}</code></li>" for scope in asked.scopes)
    body = (
        f"<h1>{vendor.name} (simulated)</h1>"
        + (f'<p role="alert">{escape(problem)}</p>' if problem else "")
        + "<p>synccenter asks for access to your account:</p>"
        f"<ul>{scopes}</ul>"
        '<form method="post">'
        f'<p><label for="account">Account</label> <select id="account" name="account">{options}'
        "</select></p>"
        '<p><button name="decision" value="allow">Allow</button> '
        '<button name="decision" value="deny">Deny</button></p></form>'
    )
    return page(f"Allow access - {vendor.name}", body)


STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:30rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "h1{font-size:1.3rem}select,button{font:inherit;padding:.4rem .8rem;max-width:100%}"
    "code{overflow-wrap:anywhere}[role=alert]{color:#a1260d}"
)


def page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><link rel="icon" href="data:,">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    )
