"""When somebody who was not told of an alert will be, and why they are not told now. Pure.

The same rules as those of `monitoring.alerts.plan`, looked at ahead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from monitoring.alerts.hours import Hours, is_awake
from monitoring.alerts.in_hand import in_hand_until
from monitoring.alerts.kinds import EVENTS, Severity
from monitoring.alerts.plan import (
    STALE,
    due_from,
    end_due_at,
    matches,
    people_for,
)
from monitoring.alerts.plan_facts import Episode, Target, Waits

# Whoever has any waking hours at all has some within a week.
DAYS_AHEAD = 8


class Why(StrEnum):
    """What keeps it from being told now."""

    WAITING = "waiting"
    QUIET = "quiet"
    FLAPPING = "flapping"
    SILENCED = "silenced"
    ABSORBED = "absorbed"
    ACKNOWLEDGED = "acknowledged"
    OVER = "over"
    BACK = "back"


@dataclass(frozen=True, slots=True)
class Outlook:
    """Why one is not told, and from when on they are if it lasts; None: not as things stand."""

    why: Why
    at: datetime | None = None


def outlook(
    episode: Episode,
    target: Target,
    now: datetime,
    waits: Waits,
    first_at: datetime | None = None,
) -> Outlook | None:
    """Return what one who was not told can expect; None where the route is not about it.

    `first_at` is when somebody was first told without a delay, or will be (`first_told`): from
    then on delays count.
    """
    if not matches(target, episode):
        return None
    if not people_for([target], episode) and episode.silenced:
        return Outlook(Why.ABSORBED if episode.is_absorbed else Why.SILENCED)
    found = expected(episode, target, now, waits, due_from(episode, waits))
    # Whoever escalates alone does not wait for one who wakes up only later.
    if target.after and first_at is not None and found.at is not None and first_at <= found.at:
        found = expected(episode, target, now, waits, first_at)
    return Outlook(Why.OVER) if is_too_late(episode, found.at or now) else found


def end_outlook(episode: Episode, now: datetime, waits: Waits) -> Outlook:
    """Return when those who wait for the end of an episode that is over are told of it.

    Never sooner than now, and from when they want to hear of it again at the earliest.
    """
    due_at = end_due_at(episode, waits)
    return Outlook(Why.BACK) if due_at is None else Outlook(Why.WAITING, max(due_at, now))


def first_told(
    episode: Episode, targets: Iterable[Target], now: datetime, waits: Waits
) -> datetime | None:
    """Return when the first of those who were not told will be, by a route without a delay."""
    found = (outlook(episode, each, now, waits) for each in targets if not each.after)
    return min((each.at for each in found if each and each.at), default=None)


def is_sooner(one: Outlook, other: Outlook) -> bool:
    """Tell whether of a recipient with two routes the first is what they can expect."""
    return one.at is not None and (other.at is None or one.at < other.at)


def expected(
    episode: Episode, target: Target, now: datetime, waits: Waits, delay_from: datetime
) -> Outlook:
    """Return when an episode is told that goes on and is not silenced."""
    steady, unanswered = steady_from(episode, waits), unanswered_from(episode, target, waits)
    delayed = max(delay_from, unanswered) + timedelta(seconds=target.after)
    lasted = max(due_from(episode, waits), delayed)
    why = Why.FLAPPING if steady > lasted else Why.WAITING
    at = max(lasted, steady, now)
    awake = awake_from(target.hours, at) if must_be_awake(episode, target) else at
    if unanswered > now:
        return Outlook(Why.ACKNOWLEDGED, awake)
    return Outlook(why, at) if awake == at else Outlook(Why.QUIET, awake)


def unanswered_from(episode: Episode, target: Target, waits: Waits) -> datetime:
    """Return from when on no acknowledgement holds an escalation up: then its delay begins."""
    until = in_hand_until(episode, waits) if target.after else None
    return until or episode.began_at


def steady_from(episode: Episode, waits: Waits) -> datetime:
    """Return from when on an episode is told although it came and went."""
    is_flapping = episode.flaps >= waits.flaps and episode.kind not in EVENTS
    return episode.began_at + timedelta(seconds=waits.flapping if is_flapping else 0)


def is_too_late(episode: Episode, moment: datetime) -> bool:
    """Tell whether the beginning of an episode is not told any more."""
    if episode.ended_at is None:
        return False
    return episode.kind not in EVENTS or moment - episode.ended_at > STALE


def must_be_awake(episode: Episode, target: Target) -> bool:
    return episode.severity < Severity.CRITICAL or not target.hours.urgent_always


def awake_from(hours: Hours, moment: datetime) -> datetime | None:
    """Return the first time from `moment` on at which what is not urgent may be told.

    None where that never is.
    """
    if is_awake(hours, moment):
        return moment
    found = (each for each in beginnings(hours, moment) if each > moment and is_awake(hours, each))
    return next(found, None)


def beginnings(hours: Hours, moment: datetime) -> Iterator[datetime]:
    """Yield the times from which on somebody may be awake: of each day its start, and quiet's end.

    They are in order. On a day on which the clocks are changed, it is each minute.
    """
    today = moment.astimezone(hours.zone).date()
    clocks = sorted({time(0), hours.quiet_until or time(0)})
    for number in range(DAYS_AHEAD + 1):
        day = today + timedelta(days=number)
        start, end = (instant(hours, each, time(0)) for each in (day, day + timedelta(days=1)))
        if end - start == timedelta(days=1):
            yield from (instant(hours, day, clock) for clock in clocks)
        else:
            minutes = int((end - start) / timedelta(minutes=1))
            yield from (start + timedelta(minutes=each) for each in range(minutes))


def instant(hours: Hours, day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, tzinfo=hours.zone).astimezone(UTC)
