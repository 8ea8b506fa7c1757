"""When somebody wants to be told: quiet hours and working days, in their own zone. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from monitoring.alerts.kinds import Severity

EVERY_DAY = frozenset(range(1, 8))
A_WEEK_OF_MINUTES = 8 * 24 * 60


@dataclass(frozen=True, slots=True)
class Hours:
    """A recipient's hours. `days` are ISO weekdays, Monday being 1.

    From `quiet_from` until `quiet_until` on the clock of `zone` nothing is told but what is urgent;
    where the first is the later of the two, that is over midnight, and where they are equal or
    missing, never.
    """

    zone: tzinfo = UTC
    quiet_from: time | None = None
    quiet_until: time | None = None
    days: frozenset[int] = EVERY_DAY
    urgent_always: bool = True


def may_be_told(hours: Hours, severity: int, now: datetime) -> bool:
    """Tell whether something so grave may be told at `now`."""
    is_urgent = severity >= Severity.CRITICAL and hours.urgent_always
    return is_urgent or is_awake(hours, now)


def is_awake(hours: Hours, now: datetime) -> bool:
    """Tell whether something that is not urgent may be told at `now`."""
    local = now.astimezone(hours.zone)
    return local.isoweekday() in hours.days and not is_quiet(hours, local.time())


def is_quiet(hours: Hours, clock: time) -> bool:
    begin, end = hours.quiet_from, hours.quiet_until
    if begin is None or end is None or begin == end:
        return False
    if begin < end:
        return begin <= clock < end
    return clock >= begin or clock < end


def next_awake(hours: Hours, now: datetime) -> datetime | None:
    """Return the first full minute after `now` at which that is so; None if there is none soon."""
    minute = now.replace(second=0, microsecond=0)
    moments = (minute + timedelta(minutes=each) for each in range(1, A_WEEK_OF_MINUTES))
    return next((moment for moment in moments if is_awake(hours, moment)), None)
