"""When a recipient's next digest is due. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo

NEVER = "never"
WEEKLY = "weekly"
MONDAY = 1


def digest_after(digest: str, hour: int, zone: tzinfo, now: datetime) -> datetime | None:
    """Return the first time after `now` at which a digest is due, in UTC; None for never.

    `digest` is a value of models.Digest, `hour` one of the clock of `zone`.
    """
    if digest == NEVER:
        return None
    day = now.astimezone(zone).date()
    for _ in range(9):
        at = datetime.combine(day, time(hour), zone).astimezone(UTC)
        if at > now and (digest != WEEKLY or day.isoweekday() == MONDAY):
            return at
        day += timedelta(days=1)
    raise ValueError(digest)
