"""Who is silenced at a moment, in SQL.

A silence is of people named one by one, or of whoever matches its team, cause and provider when it
is asked: who comes to match later is muted too, and who matches no more is not. It mutes what is
told of people, and nothing else of theirs (design, rule 7).

The fragments take %(now)s; the names of their tables are told with each.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import connection

from monitoring.alerts.models import Silence

# Of `silence`.
IN_FORCE = (
    "silence.started_at <= %(now)s AND silence.ends_at > %(now)s AND silence.ended_at IS NULL"
)
# Of the `silence` of a matcher, a `person` and their `health`. What somebody's trouble is with, the
# signature of their last run begins with; a good run has none.
MATCHES = """(
    (silence.team = '' OR silence.team = person.team)
    AND (silence.cause = '' OR silence.cause = health.cause)
    AND (silence.provider = '' OR (
        health.last_signature IS NOT NULL
        AND split_part(health.last_signature, ' ', 1) = silence.provider
    ))
)"""
NAMES = """EXISTS (
    SELECT FROM alerts_silencedperson AS member
    WHERE member.silence_id = silence.id AND member.person_id = person.id
        AND member.lifted_at IS NULL
)"""
# Whether a `person` with their `health` is silenced, for statements that begin with few people.
IS_SILENCED = f"""EXISTS (
    SELECT FROM alerts_silence AS silence
    WHERE silence.organization_id = person.organization_id AND {IN_FORCE}
        AND CASE WHEN silence.is_matcher THEN {MATCHES} ELSE {NAMES} END
)"""
# The ids of all who are silenced, of organizations = ANY(%(organizations)s), some more than once.
SILENCED = f"""
    SELECT member.person_id
    FROM alerts_silence AS silence
    JOIN alerts_silencedperson AS member ON member.silence_id = silence.id
    WHERE silence.organization_id = ANY(%(organizations)s) AND NOT silence.is_matcher
        AND member.lifted_at IS NULL AND {IN_FORCE}
    UNION ALL
    SELECT person.id
    FROM alerts_silence AS silence
    JOIN accounts_person AS person ON person.organization_id = silence.organization_id
    JOIN health_health AS health ON health.person_id = person.id
    WHERE silence.organization_id = ANY(%(organizations)s) AND silence.is_matcher
        AND {IN_FORCE} AND {MATCHES}
"""  # noqa: S608 - made of constants
OF_PEOPLE = f"""
    SELECT person.id
    FROM accounts_person AS person
    JOIN health_health AS health ON health.person_id = person.id
    WHERE person.id = ANY(%(people)s) AND {IS_SILENCED}
"""  # noqa: S608 - made of constants
# Whether a `person`, with their `health`, whom an `incident` hit is silenced in what is told of it.
# Whoever is through had the trouble it is of, so its own cause and provider count for all it hit.
IS_SILENCED_IN = f"""EXISTS (
    SELECT FROM alerts_silence AS silence
    WHERE silence.organization_id = person.organization_id AND {IN_FORCE}
        AND CASE WHEN silence.is_matcher THEN
            (silence.team = '' OR silence.team = person.team)
            AND (silence.cause = '' OR silence.cause IN (health.cause, incident.rule))
            AND (silence.provider = '' OR silence.provider = incident.provider)
        ELSE {NAMES} END
)"""
OF_INCIDENTS = f"""
    WITH asked AS (
        SELECT id, id AS part FROM incidents_incident WHERE id = ANY(%(incidents)s)
        UNION ALL
        SELECT part_of_id, id FROM incidents_incident WHERE part_of_id = ANY(%(incidents)s)
    )
    SELECT asked.id, count(*)
    FROM asked
    JOIN incidents_incident AS incident ON incident.id = asked.part
    JOIN incidents_hit AS hit ON hit.incident_id = incident.id
    JOIN accounts_person AS person ON person.id = hit.person_id
    JOIN health_health AS health ON health.person_id = hit.person_id
    WHERE incident.organization_id IN (
        SELECT silence.organization_id FROM alerts_silence AS silence WHERE {IN_FORCE}
    ) AND {IS_SILENCED_IN}
    GROUP BY asked.id
"""  # noqa: S608 - made of constants


def silenced(person_ids: Collection[int], now: datetime) -> set[int]:
    """Return those of the people about whom no alert may be sent now, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(OF_PEOPLE, {"people": list(person_ids), "now": now})
        return {person for (person,) in cursor.fetchall()}


def organizations_with_silences(now: datetime) -> set[int]:
    """Return the organizations in which a silence is in force; of all others nobody is silenced."""
    found = Silence.objects.active_at(now).order_by().values_list("organization_id", flat=True)
    return set(found.distinct())


def silenced_of_incidents(incident_ids: Collection[int], now: datetime) -> dict[int, int]:
    """Return how many of all whom each incident ever hit are silenced now; 0 is left out.

    Of an incident across organizations those of its parts.
    """
    with connection.cursor() as cursor:
        cursor.execute(OF_INCIDENTS, {"incidents": list(incident_ids), "now": now})
        return dict(cursor.fetchall())
