"""What a pass needs to know of a person, loaded beforehand and free of the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from syncing.engine.cursors import Cursor


@dataclass(frozen=True, slots=True)
class Grantor:
    """An organization's credential; `secret` is ciphertext of `accounts.credentials`."""

    client_id: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Access:
    """A person's connection to one provider; the three tokens are ciphertext."""

    connection_id: int
    provider: str
    grant: str
    granted_at: datetime
    state: str
    proven_at: datetime | None
    refused_at: datetime | None
    instance_url: str
    access_token_expires_at: datetime | None
    refresh_token: bytes | None = field(repr=False)
    access_token: bytes | None = field(repr=False)
    grantor: Grantor | None = None


@dataclass(frozen=True, slots=True)
class PassWork:
    """One person to sync: whose calendar, whose records, with which access, from which cursor.

    `generation` tells this pass from later ones of the same person.
    """

    person_id: int
    organization_id: int
    email: str
    time_zone: str
    google_calendar_id: str
    salesforce_user_id: str
    salesforce_username: str
    salesforce_host: str
    google: Access | None
    salesforce: Access | None
    cursor: Cursor | None
    generation: int
