"""What a digest of the whole service tells: which organizations are in trouble, worst first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from monitoring.alerts.digest_facts import AlertLine, Bars, alerts_of, edges_of
from monitoring.alerts.digest_silenced import silenced_in_need
from monitoring.alerts.digest_times import Period
from monitoring.alerts.in_hand import UNANSWERED, lapsed_by
from monitoring.health.covered import NONE, Covered, PeopleHours, people_hours
from monitoring.incidents.models import Incident

# So many organizations are told, the others counted.
MOST_TROUBLED = 10
# Who has lost so much of their people-hours is in trouble, whatever else is.
FALL = 0.01

# What a part of an incident across organizations is, is counted with its organization alone.
TROUBLE = f"""
    WITH hit AS (
        SELECT organization_id, count(*) AS incidents,
            count(*) FILTER (WHERE closed_at IS NULL) AS open
        FROM incidents_incident
        WHERE kind = 'failures' AND organization_id IS NOT NULL AND opened_at < %(end)s
            AND (closed_at IS NULL OR closed_at > %(first)s)
        GROUP BY 1
    ), need AS (
        SELECT organization_id, sum(people) AS people FROM health_healthtally
        WHERE status = 'stalled' GROUP BY 1 HAVING sum(people) > 0
    ), told AS (
        SELECT organization_id, count(*) AS alerts FROM alerts_alert
        WHERE ended_at IS NULL AND {UNANSWERED} AND organization_id IS NOT NULL
            AND kind <> 'rule_change' AND NOT (people > 0 AND silenced >= people)
        GROUP BY 1
    )
    SELECT organization.id, organization.name, organization.slug,
        coalesce(hit.incidents, 0), coalesce(hit.open, 0), coalesce(need.people, 0)::int8,
        coalesce(told.alerts, 0)
    FROM accounts_organization AS organization
    LEFT JOIN hit ON hit.organization_id = organization.id
    LEFT JOIN need ON need.organization_id = organization.id
    LEFT JOIN told ON told.organization_id = organization.id
    WHERE hit.incidents > 0 OR need.people > 0 OR organization.id = ANY(%(fallen)s)
"""  # noqa: S608 - made of constants
STANDS = """
    WITH seen AS (
        SELECT width_bucket(at, %(edges)s::timestamptz[]) AS stretch, at, "group", people
        FROM health_statussample WHERE at >= %(first)s AND at < %(end)s
    ), times AS (
        SELECT stretch, count(DISTINCT at) AS samples FROM seen GROUP BY 1
    )
    SELECT stretch, "group", sum(people)::float8 / samples
    FROM seen JOIN times USING (stretch) GROUP BY 1, 2, samples
"""


@dataclass(frozen=True, slots=True)
class Troubled:
    """An organization in trouble; `covered` are its people-hours, `open` incidents still go on.

    `people_in_need` are without those who are `silenced`.
    """

    name: str
    slug: str
    covered: Covered
    incidents: int
    open: int
    people_in_need: int
    alerts: int
    silenced: int = 0

    @property
    def uncovered(self) -> float:
        """The people-hours that were lost."""
        return self.covered.now.connected - self.covered.now.covered


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What a period came to in all organizations; numbers without a list are of all there are."""

    period: Period
    organizations: int = 0
    covered: Covered = field(default_factory=Covered)
    bars: Bars = field(default_factory=Bars)
    incident_count: int = 0
    troubled: tuple[Troubled, ...] = ()
    troubled_count: int = 0
    alerts: tuple[AlertLine, ...] = ()
    alert_count: int = 0


def service_facts(period: Period, now: datetime) -> ServiceFacts:
    """Return what a period came to in all organizations, in a few statements over all of them."""
    hours = people_hours(None, before=period.before, first=period.first, end=period.end)
    silenced = {key: causes.total() for key, causes in silenced_in_need(now).items()}
    troubled = worst_first(troubled_of(period, hours, silenced, now))
    alerts, alert_count = alerts_of(None, {}, now)
    return ServiceFacts(
        period=period,
        organizations=sum(each.now.connected > 0 for each in hours.values()),
        covered=together(hours.values()),
        bars=bars_of_all(period),
        incident_count=incident_count(period),
        troubled=tuple(troubled[:MOST_TROUBLED]),
        troubled_count=len(troubled),
        alerts=alerts,
        alert_count=alert_count,
    )


def together(each: Iterable[Covered]) -> Covered:
    """Return the people-hours of several organizations as one. Pure."""
    found = list(each)
    now: PeopleHours = sum((one.now for one in found), NONE)
    return Covered(now, sum((one.before for one in found), NONE))


def has_fallen(covered: Covered) -> bool:
    """Tell whether an organization lost much of its people-hours since the period before. Pure."""
    now, before = covered.now.share, covered.before.share
    return now is not None and before is not None and before - now >= FALL


def worst_first(troubled: Iterable[Troubled]) -> list[Troubled]:
    """Order by what goes on, then by the people-hours that were lost. Pure."""
    return sorted(
        troubled, key=lambda each: (-each.open, -each.uncovered, -each.people_in_need, each.name)
    )


def troubled_of(
    period: Period, hours: Mapping[int, Covered], silenced: Mapping[int, int], now: datetime
) -> list[Troubled]:
    """Return the organizations in trouble; one in which only silenced people wait is in none."""
    fallen = {organization for organization, each in hours.items() if has_fallen(each)}
    times = {"first": period.first, "end": period.end, "lapsed": lapsed_by(now)}
    values: dict[str, Any] = {**times, "fallen": list(fallen)}
    with connection.cursor() as cursor:
        cursor.execute(TROUBLE, values)
        found = {
            pk: Troubled(
                name=name,
                slug=slug,
                covered=hours.get(pk, Covered()),
                incidents=incidents,
                open=still_open,
                people_in_need=max(0, people - silenced.get(pk, 0)),
                alerts=alerts,
                silenced=silenced.get(pk, 0),
            )
            for pk, name, slug, incidents, still_open, people, alerts in cursor.fetchall()
        }
    return [
        each for pk, each in found.items() if each.incidents or each.people_in_need or pk in fallen
    ]


def incident_count(period: Period) -> int:
    """Return how many incidents went on; one across organizations is one."""
    whole = Incident.objects.of_failures().filter(part_of=None, opened_at__lt=period.end)
    return (whole.filter(closed_at=None) | whole.filter(closed_at__gt=period.first)).count()


def bars_of_all(period: Period) -> Bars:
    edges, step = edges_of(period)
    values: dict[str, Any] = {"edges": edges, "first": period.first, "end": period.end}
    people: dict[tuple[datetime, str], float] = {}
    with connection.cursor() as cursor:
        cursor.execute(STANDS, values)
        for stretch, group, number in cursor.fetchall():
            people[edges[stretch - 1], group] = number
    return Bars(tuple(edges), step, people)
