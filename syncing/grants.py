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
