"""People who need a human, by organization and cause: what is worth an alert about them.

Whom an incident hits and who waits for its end is told of with the incident: that begins no alert,
but what went on before goes on while all its people are among them. How many there are is
read from the tally of statuses; people are looked at only where an incident, a silence or a route
by team makes a difference between them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Sum

from monitoring.alerts.findings import ABSORBED as FACT
from monitoring.alerts.findings import Finding
from monitoring.alerts.kinds import ABOUT_HEALTH, AlertKind, Severity
from monitoring.alerts.models import Alert, Route
from monitoring.alerts.muting import IS_SILENCED, organizations_with_silences
from monitoring.errors.rulebook import rule_sets_of
from monitoring.errors.rules import Interpretation, Rule, Who
from monitoring.health.models import HealthTally, Status
from monitoring.incidents.models import Incident

SEVERITIES = {AlertKind.STALLED: Severity.WARNING, AlertKind.REAUTHORIZE: Severity.NOTICE}

# Of a `health`. Whose trouble was confirmed before the incident began has one of their own.
ABSORBED = """EXISTS (
    SELECT FROM incidents_hit AS hit
    JOIN incidents_incident AS incident ON incident.id = hit.incident_id
    WHERE hit.person_id = health.person_id AND hit.recovered_at IS NULL AND hit.ended_at IS NULL
        AND incident.recovered_at IS NULL
        AND (health.confirmed_at IS NULL
            OR health.confirmed_at >= coalesce(incident.came_back_at, incident.began_at))
)"""
# Of a `health`: who needs a human.
IS_STALLED = "health.severity = 0 AND health.status = 'stalled'"
# Of a `health` and its `person`: who is told of as one of them.
IS_TOLD = f"({IS_STALLED} AND NOT {IS_SILENCED} AND NOT {ABSORBED})"
LOOK = f"""
    SELECT health.organization_id, health.cause, person.team, {ABSORBED}, count(*),
        count(*) FILTER (WHERE {IS_SILENCED})
    FROM health_health AS health JOIN accounts_person AS person ON person.id = health.person_id
    WHERE health.organization_id = ANY(%(organizations)s)
        AND {IS_STALLED}
    GROUP BY 1, 2, 3, 4
"""  # noqa: S608 - made of constants
FIRST = f"""
    SELECT asked.organization_id, asked.cause, first.status_since, first.evidence, transition.id
    FROM unnest(%(organizations)s::bigint[], %(causes)s::text[]) AS asked (organization_id, cause)
    CROSS JOIN LATERAL (
        SELECT health.person_id, health.status_since, health.evidence FROM health_health AS health
        WHERE health.organization_id = asked.organization_id AND health.cause = asked.cause
            AND {IS_STALLED} AND NOT {ABSORBED}
        ORDER BY health.status_since, health.person_id LIMIT 1
    ) AS first
    LEFT JOIN LATERAL (
        SELECT id FROM health_transition
        WHERE person_id = first.person_id AND to_status = 'stalled'
        ORDER BY at DESC, id DESC LIMIT 1
    ) AS transition ON true
"""  # noqa: S608 - made of constants
# Where nobody is told of, what is shown of all of them should not blame another engine.
HERE = f"""
    SELECT health.organization_id
    FROM health_health AS health JOIN accounts_person AS person ON person.id = health.person_id
    WHERE health.organization_id = ANY(%(organizations)s) AND health.cause = 'silent'
        AND {IS_STALLED}
    GROUP BY 1
    HAVING coalesce(
        bool_or(health.runs_here) FILTER (WHERE {IS_TOLD}), bool_or(health.runs_here)
    )
"""  # noqa: S608 - made of constants


class Trouble(NamedTuple):
    """What the stalled people of an organization have in common."""

    organization_id: int
    cause: str


@dataclass(slots=True)
class Count:
    """How many there are, how many of them are silenced, and the others by team.

    `absorbed` ones are told of with an incident, and are not among them.
    """

    people: int = 0
    silenced: int = 0
    absorbed: int = 0
    teams: dict[str, int] = field(default_factory=dict)


class First(NamedTuple):
    """Who was stalled first: since when, by which outcomes, and the change of health."""

    since: datetime
    evidence: tuple[UUID, ...]
    transition: int | None


def stalled_found(now: datetime) -> list[Finding]:
    """Return the people who need a human, by organization and cause: the source of two kinds."""
    counts = counts_of(now)
    alone = {trouble: count for trouble, count in counts.items() if count.people}
    absorbed = {trouble: count.absorbed for trouble, count in counts.items() if not count.people}
    findings = with_engines(list(findings_of(alone)), now)
    return with_beginnings(findings) + absorbed_found(absorbed)


def counts_of(now: datetime) -> dict[Trouble, Count]:
    """Count those who are told of one by one; the people of most organizations are not read."""
    counts = tallied()
    stalled = {trouble.organization_id for trouble in counts}
    if not stalled:
        return {}
    by_team = with_team_routes(stalled)
    special = stalled & (by_team | with_incidents(stalled) | organizations_with_silences(now))
    kept = {each: count for each, count in counts.items() if each.organization_id not in special}
    return kept | looked_at(special, by_team, now)


def tallied() -> dict[Trouble, Count]:
    rows = HealthTally.objects.filter(status=Status.STALLED).values("organization_id", "cause")
    found = rows.order_by().annotate(number=Sum("people")).filter(number__gt=0)
    return {Trouble(row["organization_id"], row["cause"]): Count(row["number"]) for row in found}


def with_incidents(organization_ids: Collection[int]) -> set[int]:
    """Return the organizations some of whose people may wait for the end of an incident."""
    found = Incident.objects.of_failures().not_over().filter(organization__in=organization_ids)
    return set(found.values_list("organization_id", flat=True))


def with_team_routes(organization_ids: Collection[int]) -> set[int]:
    """Return the organizations in which somebody is told of the people of some teams only."""
    found = Route.objects.exclude(teams=[]).filter(organization__in=organization_ids)
    return set(found.values_list("organization_id", flat=True))


def looked_at(
    organization_ids: Collection[int], by_team: Collection[int], now: datetime
) -> dict[Trouble, Count]:
    """Count person by person, apart whom an incident absorbs. One statement."""
    if not organization_ids:
        return {}
    counts: defaultdict[Trouble, Count] = defaultdict(Count)
    values: dict[str, Any] = {"organizations": list(organization_ids), "now": now}
    with connection.cursor() as cursor:
        cursor.execute(LOOK, values)
        for organization, cause, team, is_absorbed, people, silenced in cursor.fetchall():
            count = counts[Trouble(organization, cause)]
            if is_absorbed:
                count.absorbed += people
                continue
            count.people += people
            count.silenced += silenced
            if organization in by_team and people > silenced:
                count.teams[team] = people - silenced
    return counts


def absorbed_found(absorbed: Mapping[Trouble, int]) -> list[Finding]:
    """Return the alerts that go on although an incident absorbs all their people, as they were."""
    if not absorbed:
        return []
    alerts = Alert.objects.open().filter(
        kind__in=ABOUT_HEALTH, organization__in={trouble.organization_id for trouble in absorbed}
    )
    return [
        absorbed_by(alert, number)
        for alert in alerts.order_by("pk")
        if (number := absorbed.get(Trouble(alert.organization_id or 0, alert.cause), 0))
    ]


def absorbed_by(alert: Alert, number: int) -> Finding:
    return Finding(
        AlertKind(alert.kind),
        alert.organization_id,
        alert.cause,
        Severity(alert.severity),
        people=alert.people,
        silenced=alert.people,
        weight=alert.weight,
        facts={FACT: number},
    )


def findings_of(counts: dict[Trouble, Count]) -> Iterator[Finding]:
    asking = causes_for_people({trouble.organization_id for trouble in counts})
    for (organization, cause), count in sorted(counts.items(), key=lambda item: item[0]):
        asks = cause in asking[organization]
        kind = AlertKind.REAUTHORIZE if asks else AlertKind.STALLED
        yield Finding(
            kind,
            organization,
            cause,
            SEVERITIES[kind],
            people=count.people,
            silenced=count.silenced,
            weight=count.people,
            teams=count.teams,
        )


def with_engines(findings: Sequence[Finding], now: datetime) -> list[Finding]:
    """Say of silence whether a run can be asked for, of anybody it tells of."""
    silent = {trouble_of(each).organization_id for each in findings if each.cause == "silent"}
    here = silent_here(silent, now) if silent else set()
    return [
        replace(each, facts={"runs_here": each.organization_id in here})
        if each.cause == "silent"
        else each
        for each in findings
    ]


def silent_here(organization_ids: Collection[int], now: datetime) -> set[int]:
    """Return those of them where this service syncs some of the silent whom an alert tells of.

    Where none of the silent is told of, some of them all.
    """
    with connection.cursor() as cursor:
        cursor.execute(HERE, {"organizations": list(organization_ids), "now": now})
        return {organization for (organization,) in cursor.fetchall()}


def causes_for_people(organization_ids: Collection[int]) -> dict[int, frozenset[str]]:
    """Return the rules of each organization after which only the person can act."""
    sets = rule_sets_of(organization_ids)
    # Most organizations share one and the same set.
    asking = {
        id(rules): frozenset(rule.id for rule in rules.rules if asks_person(rule))
        for rules in {id(rules): rules for rules in sets.values()}.values()
    }
    return {organization: asking[id(rules)] for organization, rules in sets.items()}


def asks_person(rule: Rule) -> bool:
    return rule.who == Who.PERSON and rule.interpretation == Interpretation.NEEDS_USER


def with_beginnings(findings: Iterable[Finding]) -> list[Finding]:
    """Add to those that have no alert yet when the first of their people was stalled, and why."""
    findings = list(findings)
    known = open_alerts() if findings else set()
    new = {
        trouble_of(each)
        for each in findings
        if (each.kind, each.organization_id, each.cause) not in known
    }
    firsts = firsts_of(new)
    return [with_first(each, firsts.get(trouble_of(each))) for each in findings]


def trouble_of(finding: Finding) -> Trouble:
    return Trouble(finding.organization_id or 0, finding.cause)


def open_alerts() -> set[tuple[str, int | None, str]]:
    alerts = Alert.objects.open().filter(kind__in=ABOUT_HEALTH)
    return set(alerts.values_list("kind", "organization_id", "cause"))


def firsts_of(troubles: Collection[Trouble]) -> dict[Trouble, First]:
    if not troubles:
        return {}
    organizations, causes = zip(*troubles, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(FIRST, {"organizations": list(organizations), "causes": list(causes)})
        return {
            Trouble(organization, cause): First(since, tuple(evidence), transition)
            for organization, cause, since, evidence, transition in cursor.fetchall()
        }


def with_first(finding: Finding, first: First | None) -> Finding:
    if first is None:
        return finding
    return replace(
        finding, began_at=first.since, evidence=first.evidence, transition=first.transition
    )
