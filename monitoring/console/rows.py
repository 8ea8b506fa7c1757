"""Times and situations of people, for their rows and pages. Pure but for reading loaded rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from monitoring.console import moments
from monitoring.console.wording import Situation
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


def last_good_here(health: Health) -> datetime | None:
    """Return when a run of this service last got through; another engine's proves nothing of it."""
    return health.last_success_at if health.runs_here else None


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
