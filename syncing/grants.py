"""Keeping the accesses that organizations and people grant. Secrets are encrypted on the way in."""

from __future__ import annotations

from datetime import datetime

from accounts.credentials import encrypt
from accounts.models import (
    Connection,
    ConnectionState,
    Grant,
    Organization,
    OrganizationCredential,
    Person,
    Provider,
)
from syncing.providers.tokens import Token
from syncing.proving import Account


def credential_set(
    *, organization: Organization, provider: Provider, client_id: str, secret: str
) -> OrganizationCredential:
    """Keep what an organization gave us to act for its people, in place of an earlier one.

    `secret` is for Google the JSON of a service account (delegated access) or of an OAuth client,
    for Salesforce the PEM of the app's private key or its client secret. For people's own consent
    at Google beside a service account, put `client_secret` into the service account's JSON.
    """
    credential, _ = OrganizationCredential.objects.update_or_create(
        organization=organization,
        provider=provider,
        defaults={"client_id": client_id, "secret": encrypt(secret)},
    )
    return credential


def connection_grant(
    *, person: Person, provider: Provider, grant: Grant, refresh_token: str = "", now: datetime
) -> Connection:
    """Connect a person to a provider, or connect anew: tokens of an earlier grant are dropped.

    `refresh_token` belongs to the grant of that name and to no other.
    """
    connection, _ = Connection.objects.update_or_create(
        person=person,
        provider=provider,
        defaults={
            "organization_id": person.organization_id,
            "grant": grant,
            "state": ConnectionState.GRANTED,
            "granted_at": now,
            "proven_at": None,
            "refused_at": None,
            "refresh_token": encrypt(refresh_token) if refresh_token else None,
            "access_token": None,
            "access_token_expires_at": None,
            "instance_url": "",
        },
    )
    return connection


def connection_restore(
    *,
    person: Person,
    provider: Provider,
    grant: Grant,
    token: Token,
    account: Account,
    now: datetime,
) -> Connection:
    """Keep an access that was just proven: it is good, and the next run uses its token.

    Of whom only the Salesforce user name was known, the user proven is kept as well, for passes go
    by that. Links, cursor and history stay, so the next run goes on where the last good one ended.
    A pass that still runs with an earlier grant can change nothing here. Raises ValueError for a
    person's own consent without a refresh token, which would end within hours.
    """
    if grant == Grant.REFRESH_TOKEN and not token.refresh_token:
        raise ValueError("a consent without a refresh token does not last")
    if provider == Provider.SALESFORCE:
        unknown = Person.objects.filter(pk=person.pk, salesforce_user_id="")
        unknown.update(salesforce_user_id=account.id)
    own = token.refresh_token if grant == Grant.REFRESH_TOKEN else ""
    connection, _ = Connection.objects.update_or_create(
        person=person,
        provider=provider,
        defaults={
            "organization_id": person.organization_id,
            "grant": grant,
            "state": ConnectionState.PROVEN,
            "granted_at": now,
            "proven_at": now,
            "refused_at": None,
            "refresh_token": encrypt(own) if own else None,
            "access_token": encrypt(token.value),
            "access_token_expires_at": token.expires_at,
            "instance_url": token.instance_url,
        },
    )
    return connection


def connection_refuse(*, person: Person, provider: Provider, grant: Grant, now: datetime) -> bool:
    """Keep that the provider refused this kind of grant; return whether that is the one in use."""
    in_use = Connection.objects.filter(person=person, provider=provider, grant=grant)
    return bool(in_use.update(state=ConnectionState.REFUSED, refused_at=now, access_token=None))
