"""Salesforce's OAuth endpoints: codes, JWT bearer, refresh token, revoke, introspect, userinfo."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from simulator.consent import identify_asked, is_verified
from simulator.identifiers import fresh_token
from simulator.keys import is_signed_by, read_claims
from simulator.messages import Answer, Refusal
from simulator.model import LOGIN_HOSTS, Organization, Person, SalesforceUser
from simulator.routing import Context
from simulator.salesforce.errors import REST_JSON, oauth_refusal
from simulator.times import salesforce_stamp
from simulator.tokens import Grant

CODE = "authorization_code"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLOCK_SKEW = timedelta(minutes=3)
SCOPE = "api refresh_token id"
NOT_APPROVED = "user hasn't approved this consumer"


def identify(context: Context) -> Person | None:
    """Whose session is asked for or ended, before anything is checked."""
    form, world = context.call.form, context.world
    asked = identify_asked(context)
    if asked:
        return asked
    token = form.get("refresh_token") or form.get("token")
    if token:
        grant = world.tokens.find(token)
        return world.find_refresh_token(token) or world.find_person(grant.email if grant else None)
    subject = (read_claims(form.get("assertion", "")) or {}).get("sub")
    return world.find_salesforce_person(subject) if isinstance(subject, str) else None


def issue_token(context: Context) -> Answer:
    """POST /services/oauth2/token, on a login host or a My Domain."""
    kinds = {"refresh_token": refresh, JWT_BEARER: accept_assertion, CODE: exchange}
    kind = context.call.form.get("grant_type", "")
    if kind not in kinds:
        raise oauth_refusal("unsupported_grant_type", "grant type not supported")
    return kinds[kind](context)


def refresh(context: Context) -> Answer:
    token = context.call.form.get("refresh_token", "")
    person = context.world.find_refresh_token(token)
    user = person.salesforce if person else None
    check_client(context)
    if person is None or user is None or token not in user.refresh_tokens:
        raise oauth_refusal("invalid_grant", "expired access/refresh token")
    organization = context.world.organization(person.organization)
    if context.call.form.get("client_id") != organization.consumer_key:
        raise oauth_refusal("invalid_grant", "expired access/refresh token")
    check_host(context, organization)
    check_user(organization, user)
    return start_session(context, organization, person, user, token)


def exchange(context: Context) -> Answer:
    """A code becomes a session: once, at the address it was sent to, for who asked for it."""
    check_client(context)
    form = context.call.form
    code = context.world.codes.take(form.get("code", ""), "salesforce")
    if code is None or code.client_id != form.get("client_id"):
        raise oauth_refusal("invalid_grant", "invalid authorization code")
    if code.redirect_uri != form.get("redirect_uri"):
        raise oauth_refusal("redirect_uri_mismatch", "redirect_uri must match configuration")
    if code.expires_at <= context.now:
        raise oauth_refusal("invalid_grant", "expired authorization code")
    if not is_verified(code, form.get("code_verifier", "")):
        raise oauth_refusal("invalid_grant", "invalid code verifier")
    person = context.world.person(code.email)
    user = person.salesforce
    assert user is not None, "the consent page lists users only"
    organization = context.world.organization(person.organization)
    check_host(context, organization)
    check_user(organization, user)
    token = context.world.salesforce_grant(code.email) if code.lasting else None
    more = {"scope": " ".join(code.scopes)} | ({"refresh_token": token} if token else {})
    return start_session(context, organization, person, user, token, more)


def check_client(context: Context) -> None:
    """The consumer key must be known, and its secret right where one is sent."""
    form = context.call.form
    known = context.world.find_app(form.get("client_id"))
    if not known:
        raise oauth_refusal("invalid_client_id", "client identifier invalid")
    secret = form.get("client_secret")
    if secret is not None and secret not in {each.consumer_secret for each in known}:
        raise oauth_refusal("invalid_client", "invalid client credentials", 401)


def check_host(context: Context, organization: Organization) -> None:
    """A login host serves its own kind of organization, a My Domain only its own."""
    host = context.call.host
    wrong_login = host in LOGIN_HOSTS and host != organization.login_host
    other_domain = context.world.find_host(host) not in (None, organization)
    if wrong_login or other_domain:
        raise oauth_refusal("invalid_grant", "authentication failure")


def check_user(organization: Organization, user: SalesforceUser) -> None:
    if organization.inactive:
        raise oauth_refusal("inactive_org", "organization is inactive")
    if not user.active:
        raise oauth_refusal("invalid_grant", "inactive user")
    if user.frozen:
        raise oauth_refusal("invalid_grant", "authentication failure")


def accept_assertion(context: Context) -> Answer:
    """Signature first, then audience and age, then whether the user may."""
    assertion = context.call.form.get("assertion", "")
    claims = read_claims(assertion)
    if claims is None:
        raise oauth_refusal("invalid_grant", "invalid assertion")
    known = context.world.find_app(str(claims.get("iss")))
    if not known:
        raise oauth_refusal("invalid_client_id", "client identifier invalid")
    if not is_signed_by(assertion, known[0].consumer_public_key):
        raise oauth_refusal("invalid_grant", "invalid assertion")
    check_expiry(claims, context.now)
    person = context.world.find_salesforce_person(str(claims.get("sub")))
    user = person.salesforce if person else None
    if person is None or user is None:
        raise oauth_refusal("invalid_grant", NOT_APPROVED)
    organization = context.world.organization(person.organization)
    check_audience(organization, claims)
    check_host(context, organization)
    check_user(organization, user)
    if organization not in known or not user.preauthorized:
        raise oauth_refusal("invalid_grant", NOT_APPROVED)
    return start_session(context, organization, person, user, None)


def check_expiry(claims: Mapping[str, Any], now: datetime) -> None:
    """`exp` may be a number or its text."""
    try:
        expires = float(str(claims.get("exp")))
    except ValueError as error:
        raise oauth_refusal("invalid_grant", "invalid assertion") from error
    if expires < now.timestamp() - CLOCK_SKEW.total_seconds():
        raise oauth_refusal("invalid_grant", "expired authorization code")


def check_audience(organization: Organization, claims: Mapping[str, Any]) -> None:
    accepted = {f"https://{organization.login_host}", f"https://{organization.my_domain}"}
    if str(claims.get("aud")).rstrip("/") not in accepted:
        raise oauth_refusal("invalid_grant", "Audience validation failed")


def start_session(
    context: Context,
    organization: Organization,
    person: Person,
    user: SalesforceUser,
    refresh_token: str | None,
    more: Mapping[str, str] | None = None,
) -> Answer:
    """A new session; its token answer names the instance to talk to, and `more`."""
    seconds = organization.limits.salesforce_session_seconds
    grant = Grant(
        token=fresh_token(f"{organization.salesforce_id[:15]}!AR"),
        provider="salesforce",
        organization=organization.slug,
        email=person.email,
        scopes=frozenset(SCOPE.split()),
        expires_at=context.now + timedelta(seconds=seconds),
        refresh_token=refresh_token,
        issued_at=context.now,
    )
    context.world.tokens.add(grant, context.now)
    user.last_login = context.now
    body = token_answer(organization, user, grant) | dict(more or {})
    return Answer.of_json(body, headers=REST_JSON)


def token_answer(organization: Organization, user: SalesforceUser, grant: Grant) -> dict[str, Any]:
    issued = str(int(grant.issued_at.timestamp() * 1000)) if grant.issued_at else "0"
    signature = hashlib.sha256(f"{user.id}{issued}".encode()).hexdigest()
    return {
        "access_token": grant.token,
        "signature": signature,
        "scope": SCOPE if grant.refresh_token else "api id",
        "instance_url": f"https://{organization.my_domain}",
        "id": identity_url(organization, user),
        "token_type": "Bearer",
        "issued_at": issued,
    }


def identity_url(organization: Organization, user: SalesforceUser) -> str:
    return f"https://{organization.login_host}/id/{organization.salesforce_id}/{user.id}"


def revoke(context: Context) -> Answer:
    """POST /services/oauth2/revoke: a refresh token takes its sessions along."""
    world = context.world
    token = context.call.form.get("token") or context.call.parameters.get("token", "")
    grant, person = world.tokens.find(token), world.find_refresh_token(token)
    if grant and grant.provider == "salesforce" and grant.expires_at > context.now:
        world.tokens.expire([grant], context.now)
        return Answer(200)
    if person and person.salesforce and token in person.salesforce.refresh_tokens:
        person.salesforce.refresh_tokens.remove(token)
        ended = world.tokens.matching(provider="salesforce", refresh_token=token)
        world.tokens.expire(ended, context.now)
        return Answer(200)
    raise oauth_refusal("invalid_token", "the token is invalid or expired")


def introspect(context: Context) -> Answer:
    """POST /services/oauth2/introspect, with the client's id and secret."""
    check_client(context)
    token = context.call.form.get("token", "")
    grant = context.world.tokens.find(token)
    person = context.world.find_person(grant.email) if grant else None
    alive = grant is not None and grant.expires_at > context.now
    if grant is None or not alive or person is None or person.salesforce is None:
        return Answer.of_json({"active": False}, headers=REST_JSON)
    organization = context.world.organization(grant.organization)
    issued = int((grant.issued_at or context.now).timestamp())
    return Answer.of_json(
        {
            "active": True,
            "scope": " ".join(sorted(grant.scopes)),
            "client_id": organization.consumer_key,
            "username": person.salesforce.username,
            "sub": identity_url(organization, person.salesforce),
            "token_type": "access_token",
            "exp": int(grant.expires_at.timestamp()),
            "iat": issued,
            "nbf": issued,
        },
        headers=REST_JSON,
    )


def user_info(context: Context) -> Answer:
    """GET /services/oauth2/userinfo."""
    organization, person = context.organization, context.person
    if organization is None or person is None or person.salesforce is None:
        raise bad_oauth_token()
    user = person.salesforce
    return Answer.of_json(
        {
            "sub": identity_url(organization, user),
            "user_id": user.id,
            "organization_id": organization.salesforce_id,
            "preferred_username": user.username,
            "nickname": user.username.partition("@")[0],
            "name": person.name,
            "email": person.email,
            "email_verified": True,
            "zoneinfo": person.time_zone,
            "active": user.active,
            "updated_at": salesforce_stamp(user.changed or person.created),
            "urls": {"rest": f"https://{organization.my_domain}/services/data/v{{version}}/"},
        },
        headers=REST_JSON,
    )


def bad_oauth_token() -> Refusal:
    return Refusal(Answer(403, b"Bad_OAuth_Token", {"Content-Type": "text/html;charset=UTF-8"}))
