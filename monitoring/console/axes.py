"""Where the axes of a chart begin, end and have their marks, and how they are said. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import count

from monitoring.console.moments import DAY, HOUR, MINUTE

# Lengths of time a reader counts in, in seconds; longer ones double.
LENGTHS = (
    *(minutes * MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * HOUR for hours in (1, 2, 3, 6, 12)),
    *(days * DAY for days in (1, 2, 7, 14)),
)
# What fits under a chart on a telephone and on a desk, and beside one.
FEW_TIMES, MANY_TIMES, MOST_NUMBERS = 5, 12, 5
BREAK = "<br>"


def lengths() -> Iterator[int]:
    """Count up through the lengths of time, without end."""
    yield from LENGTHS
    for power in count(1):
        yield LENGTHS[-1] * 2**power


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """A stretch of time as a viewer in `zone` reads it; start <= end, both aware.

    `by_day` says that what is shown begins at midnight, so that no clock need be named. Places on
    it are seconds since its start, so that an hour is as long as any other on the day the clocks
    change too.
    """

    start: datetime
    end: datetime
    zone: tzinfo
    by_day: bool = False

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()

    def place(self, moment: datetime) -> float:
        seconds = (moment - self.start).total_seconds()
        return int(seconds) if seconds.is_integer() else seconds

    def said(self, moment: datetime) -> str:
        """Return "20 Nov 14:05"; with the zone's letters where the clocks change on this axis."""
        local = moment.astimezone(self.zone)
        if self.by_day:
            return f"{local.day} {local:%b}"
        letters = f" {local.tzname()}" if self.clocks_change else ""
        return f"{local.day} {local:%b %H:%M}{letters}"

    @property
    def clocks_change(self) -> bool:
        first, last = (moment.astimezone(self.zone) for moment in (self.start, self.end))
        return first.utcoffset() != last.utcoffset()

    def marks(self, most: int) -> list[tuple[datetime, str]]:
        """Return up to `most` round local times on the axis, with what to write there."""
        for step in lengths():
            # Where there are too many by far, they are not worth listing.
            if self.seconds > (most + 2) * step:
                continue
            times = self.round_times(step)
            if len(times) <= most:
                return labelled([time.astimezone(self.zone) for time in times], step)
        raise AssertionError("lengths have no end")

    def round_times(self, step: int) -> list[datetime]:
        """Return each time on the axis that is round in local time, every `step` seconds."""
        wall = self.start.astimezone(self.zone).replace(tzinfo=None)
        midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
        days = (wall.toordinal() - 1) % (step // DAY) if step > DAY else 0
        first = midnight - timedelta(days=days)
        skipped = (wall - first) // timedelta(seconds=step)
        # Some on either side, for clocks that are changed in between.
        extra = 1 + 2 * HOUR // step
        places = range(skipped - extra, skipped + int(self.seconds // step) + 1 + extra)
        walls = [first + timedelta(seconds=step * place) for place in places]
        # The hour that clocks are set back by comes twice; only short steps have marks within it.
        folds = (0, 1) if step < HOUR else (0,)
        times = {
            wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC)
            for wall in walls
            for fold in folds
        }
        return sorted(time for time in times if self.start <= time <= self.end)


def labelled(times: Sequence[datetime], step: int) -> list[tuple[datetime, str]]:
    """Return local times with their labels; a clock's has the day below it, once a day."""
    if step >= DAY:
        return [(time, f"{time.day} {time:%b}") for time in times]
    labels: list[tuple[datetime, str]] = []
    for before, time in zip((None, *times), times, strict=False):
        is_new_day = before is None or before.date() != time.date()
        day = f"{BREAK}{time.day} {time:%b}" if is_new_day else ""
        labels.append((time, f"{time:%H:%M}{day}"))
    return labels


def number_marks(top: float, is_whole: bool) -> list[float]:
    """Return up to MOST_NUMBERS round numbers above 0 and not above `top`, and 0 before them.

    With `is_whole` none is a fraction; then a `top` below 1 leaves 0 alone.
    """
    step = number_step(top, is_whole)
    places = range(int(top / step + 1e-9) + 1)
    return [round(place * step, 9) for place in places]


def number_step(top: float, is_whole: bool) -> float:
    """Return the smallest round step that goes into `top` at most MOST_NUMBERS times."""
    for power in count(0 if is_whole else -6):
        for digit in (1, 2, 5):
            step = digit * 10.0**power
            if top / step <= MOST_NUMBERS:
                return step
    raise AssertionError("powers have no end")


def number(value: float) -> str:
    """Return "1,234" or "99.2"; never more than one decimal."""
    whole = round(value, 1)
    return f"{int(whole):,}" if float(whole).is_integer() else f"{whole:,.1f}"


def apart(wanted: Sequence[float], gap: float, lowest: float, highest: float) -> list[float]:
    """Return places near those wanted, at least `gap` from each other, in the same order.

    All are within lowest and highest if so many fit there; else they overflow at the bottom.
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed = [0.0] * len(wanted)
    floor = lowest
    for index in order:
        placed[index] = floor = max(wanted[index], floor)
        floor += gap
    ceiling = highest
    for index in reversed(order):
        placed[index] = ceiling = min(placed[index], ceiling)
        ceiling -= gap
    return placed
