"""Times as somebody types them, in their own zone. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo

TYPED = "%Y-%m-%dT%H:%M"


def typed_moment(text: str, zone: tzinfo, *, latest: bool = False) -> datetime:
    """Return the moment of a text like 2027-01-31T09:00, a day meaning its beginning.

    Where clocks are put back an hour is there twice, and where they are put forward one is missing:
    then it is the earlier moment that may be meant, or the `latest`. Raises ValueError for what is
    no time.
    """
    try:
        read = datetime.fromisoformat(text)
        if read.tzinfo is not None:
            return read.astimezone(UTC)
        meant = [read.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    except OverflowError as error:
        raise ValueError(f"{text} is beyond all times") from error
    return max(meant) if latest else min(meant)


def typed_of(moment: datetime, zone: tzinfo) -> str:
    """Return a moment as a field for times holds it."""
    return f"{moment.astimezone(zone):{TYPED}}"


def next_morning(moment: datetime, zone: tzinfo, hour: int) -> datetime:
    """Return that hour of the day after a moment, as the clocks there show it."""
    day = moment.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(day, time(hour), tzinfo=zone).astimezone(UTC)
