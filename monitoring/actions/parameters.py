"""Reading what was typed for an action: strings as a form sends them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from monitoring.actions.deeds import ActionRefusedError
from monitoring.actions.models import Kind

LONGEST_REASON = 500
# What is meant to last longer needs no end.
LONGEST_UNTIL = timedelta(days=3_660)
REASON_NEEDED = frozenset({Kind.HOLD, Kind.RELEASE, Kind.INTERVAL, Kind.SILENCE})


def text_of(given: Mapping[str, Any], field: str) -> str:
    """Return a text without white space around it; "" where it is missing."""
    return str(given.get(field) or "").replace("\x00", "").strip()


def reason_of(kind: Kind, given: Mapping[str, Any]) -> str:
    """Return the reason. Raises ActionRefusedError where one is needed, or it is too long."""
    reason = text_of(given, "reason")
    if not reason and kind in REASON_NEEDED:
        raise ActionRefusedError("Write why, for whoever asks later.", "reason")
    if len(reason) > LONGEST_REASON:
        raise ActionRefusedError(f"A reason may have {LONGEST_REASON} characters.", "reason")
    return reason


def until_of(given: Mapping[str, Any], zone: ZoneInfo, now: datetime) -> datetime | None:
    """Return the moment typed as `until`, a day meaning its beginning; None for no end.

    It is in the member's zone where it names none.

    Raises ActionRefusedError for what is no date and for what is not in the future.
    """
    text = text_of(given, "until")
    if not text:
        return None
    try:
        until = datetime.fromisoformat(text)
        # A time with a zone of its own says which moment is meant.
        until = until.replace(tzinfo=zone) if until.tzinfo is None else until.astimezone(zone)
        ahead = until - now
    except (ValueError, OverflowError):
        sentence = "Write the end as a day, like 2027-01-31, or with a time, like 2027-01-31T09:00."
        raise ActionRefusedError(sentence, "until") from None
    if ahead <= timedelta():
        raise ActionRefusedError("The end must be in the future.", "until")
    if ahead > LONGEST_UNTIL:
        raise ActionRefusedError("The end must be within ten years.", "until")
    return until


def day_of(given: Mapping[str, Any], field: str) -> date | None:
    """Return the day typed, None for none. Raises ActionRefusedError for what is no day."""
    text = text_of(given, field)
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ActionRefusedError("Write the day like 2027-01-31.", field) from None


def stored(moment: datetime | None) -> str | None:
    """Return a moment as JSON holds it; `moment_of` reads it back."""
    return None if moment is None else moment.isoformat()


def moment_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
