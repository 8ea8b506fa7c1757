"""When a digest is due, on the clock of whoever gets it, and which time it tells of. Pure.

Moments are UTC. An hour that a clock skips on the day of its change comes an hour later, and of one
that comes twice the first counts: a day has one digest, whatever its length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

# The values of models.Digest.
NEVER, WEEKLY = "never", "weekly"
DAY, MONDAY = timedelta(days=1), 1
# Far enough for a week with its change of the clock, in any zone.
DAYS_LOOKED_AT = 9


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often somebody wants a digest: daily, or weekly on Mondays, at an hour of their zone."""

    is_weekly: bool
    hour: int
    zone: tzinfo


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

    @property
    def day(self) -> date:
        """The day of whoever gets it on which it is due: each has one digest."""
        return self.end.astimezone(self.zone).date()


def digest_after(digest: str, hour: int, zone: tzinfo, now: datetime) -> datetime | None:
    """Return the first time after `now` at which a digest is due, in UTC; None for never.

    `digest` is a value of models.Digest, `hour` one of the clock of `zone`.
    """
    if digest == NEVER:
        return None
    return next_digest(Cadence(digest == WEEKLY, hour, zone), now)


def next_digest(cadence: Cadence, after: datetime) -> datetime:
    """Return when the first digest after a moment is due."""
    return next(moment for moment in moments_from(cadence, after, DAY) if moment > after)


def last_digest(cadence: Cadence, until: datetime) -> datetime:
    """Return when the last digest was due, up to and with a moment."""
    return next(moment for moment in moments_from(cadence, until, -DAY) if moment <= until)


def period_of(cadence: Cadence, now: datetime) -> Period:
    """Return what a digest of this moment tells of: the last that was due, if several were."""
    end = last_digest(cadence, now)
    first = last_digest(cadence, end - timedelta(microseconds=1))
    before = last_digest(cadence, first - timedelta(microseconds=1))
    return Period(before, first, end, cadence.is_weekly, cadence.zone)


def moments_from(cadence: Cadence, start: datetime, step: timedelta) -> Iterator[datetime]:
    """Yield when digests are due on the days around a moment, from it on in the step's direction.

    A day early, so that whoever asks finds the first that fits.
    """
    day = start.astimezone(cadence.zone).date() - step
    for _ in range(DAYS_LOOKED_AT + 1):
        if not cadence.is_weekly or day.isoweekday() == MONDAY:
            yield datetime.combine(day, time(cadence.hour), cadence.zone).astimezone(UTC)
        day += step
