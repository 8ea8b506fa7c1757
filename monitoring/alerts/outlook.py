"""When somebody who was not told of an alert will be, and why they are not told now. Pure.

The same rules as those of `monitoring.alerts.plan`, looked at ahead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from monitoring.alerts.hours import Hours, is_awake
from monitoring.alerts.kinds import EVENTS, Severity
from monitoring.alerts.plan import matches
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
    told_at: datetime | None = None,
) -> Outlook | None:
    """Return what one who was not told can expect; None where the route is not about it.

    `told_at` is when somebody was first told without a delay, from when on delays count.
    """
    if not matches(target, episode):
        return None
    if episode.ended_at is not None:
        return Outlook(Why.OVER)
    if target.after and episode.is_acknowledged:
        return Outlook(Why.ACKNOWLEDGED)
    if not episode.people and episode.silenced:
        return Outlook(Why.ABSORBED if episode.is_absorbed else Why.SILENCED)
    why, wait = wait_of(episode, target, waits)
    at = max(episode.began_at + timedelta(seconds=wait), now)
    if target.after and told_at is not None:
        at = max(at, told_at + timedelta(seconds=target.after))
    awake = awake_from(target.hours, at) if must_be_awake(episode, target) else at
    return Outlook(why, at) if awake == at else Outlook(Why.QUIET, awake)


def wait_of(episode: Episode, target: Target, waits: Waits) -> tuple[Why, int]:
    """Return for how many seconds the episode must have lasted, and why so long."""
    if episode.kind in EVENTS:
        return Why.WAITING, target.after
    wait = target.after + waits.opened
    if episode.flaps >= waits.flaps and waits.flapping > wait:
        return Why.FLAPPING, waits.flapping
    return Why.WAITING, wait


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

    They are in order.
    """
    today = moment.astimezone(hours.zone).date()
    clocks = sorted({time(0), hours.quiet_until or time(0)})
    for number in range(DAYS_AHEAD + 1):
        day = today + timedelta(days=number)
        for clock in clocks:
            local = datetime.combine(day, clock, tzinfo=hours.zone)
            yield local.astimezone(moment.tzinfo)
