"""When a digest is due, on the clock of whoever gets it, and which time it tells of. Pure.

Moments are UTC. An hour that a clock skips on the day of its change comes an hour later, and of one
that comes twice the first counts: a day has one digest, whatever its length.

On a day off there is none, and the next one tells of the time since the last. One whose hour is a
quiet one comes when that ends. A weekly one is due on Mondays, or on the next working day.

Each tells from where the last one ended, whatever hours and days were chosen anew between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from monitoring.alerts.hours import EVERY_DAY, Hours, is_awake, is_quiet, next_awake

# The values of models.Digest.
NEVER, WEEKLY = "never", "weekly"
DAY, MONDAY = timedelta(days=1), 1
# A week, and one more for each time that a digest is put off by, with a change of the clock.
DAYS_LOOKED_AT = 31
# A digest that is put off by a week comes so long after its day at most.
LONGEST_WAIT = timedelta(days=15)
# Samples are kept for as long as two of these, one to tell of and one to compare it with.
LONGEST_PERIOD = timedelta(days=15)
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often somebody wants a digest: daily, or weekly, at an hour of the clock of their zone.

    None comes on other days than theirs, nor in their quiet hours, urgent or not.
    """

    is_weekly: bool
    hour: int
    hours: Hours = field(default_factory=Hours)

    @property
    def zone(self) -> tzinfo:
        return self.hours.zone

    @property
    def days(self) -> frozenset[int]:
        """The ISO weekdays on which one may come."""
        return self.hours.days or EVERY_DAY

    @property
    def least(self) -> timedelta:
        """What one tells of at least: half a day or week, after days or hours were changed."""
        return timedelta(days=3, hours=12) if self.is_weekly else timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Period:
    """What a digest tells of: from `first` to `end`, compared with what was before, from `before`.

    Times are told in `zone`.
    """

    before: datetime
    first: datetime
    end: datetime
    is_weekly: bool
    zone: tzinfo


def digest_after(digest: str, hour: int, hours: Hours, now: datetime) -> datetime | None:
    """Return the first time after `now` at which a digest is due, in UTC; None for never.

    `digest` is a value of models.Digest, `hour` one of the clock of the zone of `hours`.
    """
    if digest == NEVER:
        return None
    return next_digest(Cadence(digest == WEEKLY, hour, hours), now)


def next_digest(cadence: Cadence, after: datetime) -> datetime:
    """Return when the first digest after a moment is due."""
    start = after - LONGEST_WAIT
    return next(moment for moment in moments_from(cadence, start, DAY) if moment > after)


def last_digest(cadence: Cadence, until: datetime) -> datetime:
    """Return when the last digest was due, up to and with a moment."""
    return next(moment for moment in moments_from(cadence, until, -DAY) if moment <= until)


def period_of(cadence: Cadence, now: datetime) -> Period:
    """Return what a digest of this moment tells of: the last that was due, if several were."""
    end = last_digest(cadence, now)
    first = last_digest(cadence, end - INSTANT)
    before = last_digest(cadence, first - INSTANT)
    return Period(before, first, end, cadence.is_weekly, cadence.zone)


def period_since(cadence: Cadence, told: datetime | None, now: datetime) -> Period | None:
    """Return what a digest of this moment tells of where the last one ended at `told`.

    None where that is too little yet. Where it ended longer ago than can be told, as when none were
    wanted for months, it is as if there had been none.
    """
    period = period_of(cadence, now)
    if told is None or period.end - told > LONGEST_PERIOD:
        return period
    if period.end < told + cadence.least:
        return None
    if told == period.first:
        return period
    return replace(period, before=told - (period.end - told), first=told)


def digest_planned(
    cadence: Cadence, told: datetime | None, was: datetime | None, now: datetime
) -> datetime:
    """Return when the next digest is due after its cadence was changed at `now`.

    `was` is when it was due before. One with something to tell then is not put off by the change,
    but into working hours.
    """
    after = now if told is None else max(now, told + cadence.least - INSTANT)
    planned = next_digest(cadence, after)
    if was is None or was >= planned or (told is None and was > now):
        return planned
    if period_since(cadence, told, max(was, now)) is None:
        return planned
    if is_awake(cadence.hours, max(was, now)):
        return was
    return min(planned, next_awake(cadence.hours, max(was, now)) or planned)


def moments_from(cadence: Cadence, start: datetime, step: timedelta) -> Iterator[datetime]:
    """Yield when digests are due on the days around a moment, from it on in the step's direction.

    A day early, so that whoever asks finds the first that fits.
    """
    day = start.astimezone(cadence.zone).date() - step
    for _ in range(DAYS_LOOKED_AT + 1):
        if is_day_of(cadence, day):
            yield moment_on(cadence, day)
        day += step


def is_day_of(cadence: Cadence, day: date) -> bool:
    """Tell whether a digest belongs to a day: weekly ones to the first working day of a week."""
    weekday = day.isoweekday()
    return weekday == min(cadence.days) if cadence.is_weekly else weekday in cadence.days


def moment_on(cadence: Cadence, day: date) -> datetime:
    """Return when the digest of a day comes: at its hour, or when it may."""
    moment = on_clock(cadence, day, time(cadence.hour))
    end = cadence.hours.quiet_until
    local = moment.astimezone(cadence.zone)
    if end is None or not is_quiet(cadence.hours, local.time()):
        return moment
    day = local.date() if local.time() < end else local.date() + DAY
    while day.isoweekday() not in cadence.days:
        day += DAY
    return on_clock(cadence, day, end)


def on_clock(cadence: Cadence, day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, cadence.zone).astimezone(UTC)
