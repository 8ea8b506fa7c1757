"""How much somebody misses while syncing does not get through, by their usual week. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

WEEK = timedelta(weeks=1)
# So many weeks before the gap are looked at, and as many must be known at least.
WEEKS = 4
LEAST_WEEKS = 1


@dataclass(frozen=True, slots=True)
class Copied:
    """Meetings that one run copied, and when it ended."""

    at: datetime
    meetings: int


@dataclass(frozen=True, slots=True)
class Missing:
    """What is missing of somebody whose syncing does not get through.

    last_copied_at   when a meeting was copied last; None if not in the weeks looked at
    estimate         how many have probably come up since; None where that can't be known
    """

    last_copied_at: datetime | None
    estimate: int | None


def missing_estimate(
    copied: Sequence[Copied], *, known_from: datetime, gap_since: datetime, now: datetime
) -> int | None:
    """Return how many meetings come up in a gap in a usual week, less those copied in it anyway.

    `known_from` is the first run known: what that one copied may have been years of meetings, so it
    counts for nothing. Of several weeks the middle one counts, so that a holiday or a great import
    does no harm. None where not even a week before the gap is known.
    """
    weeks = min(WEEKS, (gap_since - known_from) // WEEK)
    if weeks < LEAST_WEEKS:
        return None
    usual = median(came_up(copied, gap_since, now, back) for back in range(1, weeks + 1))
    anyway = sum(each.meetings for each in copied if each.at > gap_since)
    return max(0, round(usual) - anyway)


def came_up(copied: Sequence[Copied], gap_since: datetime, now: datetime, back: int) -> int:
    """Return how many came up in as long a time as the gap, `back` weeks before it.

    A gap of more than a week is as many times that whole week, and the rest of it.
    """
    whole, rest = divmod(max(now - gap_since, timedelta()), WEEK)
    start = gap_since - back * WEEK
    return whole * between(copied, start, start + WEEK) + between(copied, start, start + rest)


def between(copied: Sequence[Copied], start: datetime, end: datetime) -> int:
    return sum(each.meetings for each in copied if start < each.at <= end)
