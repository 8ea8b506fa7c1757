"""What a digest of an organization tells, read from what is stored: a dozen short statements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Q

from monitoring.alerts.alert_causes import Rules, explained
from monitoring.alerts.digest_silenced import silenced_in_need
from monitoring.alerts.digest_times import Period
from monitoring.alerts.kinds import AlertKind
from monitoring.alerts.models import Alert
from monitoring.alerts.stalled import silent_here
from monitoring.errors.models import UnrecognisedError
from monitoring.errors.rulebook import rule_sets_of
from monitoring.health.causes import explanation_of, told_as, words_of
from monitoring.health.covered import Covered, people_hours
from monitoring.health.samples import people_by_group
from monitoring.health.tally import tally_rows
from monitoring.incidents.models import Incident

# So many of each are told, the others counted.
MOST_LINES = 5
# More incidents than any period has; they are counted up to here.
MOST_COUNTED = 200
HOUR = timedelta(hours=1)
# Of a longer period a bar for each hour would be too thin.
LONGEST_BY_HOUR = timedelta(hours=36)

DEEDS = """
    SELECT action, count(*), count(DISTINCT author_name),
        (array_agg(DISTINCT author_name ORDER BY author_name))[1:2]
    FROM audit_auditentry
    WHERE organization_id = %(organization)s AND at >= %(first)s AND at < %(end)s
        AND split_part(action, '.', 1) = ANY(%(about)s)
    GROUP BY action ORDER BY count(*) DESC, action LIMIT %(most)s
"""
# What is done about people, alerts, incidents, rules and silences; looking is nobody's news.
ABOUT = ["action", "alert", "person", "incident", "rule", "silence", "invitation"]


@dataclass(frozen=True, slots=True)
class IncidentLine:
    id: int
    title: str
    people: int
    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class NeedLine:
    """People who need somebody for one cause."""

    cause: str
    title: str
    next_step: str
    people: int


@dataclass(frozen=True, slots=True)
class AlertLine:
    """An alert that nobody has acknowledged."""

    id: int
    title: str
    people: int
    began_at: datetime


@dataclass(frozen=True, slots=True)
class DeedLine:
    """Something that was done so often, by so many; the first of them by name."""

    action: str
    times: int
    authors: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """How many people stood how, on average in each bar of a chart; each ends at the next edge."""

    edges: tuple[datetime, ...] = ()
    step: timedelta = HOUR
    people: dict[tuple[datetime, str], float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrganizationFacts:
    """What a period came to in one organization; numbers without a list are of all there are.

    `people_in_need` and `needs` are without those who are `silenced`.
    """

    name: str
    slug: str
    period: Period
    covered: Covered = field(default_factory=Covered)
    bars: Bars = field(default_factory=Bars)
    known: int = 0
    incidents: tuple[IncidentLine, ...] = ()
    incident_count: int = 0
    incidents_before: int = 0
    needs: tuple[NeedLine, ...] = ()
    need_count: int = 0
    people_in_need: int = 0
    silenced: int = 0
    alerts: tuple[AlertLine, ...] = ()
    alert_count: int = 0
    deeds: tuple[DeedLine, ...] = ()
    unknown_errors: int = 0
    new_errors: int = 0


def organization_facts(organization: Any, period: Period, now: datetime) -> OrganizationFacts:
    """Return what a period came to in an organization, from its own rows alone."""
    pk = organization.pk
    rules = words_of(rule_sets_of([pk])[pk])
    hours = people_hours([pk], before=period.before, first=period.first, end=period.end)
    incidents, before = incidents_of(pk, period)
    groups = groups_of(pk)
    silenced = silenced_in_need(now, [pk])[pk]
    needed = most_needed(groups, silenced)
    alerts, alert_count = alerts_of(pk, rules, now)
    unknown, new = errors_of(pk, period)
    return OrganizationFacts(
        name=organization.name,
        slug=organization.slug,
        period=period,
        covered=hours.get(pk, Covered()),
        bars=bars_of(pk, period),
        known=sum(groups.values()),
        incidents=tuple(incident_line(each, rules) for each in incidents[:MOST_LINES]),
        incident_count=len(incidents),
        incidents_before=before,
        needs=tuple(
            need_line(pk, cause, people, rules, now) for cause, people in needed[:MOST_LINES]
        ),
        need_count=len(needed),
        people_in_need=sum(people for _, people in needed),
        silenced=silenced.total(),
        alerts=alerts,
        alert_count=alert_count,
        deeds=deeds_of(pk, period),
        unknown_errors=unknown,
        new_errors=new,
    )


def bars_of(organization_id: int, period: Period) -> Bars:
    edges, step = edges_of(period)
    return Bars(tuple(edges), step, people_by_group(organization_id, edges, period.end))


def edges_of(period: Period) -> tuple[list[datetime], timedelta]:
    """Return where the bars of a chart begin, and their width: an hour of a day, six of more."""
    step = 6 * HOUR if period.end - period.first > LONGEST_BY_HOUR else HOUR
    edges = [period.first]
    while edges[-1] + step < period.end:
        edges.append(edges[-1] + step)
    return edges, step


def incidents_of(organization_id: int, period: Period) -> tuple[list[Incident], int]:
    """Return the incidents that went on within the period, open ones first, and how many before."""
    own = Incident.objects.of_failures().filter(organization=organization_id)
    recent = own.filter(Q(closed_at=None) | Q(closed_at__gt=period.before))
    found = list(recent.filter(opened_at__lt=period.end).order_by("-opened_at")[:MOST_COUNTED])
    now = [each for each in found if each.closed_at is None or each.closed_at > period.first]
    before = [each for each in found if each.opened_at < period.first]
    return sorted(now, key=lambda each: (each.closed_at is not None, -each.people_hit)), len(before)


def incident_line(incident: Incident, rules: Rules) -> IncidentLine:
    known = explanation_of(incident.rule or "unrecognised", rules)
    return IncidentLine(
        incident.pk, known.title, incident.people_hit, incident.began_at, incident.closed_at
    )


def groups_of(organization_id: int) -> Counter[tuple[str, str]]:
    """Return how many people are in which status for which cause."""
    found: Counter[tuple[str, str]] = Counter()
    for row in tally_rows(organization_id):
        found[row["status"], row["cause"]] += row["number"]
    return found


def most_needed(
    groups: Counter[tuple[str, str]], silenced: Mapping[str, int]
) -> list[tuple[str, int]]:
    """Return the causes people need somebody for, most people first, without the silenced. Pure."""
    stalled = {cause: people for (status, cause), people in groups.items() if status == "stalled"}
    left = Counter(stalled) - Counter(silenced)
    return sorted(left.items(), key=lambda each: (-each[1], each[0]))


def need_line(
    organization_id: int, cause: str, people: int, rules: Rules, now: datetime
) -> NeedLine:
    # Only silence has other words where another engine syncs all whom it is about.
    any_here = cause != "silent" or silent_here([organization_id], now) != set()
    known = explanation_of(told_as(cause, any_here=any_here), rules)
    return NeedLine(cause, known.title, known.next_step, people)


def alerts_of(
    organization_id: int | None, rules: Rules, now: datetime
) -> tuple[tuple[AlertLine, ...], int]:
    """Return the open alerts that nobody has in hand, the gravest first, and how many.

    Without those about silenced people alone.
    """
    own = Alert.objects.unacknowledged(now).filter(organization=organization_id)
    told = list(own.exclude(kind=AlertKind.RULE_CHANGE).newest_first()[:MOST_COUNTED])
    return tuple(alert_line(alert, rules) for alert in told[:MOST_LINES]), len(told)


def alert_line(alert: Alert, rules: Rules) -> AlertLine:
    known = explained(alert.kind, alert.cause, alert.facts, rules)
    return AlertLine(alert.pk, known.title, alert.people - alert.silenced, alert.began_at)


def deeds_of(organization_id: int, period: Period) -> tuple[DeedLine, ...]:
    values: dict[str, Any] = {
        "organization": organization_id,
        "first": period.first,
        "end": period.end,
        "about": ABOUT,
        "most": MOST_LINES,
    }
    with connection.cursor() as cursor:
        cursor.execute(DEEDS, values)
        return tuple(
            DeedLine(action, times, authors, tuple(names))
            for action, times, authors, names in cursor.fetchall()
        )


def errors_of(organization_id: int, period: Period) -> tuple[int, int]:
    """Return how many kinds of error no rule knows, and how many of them came up lately."""
    own = UnrecognisedError.objects.open().filter(organization=organization_id)
    new = Count("pk", filter=Q(first_seen__gte=period.first))
    found = own.aggregate(all=Count("pk"), new=new)
    return found["all"], found["new"]
