"""Finding whose outcomes a delivery speaks of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from monitoring.intake.schema import OutcomeLine
from monitoring.outcomes.staging import SEPARATOR, fetch, joined

BY_ID = """
    SELECT organization_id, id, id FROM accounts_person
    JOIN unnest(
        string_to_array(%s, chr(31))::bigint[], string_to_array(%s, chr(31))::bigint[]
    ) AS wanted (organization_id, id) USING (organization_id, id)
"""
BY_EMAIL = """
    SELECT organization_id, email, id FROM accounts_person
    JOIN unnest(
        string_to_array(%s, chr(31))::bigint[], string_to_array(%s, chr(31))
    ) AS wanted (organization_id, email) USING (organization_id, email)
"""
LARGEST_ID = 2**63 - 1
LONGEST_ID = len(str(LARGEST_ID))
NEVER_IN_AN_ADDRESS = str.maketrans("", "", f"\x00{SEPARATOR}")

# An organization's id, and how a line names its person: by id or by address.
PersonKey = tuple[int, int | str]


def key_of(line: OutcomeLine, organization_id: int) -> PersonKey:
    """Read an id from a number or from digits, else an e-mail address, which has no case."""
    name = line.person
    if isinstance(name, int):
        return organization_id, name
    if name.isascii() and name.isdigit() and len(name) <= LONGEST_ID:
        return organization_id, int(name)
    return organization_id, name.strip().lower().translate(NEVER_IN_AN_ADDRESS)


def people_found(keys: Iterable[PersonKey]) -> dict[PersonKey, int]:
    """Return the person's id for each key that names somebody of its organization."""
    by_email = [key for key in keys if isinstance(key[1], str)]
    by_id = [key for key in keys if isinstance(key[1], int) and 0 < key[1] <= LARGEST_ID]
    return look_up(BY_EMAIL, by_email) | look_up(BY_ID, by_id)


def look_up(query: str, keys: Sequence[PersonKey]) -> dict[PersonKey, int]:
    if not keys:
        return {}
    organizations, names = zip(*keys, strict=True)
    rows = fetch(query, [joined(organizations), joined(names)])
    return {(organization, name): person for organization, name, person in rows}
