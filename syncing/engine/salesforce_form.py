"""Events as Salesforce shows and takes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from syncing.engine.content import AllDay, EventContent, ShowAs, Timed, When, clean_text
from syncing.engine.observed import Deleted, Excluded, LeftOut, Observed, Present, Private

KEY_FIELD = "SyncCenter_Key__c"
READ_FIELDS = (
    *("Id", "SystemModstamp", "OwnerId", "IsChild", "IsPrivate", "IsRecurrence", "IsRecurrence2"),
    *("Subject", "Location", "Description", "ShowAs", "IsAllDayEvent", "ActivityDate"),
    *("StartDateTime", "EndDateTime", "DurationInMinutes", KEY_FIELD),
)
MINUTES_A_DAY = 1440
SHOW_AS = {"Busy": ShowAs.BUSY, "Free": ShowAs.FREE, "OutOfOffice": ShowAs.OUT_OF_OFFICE}
SHOWN_AS = {value: name for name, value in SHOW_AS.items()}


def salesforce_observed(record: Mapping[str, Any], owner_id: str) -> Observed:
    """Read one Event record, queried with READ_FIELDS, as the user `owner_id` has it."""
    if record.get("IsDeleted"):
        return Deleted()
    if record["OwnerId"][:15] != owner_id[:15]:
        return Excluded(LeftOut.FOREIGN)
    if record["IsPrivate"]:
        return Private()
    if record["IsChild"]:
        return Excluded(LeftOut.CHILD)
    if record["IsRecurrence"] or record["IsRecurrence2"]:
        return Excluded(LeftOut.SERIES)
    try:
        when = _read_when(record)
    except (KeyError, TypeError, ValueError, OverflowError):
        return Excluded(LeftOut.UNREADABLE)
    content = EventContent(
        when=when,
        title=clean_text(record["Subject"]),
        location=clean_text(record["Location"]),
        description=clean_text(record["Description"]),
        show_as=SHOW_AS.get(record["ShowAs"], ShowAs.BUSY),
    )
    return Present(content, record["SystemModstamp"], record.get(KEY_FIELD) or "")


def _read_when(record: Mapping[str, Any]) -> When:
    minutes = record["DurationInMinutes"]
    if record["IsAllDayEvent"]:
        # Midnight UTC stands for the date itself: shifting it to a zone would move the day.
        first = date.fromisoformat(record["ActivityDate"] or record["StartDateTime"][:10])
        days = max(1, -(-(minutes or 0) // MINUTES_A_DAY))
        return AllDay(first, first + timedelta(days=days - 1))
    start = _read_instant(record["StartDateTime"])
    if record["EndDateTime"]:
        return Timed(start, max(start, _read_instant(record["EndDateTime"])))
    return Timed(start, start + timedelta(minutes=minutes))


def _read_instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def salesforce_record(content: EventContent, names: frozenset[str]) -> dict[str, Any]:
    """Return the body of a create or update that sets just the named fields."""
    body: dict[str, Any] = {}
    if "title" in names:
        body["Subject"] = content.title or None
    if "location" in names:
        body["Location"] = content.location or None
    if "description" in names:
        body["Description"] = content.description or None
    if "show_as" in names:
        body["ShowAs"] = SHOWN_AS[content.show_as]
    if "when" in names:
        body |= _write_when(content.when)
    return body


def _write_when(when: When) -> dict[str, Any]:
    if isinstance(when, AllDay):
        days = (when.last - when.first).days + 1
        return {
            "IsAllDayEvent": True,
            "ActivityDate": when.first.isoformat(),
            "DurationInMinutes": days * MINUTES_A_DAY,
        }
    minutes = (when.end - when.start) // timedelta(minutes=1)
    return {
        "IsAllDayEvent": False,
        "StartDateTime": salesforce_instant(when.start),
        "DurationInMinutes": minutes,
    }


def salesforce_instant(instant: datetime) -> str:
    """`2026-03-28T21:09:03Z`, as SOQL and records take it."""
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
