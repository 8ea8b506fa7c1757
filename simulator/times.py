"""Reading and writing instants the way each vendor does."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def whole_second(instant: datetime) -> datetime:
    return instant.replace(microsecond=0)


def whole_millisecond(instant: datetime) -> datetime:
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def google_stamp(instant: datetime) -> str:
    """`2026-03-28T21:09:03.123Z`."""
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03d}Z"


def salesforce_stamp(instant: datetime) -> str:
    """`2026-03-28T21:09:03.000+0000`; Salesforce keeps whole seconds."""
    return f"{instant.isoformat()[:19]}.000+0000"


def parse_instant(text: str) -> datetime | None:
    """An ISO 8601 time with an offset as UTC, or None when it is not one."""
    try:
        instant = datetime.fromisoformat(text)
        return instant.astimezone(UTC) if instant.tzinfo else None
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=512)
def find_zone(name: str) -> ZoneInfo | None:
    """The IANA zone of that name, or None."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zoned_text(instant: datetime, zone_name: str) -> str:
    """RFC 3339 in a zone, whole seconds, `Z` for a zero offset."""
    zone = find_zone(zone_name) or UTC
    return instant.astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")
