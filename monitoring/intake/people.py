"""Finding whose outcomes a delivery speaks of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from monitoring.intake.schema import OutcomeLine

BY_ID = """
    SELECT p.id, p.organization_id FROM accounts_person p
    JOIN unnest(%s::bigint[], %s::bigint[]) AS wanted (id, organization_id)
        USING (id, organization_id)
"""
BY_EMAIL = """
    SELECT p.id, p.organization_id, p.email FROM accounts_person p
    JOIN unnest(%s::text[], %s::bigint[]) AS wanted (email, organization_id)
        USING (organization_id, email)
"""
LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class PersonKey:
    """How a line names its person, within one organization."""

    organization_id: int
    name: int | str


def key_of(line: OutcomeLine, organization_id: int) -> PersonKey:
    """Read an id from a number or from digits, else an e-mail address, which has no case."""
    name = line.person
    if isinstance(name, str) and name.isascii() and name.isdigit():
        name = int(name)
    if isinstance(name, str):
        name = name.strip().lower().replace("\x00", "")
    return PersonKey(organization_id, name)


def people_found(keys: Iterable[PersonKey]) -> dict[PersonKey, int]:
    """Return the person's id for each key that names somebody of its organization."""
    ids = {key for key in keys if isinstance(key.name, int) and 0 < key.name <= LARGEST_ID}
    emails = {key for key in keys if isinstance(key.name, str)}
    found: dict[PersonKey, int] = {}
    with connection.cursor() as cursor:
        if ids:
            cursor.execute(BY_ID, [[k.name for k in ids], [k.organization_id for k in ids]])
            found |= {PersonKey(org, person): person for person, org in cursor.fetchall()}
        if emails:
            cursor.execute(
                BY_EMAIL, [[k.name for k in emails], [k.organization_id for k in emails]]
            )
            found |= {PersonKey(org, email): person for person, org, email in cursor.fetchall()}
    return found
