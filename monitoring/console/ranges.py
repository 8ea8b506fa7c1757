"""How far back a trend goes, and where its bars begin and end. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Range:
    """A choice of how far back to look, with the width of a bar in either chart."""

    key: str
    words: str
    span: timedelta
    people_step: timedelta
    outcomes_step: timedelta


RANGES = (
    Range("24h", "24 hours", DAY, HOUR / 2, HOUR),
    Range("7d", "7 days", 7 * DAY, 3 * HOUR, 6 * HOUR),
    Range("30d", "30 days", 30 * DAY, DAY, DAY),
)


@dataclass(frozen=True, slots=True)
class Stretches:
    """Bars of a trend: each begins at its edge and ends at the next, the last one at `end`."""

    edges: tuple[datetime, ...]
    end: datetime
    step: timedelta


def range_of(key: str | None) -> Range:
    """Return the range of that key, the shortest for one that there is not."""
    return next((each for each in RANGES if each.key == key), RANGES[0])


def stretches_of(now: datetime, span: timedelta, step: timedelta, zone: tzinfo) -> Stretches:
    """Return the bars that reach back `span` from the one `now` is in.

    Up to an hour they are round in UTC, as what is counted is; longer ones in the zone, so that a
    day is the viewer's day, also when its clocks are changed.
    """
    count = span // step
    # A set, because where a country once skipped a day two of its midnights are one moment.
    edges = sorted(
        {
            edge(now, step, place, zone) if step > HOUR else round_in_utc(now, step, place)
            for place in range(1 - count, 2)
        }
    )
    return Stretches(tuple(edges[:-1]), edges[-1], step)


def round_in_utc(now: datetime, step: timedelta, place: int) -> datetime:
    seconds = int(step.total_seconds())
    return datetime.fromtimestamp((int(now.timestamp()) // seconds + place) * seconds, UTC)


def edge(now: datetime, step: timedelta, place: int, zone: tzinfo) -> datetime:
    """Return the round local time `place` steps after the one before `now`."""
    wall = now.astimezone(zone).replace(tzinfo=None)
    midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
    local = midnight + ((wall - midnight) // step + place) * step
    return local.replace(tzinfo=zone).astimezone(UTC)
