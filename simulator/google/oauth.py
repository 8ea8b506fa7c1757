"""Google's token endpoint: codes, refresh tokens, service accounts acting for users, revocation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from simulator.consent import identify_asked, is_verified
from simulator.google.errors import oauth_refusal
from simulator.identifiers import fresh_token
from simulator.keys import is_signed_by, read_claims
from simulator.messages import Answer
from simulator.model import Organization, Person
from simulator.routing import Context
from simulator.tokens import Grant
from simulator.world import GOOGLE_AUDIENCE

CODE = "authorization_code"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLOCK_SKEW = timedelta(minutes=5)
LONGEST_ASSERTION = timedelta(hours=1)
EXPIRED_OR_REVOKED = "Token has been expired or revoked."
NOT_DELEGATED = (
    "Client is unauthorized to retrieve access tokens using this method, "
    "or client not authorized for any of the scopes requested."
)
BAD_TIMES = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."
)


def identify(context: Context) -> Person | None:
    """Whose token is asked for or revoked, before anything is checked."""
    form = context.call.form
    asked = identify_asked(context)
    if asked:
        return asked
    token = form.get("refresh_token") or form.get("token")
    if token:
        grant = context.world.tokens.find(token)
        email = grant.email if grant else None
        return context.world.find_refresh_token(token) or context.world.find_person(email)
    claims = read_claims(form.get("assertion", "")) or {}
    subject = claims.get("sub")
    return context.world.find_person(subject) if isinstance(subject, str) else None


def issue_token(context: Context) -> Answer:
    """POST /token."""
    kinds = {"refresh_token": refresh, JWT_BEARER: accept_assertion, CODE: exchange}
    kind = context.call.form.get("grant_type", "")
    if kind not in kinds:
        raise oauth_refusal(400, "unsupported_grant_type", f"Invalid grant_type: {kind}")
    return kinds[kind](context)


def refresh(context: Context) -> Answer:
    check_client(context)
    token = context.call.form.get("refresh_token", "")
    person = context.world.find_refresh_token(token)
    user = person.google if person else None
    if person is None or user is None:
        raise oauth_refusal(400, "invalid_grant", "Bad Request")
    if user.deleted:
        raise oauth_refusal(400, "invalid_grant", "Account has been deleted")
    if token not in user.refresh_tokens:
        raise oauth_refusal(400, "invalid_grant", EXPIRED_OR_REVOKED)
    if user.client_id != context.call.form.get("client_id"):
        raise oauth_refusal(401, "unauthorized_client", "Unauthorized")
    organization = context.world.organization(person.organization)
    return grant_access(context, organization, person, user.refresh_tokens[token], token)


def exchange(context: Context) -> Answer:
    """A code becomes tokens: once, at the address it was sent to, for who asked for it."""
    check_client(context)
    form = context.call.form
    code = context.world.codes.take(form.get("code", ""), "google")
    if code is None or code.client_id != form.get("client_id"):
        raise oauth_refusal(400, "invalid_grant", "Malformed auth code.")
    if code.redirect_uri != form.get("redirect_uri"):
        raise oauth_refusal(400, "redirect_uri_mismatch", "Bad Request")
    if code.expires_at <= context.now:
        raise oauth_refusal(400, "invalid_grant", "Bad Request")
    if not form.get("code_verifier"):
        raise oauth_refusal(400, "invalid_grant", "Missing code verifier.")
    if not is_verified(code, form["code_verifier"]):
        raise oauth_refusal(400, "invalid_grant", "Invalid code verifier.")
    person = context.world.person(code.email)
    organization, scopes = context.world.organization(person.organization), [*code.scopes]
    token = context.world.google_grant(code.email, scopes) if code.lasting else None
    return grant_access(context, organization, person, scopes, token, by_code=True)


def check_client(context: Context) -> None:
    form = context.call.form
    known = context.world.find_app(form.get("client_id"))
    if not known:
        raise oauth_refusal(401, "invalid_client", "The OAuth client was not found.")
    if form.get("client_secret") not in {each.google_client_secret for each in known}:
        raise oauth_refusal(401, "invalid_client", "Unauthorized")


def accept_assertion(context: Context) -> Answer:
    assertion = context.call.form.get("assertion", "")
    claims = read_claims(assertion)
    if claims is None:
        raise oauth_refusal(400, "invalid_grant", "Invalid JWT.")
    issuers = check_issuer(context, assertion, claims)
    check_claims(claims, context.now)
    scopes = str(claims.get("scope", "")).split()
    person = check_subject(context, issuers, claims, scopes)
    organization = context.world.organization(person.organization) if person else issuers[0]
    return grant_access(context, organization, person, scopes, None)


def check_issuer(context: Context, assertion: str, claims: Mapping[str, Any]) -> list[Organization]:
    """The organizations that know the service account; raises for a false signature."""
    known = context.world.find_app(str(claims.get("iss")))
    if not known:
        message = "Invalid JWT: No valid verifier found for issuer."
        raise oauth_refusal(400, "invalid_grant", message)
    if not is_signed_by(assertion, known[0].service_account_public_key):
        raise oauth_refusal(400, "invalid_grant", "Invalid JWT Signature.")
    return known


def check_claims(claims: Mapping[str, Any], now: datetime) -> None:
    if claims.get("aud") != GOOGLE_AUDIENCE:
        raise oauth_refusal(400, "invalid_grant", "Invalid JWT: Failed audience check.")
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int | float) or not isinstance(expires, int | float):
        raise oauth_refusal(400, "invalid_grant", BAD_TIMES)
    at, skew = now.timestamp(), CLOCK_SKEW.total_seconds()
    too_long = expires - issued > LONGEST_ASSERTION.total_seconds()
    if too_long or issued > at + skew or expires < at - skew:
        raise oauth_refusal(400, "invalid_grant", BAD_TIMES)


def check_subject(
    context: Context, issuers: list[Organization], claims: Mapping[str, Any], scopes: list[str]
) -> Person | None:
    """Whom the service account acts for; None when it acts for itself."""
    subject = claims.get("sub")
    if subject is None:
        return None
    if not isinstance(subject, str) or "@" not in subject:
        raise oauth_refusal(400, "invalid_grant", "Not a valid email or user ID.")
    person = context.world.find_person(subject)
    if person is None or person.google is None:
        raise oauth_refusal(400, "invalid_grant", "Invalid email or User ID")
    if person.google.deleted:
        raise oauth_refusal(400, "invalid_grant", "The account has been deleted")
    organization = context.world.organization(person.organization)
    allowed = organization in issuers and person.google.delegated
    if not allowed or not scopes or set(scopes) - set(organization.delegated_scopes):
        raise oauth_refusal(401, "unauthorized_client", NOT_DELEGATED)
    return person


def grant_access(
    context: Context,
    organization: Organization,
    person: Person | None,
    scopes: list[str],
    refresh_token: str | None,
    *,
    by_code: bool = False,
) -> Answer:
    """A new access token; the answer to a code holds the refresh token too."""
    seconds = organization.limits.google_token_seconds
    grant = Grant(
        token=fresh_token("ya29.a0"),
        provider="google",
        organization=organization.slug,
        email=person.email if person else None,
        scopes=frozenset(scopes),
        expires_at=context.now + timedelta(seconds=seconds),
        refresh_token=refresh_token,
    )
    context.world.tokens.add(grant, context.now)
    body: dict[str, Any] = {"access_token": grant.token, "expires_in": seconds}
    if by_code and refresh_token:
        body["refresh_token"] = refresh_token
    if by_code or refresh_token:
        body["scope"] = " ".join(scopes)
    return Answer.of_json({**body, "token_type": "Bearer"})


def revoke(context: Context) -> Answer:
    """POST /revoke: either kind of token ends the whole consent."""
    form = context.call.form
    token = form.get("token") or context.call.parameters.get("token", "")
    grant = context.world.tokens.find(token)
    refresh_token = grant.refresh_token if grant else token
    person = context.world.find_refresh_token(refresh_token or "")
    if person is None or person.google is None:
        raise oauth_refusal(400, "invalid_token", "Token expired or revoked")
    if refresh_token not in person.google.refresh_tokens:
        raise oauth_refusal(400, "invalid_token", "Token expired or revoked")
    world = context.world
    ended = world.tokens.matching(provider="google", refresh_token=refresh_token)
    world.tokens.expire(ended, context.now)
    del person.google.refresh_tokens[refresh_token]
    return Answer.of_json({})


def user_info(context: Context) -> Answer:
    """GET /oauth2/v3/userinfo."""
    organization, person, user = context.google_owner
    return Answer.of_json(
        {
            "sub": user.id,
            "name": person.name,
            "email": person.email,
            "email_verified": True,
            "hd": organization.domain,
        }
    )
