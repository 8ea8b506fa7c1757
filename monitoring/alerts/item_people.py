"""The first few whom alerts are about, by name, in one statement a kind however many are asked."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from monitoring.alerts.muting import IS_SILENCED
from monitoring.alerts.stalled import IS_TOLD

# So many are named in a message.
NAMED = 5

# The stalled people of a cause who are told of. By the index of the cause: who waits longest first.
STALLED = f"""
    SELECT asked.key, person.id, person.name, person.unwell_since
    FROM jsonb_to_recordset(%(asked)s::jsonb)
        AS asked (key int, organization bigint, cause text, teams text[])
    CROSS JOIN LATERAL (
        SELECT person.id, person.name, health.unwell_since
        FROM health_health AS health
        JOIN accounts_person AS person ON person.id = health.person_id
        WHERE health.organization_id = asked.organization AND health.cause = asked.cause
            AND (asked.teams = '{{}}' OR person.team = ANY(asked.teams))
            AND {IS_TOLD}
        ORDER BY health.unwell_since NULLS LAST, health.person_id LIMIT %(named)s
    ) AS person
    ORDER BY asked.key, person.unwell_since NULLS LAST
"""  # noqa: S608
HIT = f"""
    SELECT asked.key, person.id, person.name, person.gap_since
    FROM jsonb_to_recordset(%(asked)s::jsonb) AS asked (key int, incident bigint, teams text[])
    CROSS JOIN LATERAL (
        SELECT person.id, person.name, hit.gap_since
        FROM incidents_hit AS hit
        JOIN accounts_person AS person ON person.id = hit.person_id
        JOIN health_health AS health ON health.person_id = hit.person_id
        WHERE hit.incident_id = asked.incident AND hit.recovered_at IS NULL
            AND hit.ended_at IS NULL
            AND (asked.teams = '{{}}' OR person.team = ANY(asked.teams))
            AND NOT {IS_SILENCED}
        ORDER BY hit.gap_since, hit.person_id LIMIT %(named)s
    ) AS person
    ORDER BY asked.key, person.gap_since
"""  # noqa: S608
# An incident across organizations is told by those it reaches, most people first.
REACHED = """
    SELECT asked.key, NULL::bigint, reached.name, NULL::timestamptz
    FROM jsonb_to_recordset(%(asked)s::jsonb) AS asked (key int, incident bigint)
    CROSS JOIN LATERAL (
        SELECT organization.name, part.people_hit
        FROM incidents_incident AS part
        JOIN accounts_organization AS organization ON organization.id = part.organization_id
        WHERE part.part_of_id = asked.incident
        ORDER BY part.people_hit DESC, organization.name LIMIT %(named)s
    ) AS reached
    ORDER BY asked.key, reached.people_hit DESC, reached.name
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose names are asked for; answers bear the `key`. Empty teams stand for all people."""

    key: int
    organization: int | None
    cause: str = ""
    incident: int | None = None
    teams: tuple[str, ...] = ()


@dataclass(slots=True)
class Named:
    """The first few by name, and since when the one who waits longest has had no good run.

    `first` is the first person, as an id.
    """

    names: list[str] = field(default_factory=list)
    missing_since: datetime | None = None
    first: int | None = None


def named_of(asked: Collection[Asked], now: datetime) -> dict[int, Named]:
    """Return the first few whom each alert is about, who waits longest first."""
    found: defaultdict[int, Named] = defaultdict(Named)
    stalled = [each for each in asked if each.incident is None and each.organization is not None]
    hit = [each for each in asked if each.incident is not None and each.organization is not None]
    reached = [each for each in asked if each.incident is not None and each.organization is None]
    for statement, those in ((STALLED, stalled), (HIT, hit), (REACHED, reached)):
        if those:
            take(found, rows_of(statement, those, now))
    return found


def rows_of(statement: str, asked: Sequence[Asked], now: datetime) -> list[Any]:
    facts = [
        {
            "key": each.key,
            "organization": each.organization,
            "cause": each.cause,
            "incident": each.incident,
            "teams": each.teams,
        }
        for each in asked
    ]
    with connection.cursor() as cursor:
        cursor.execute(statement, {"asked": json.dumps(facts), "named": NAMED, "now": now})
        return cursor.fetchall()


def take(found: defaultdict[int, Named], rows: Sequence[Any]) -> None:
    for key, person, name, since in rows:
        if not found[key].names:
            found[key].first = person
        found[key].names.append(name)
        found[key].missing_since = found[key].missing_since or since
