"""Events as Google Calendar shows and takes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from syncing.engine.content import AllDay, EventContent, ShowAs, Timed, When, clean_text
from syncing.engine.observed import Deleted, Excluded, LeftOut, Observed, Present, Private

PRIVATE = frozenset({"private", "confidential"})
DAY = timedelta(days=1)
# The private property that marks a copy of ours; a hint only, the links are the authority.
KEY_PROPERTY = "syncCenterKey"


def google_observed(item: Mapping[str, Any]) -> Observed:
    """Read one item of events.list or the answer of events.get."""
    etag = str(item.get("etag", ""))
    if "recurringEventId" in item:
        return Excluded(LeftOut.SERIES, etag)
    if item.get("status") == "cancelled":
        return Deleted()
    if item.get("visibility") in PRIVATE:
        return Private(etag)
    if "recurrence" in item:
        return Excluded(LeftOut.SERIES, etag)
    if item.get("eventType", "default") != "default":
        return Excluded(LeftOut.SPECIAL, etag)
    try:
        when = _read_when(item)
    except (KeyError, TypeError, ValueError, OverflowError):
        return Excluded(LeftOut.UNREADABLE, etag)
    return Present(_read_content(item, when), etag, _read_key(item))


def _read_content(item: Mapping[str, Any], when: When) -> EventContent:
    free = item.get("transparency") == "transparent"
    return EventContent(
        when=when,
        title=clean_text(item.get("summary")),
        location=clean_text(item.get("location")),
        description=clean_text(item.get("description")),
        show_as=ShowAs.FREE if free else ShowAs.BUSY,
    )


def _read_key(item: Mapping[str, Any]) -> str:
    private = (item.get("extendedProperties") or {}).get("private") or {}
    return str(private.get(KEY_PROPERTY, ""))


def _read_when(item: Mapping[str, Any]) -> When:
    start, end = item["start"], item["end"]
    if "date" in start:
        first = date.fromisoformat(start["date"])
        return AllDay(first, max(first, date.fromisoformat(end["date"]) - DAY))
    begins, ends = _read_instant(start), _read_instant(end)
    return Timed(begins, max(begins, ends))


def _read_instant(value: Mapping[str, str]) -> datetime:
    instant = datetime.fromisoformat(value["dateTime"])
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=ZoneInfo(value["timeZone"]))
    return instant.astimezone(UTC)


def google_patch(
    content: EventContent, names: frozenset[str], *, zone: str, was: When | None
) -> dict[str, Any]:
    """Return the body of a patch that sets just the named fields.

    `was` is the time the event has now: an event that stays timed keeps its own zone, one that
    becomes timed gets the person's `zone`.
    """
    body: dict[str, Any] = {}
    if "title" in names:
        body["summary"] = content.title
    if "location" in names:
        body["location"] = content.location
    if "description" in names:
        body["description"] = content.description
    if "show_as" in names:
        body["transparency"] = "transparent" if content.show_as is ShowAs.FREE else "opaque"
    if "when" in names:
        body["start"], body["end"] = _write_when(content.when, zone, was)
    return body


def google_event(content: EventContent, *, event_id: str, key: str, zone: str) -> dict[str, Any]:
    """Return the body of an insert under an id of ours."""
    empty = {"title": "summary", "location": "location", "description": "description"}
    names = frozenset({"show_as", "when", *(name for name in empty if getattr(content, name))})
    body = google_patch(content, names, zone=zone, was=content.when)
    if isinstance(content.when, Timed):
        body["start"]["timeZone"] = body["end"]["timeZone"] = zone
    body["id"] = event_id
    body["extendedProperties"] = {"private": {KEY_PROPERTY: key}}
    return body


def _write_when(
    when: When, zone: str, was: When | None
) -> tuple[dict[str, str | None], dict[str, str | None]]:
    if isinstance(when, AllDay):
        first, beyond = when.first.isoformat(), (when.last + DAY).isoformat()
        if was is None or isinstance(was, AllDay):
            return {"date": first}, {"date": beyond}
        untimed = {"dateTime": None, "timeZone": None}
        return {"date": first, **untimed}, {"date": beyond, **untimed}
    start, end = (instant.isoformat().replace("+00:00", "Z") for instant in (when.start, when.end))
    if isinstance(was, Timed):
        return {"dateTime": start}, {"dateTime": end}
    dateless = {"date": None, "timeZone": zone}
    return {"dateTime": start, **dateless}, {"dateTime": end, **dateless}
