"""One row of the list of people, in words. Pure but for reading a loaded Health row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from django.utils.safestring import SafeString

from monitoring.console import moments
from monitoring.console.strip import strip_html
from monitoring.console.wording import Explanation, Look, Situation, look_of, no_next_run, reason
from monitoring.health.shields import provider_of

if TYPE_CHECKING:
    from monitoring.console.tables import DetailedHealth
    from monitoring.health.models import Health


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as the page shows it: `said` to read, `exact` to hover, `iso` for machines."""

    said: str
    exact: str
    iso: str


@dataclass(frozen=True, slots=True)
class Row:
    person_id: int
    name: str
    email: str
    team: str
    look: Look
    reason: str
    recent: SafeString | None
    last_good: Moment | None
    next_run: Moment | None
    no_next_run: str
    interval: str
    slowed: bool


def row_of(
    health: DetailedHealth, rules: Mapping[str, Explanation], now: datetime, zone: tzinfo
) -> Row:
    """Return the row of a Health loaded by `tables.with_details`."""
    situation = situation_of(health, now)
    person = health.person
    return Row(
        person_id=person.pk,
        name=person.name,
        email=person.email,
        team=person.team,
        look=look_of(health.status, health.cause),
        reason=reason(situation, rules, now, zone),
        recent=strip_html(health.recent) if health.recent else None,
        last_good=past(health.last_success_at, now, zone),
        next_run=coming(situation.next_due, now, zone),
        no_next_run=no_next_run(situation),
        interval=moments.interval(situation.interval, situation.base_interval),
        slowed=situation.interval != situation.base_interval,
    )


def situation_of(health: DetailedHealth, now: datetime) -> Situation:
    """Return the facts for sentences, of a Health loaded by `tables.with_details`."""
    hold = health.hold
    return Situation(
        status=health.status,
        cause=health.cause,
        status_since=health.status_since,
        last_attempt_at=health.last_attempt_at,
        last_success_at=health.last_success_at,
        next_due=next_time(health, now),
        interval=health.interval,
        base_interval=health.base_interval,
        runs_here=health.runs_here,
        held_by=hold.author_name if hold else "",
        held_until=hold.ends_at if hold else None,
        held_because=hold.reason if hold else "",
        not_before=health.not_before,
        asked_by=provider_of(health.last_signature),
    )


def next_time(health: Health, now: datetime) -> datetime | None:
    """Return when the next run comes: planned by this service, or expected of another engine.

    None once another engine's run is due, because when that comes is not known here.
    """
    if health.status == "disabled":
        return None
    if health.runs_here:
        return health.next_due
    expected = health.expected_at
    return expected if expected and expected > now else None


def past(moment: datetime | None, now: datetime, zone: tzinfo) -> Moment | None:
    if moment is None:
        return None
    return Moment(moments.relative(moment, now), moments.exact(moment, zone), moment.isoformat())


def recent(moment: datetime | None, now: datetime, zone: tzinfo) -> Moment | None:
    """Return a time to be read beside others: relative within a day, then by day and clock."""
    found = past(moment, now, zone)
    if moment is None or found is None or abs(now - moment) < timedelta(days=1):
        return found
    return replace(found, said=moments.brief(moment, now, zone))


def coming(moment: datetime | None, now: datetime, zone: tzinfo) -> Moment | None:
    if moment is None:
        return None
    return Moment(moments.due(moment, now), moments.exact(moment, zone), moment.isoformat())
