"""A calendar in memory: its events, their stamps and the log that incremental sync reads."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from simulator.google import content as rules
from simulator.google.content import Content
from simulator.times import google_stamp, whole_millisecond, whole_second

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANCE_ID = re.compile(r"(.+)_(\d{8}(?:T\d{6}Z)?)\Z")


@dataclass(slots=True)
class Event:
    """One event, master, exception or tombstone.

    `serial` is its place by creation, `position` its place in the change log.
    """

    id: str
    content: Content
    created: datetime
    updated: datetime
    organizer: str
    ical_uid: str
    serial: int
    position: int = 0
    sequence: int = 0
    recurring_event_id: str | None = None
    original_start: dict[str, str] | None = None
    rendered: dict[str, Any] | None = None

    @property
    def etag(self) -> str:
        """Twice `updated` in microseconds, quoted."""
        microseconds = (self.updated - EPOCH) // timedelta(microseconds=1)
        return f'"{2 * microseconds}"'

    @property
    def is_cancelled(self) -> bool:
        return bool(self.content["status"] == "cancelled")

    @property
    def repeats(self) -> bool:
        return "recurrence" in self.content


@dataclass(slots=True)
class Calendar:
    """One calendar of one person; `epoch` makes tokens of a former life recognisable."""

    id: str
    owner: str
    summary: str
    time_zone: str = "UTC"
    access_role: str = "owner"
    primary: bool = True
    description: str | None = None
    events: dict[str, Event] = field(default_factory=dict)
    changes: dict[str, None] = field(default_factory=dict)
    counter: int = 0
    epoch: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    empty_pages: int = 0
    updated: datetime | None = None

    @property
    def writable(self) -> bool:
        return self.access_role in ("owner", "writer")

    def newest_first(self) -> Iterator[Event]:
        return (self.events[event_id] for event_id in reversed(self.changes))

    def exceptions_of(self, master_id: str) -> list[Event]:
        return [e for e in self.events.values() if e.recurring_event_id == master_id]


def log_change(calendar: Calendar, event: Event, now: datetime) -> None:
    calendar.counter += 1
    event.position = calendar.counter
    event.rendered = None
    calendar.changes.pop(event.id, None)
    calendar.changes[event.id] = None
    calendar.updated = now


def event_insert(
    calendar: Calendar,
    content: Content,
    *,
    now: datetime,
    event_id: str,
    organizer: str | None = None,
    recurring_event_id: str | None = None,
    original_start: dict[str, str] | None = None,
) -> Event:
    """Add an event whose content is already normalised and whose id is free."""
    master = calendar.events.get(recurring_event_id or "")
    event = Event(
        id=event_id,
        content=content,
        created=whole_second(now),
        updated=whole_millisecond(now),
        organizer=organizer or calendar.id,
        ical_uid=master.ical_uid if master else f"{event_id}@google.com",
        serial=len(calendar.events) + 1,
        sequence=master.sequence if master else 0,
        recurring_event_id=recurring_event_id,
        original_start=original_start,
    )
    calendar.events[event_id] = event
    log_change(calendar, event, now)
    return event


def event_replace(calendar: Calendar, event: Event, content: Content, *, now: datetime) -> bool:
    """Give an event new normalised content; returns whether anything changed."""
    if content == event.content:
        return False
    if rules.moves_sequence(event.content, content):
        event.sequence += 1
    if not rules.only_reminders_differ(event.content, content):
        stamp(event, now)
    restored = event.is_cancelled and content["status"] != "cancelled"
    event.content = content
    log_change(calendar, event, now)
    if restored and event.repeats:
        # A reader of the log must learn again which instances the series lacks.
        for exception in calendar.exceptions_of(event.id):
            log_change(calendar, exception, now)
    return True


def stamp(event: Event, now: datetime) -> None:
    """Move `updated`, always forward, so that every change has an etag of its own."""
    following = event.updated + timedelta(milliseconds=1)
    event.updated = max(whole_millisecond(now), following)


def event_touch(calendar: Calendar, event: Event, *, now: datetime) -> None:
    """Move etag and `updated` although nothing a user sees has changed."""
    stamp(event, now)
    log_change(calendar, event, now)


def event_delete(calendar: Calendar, event: Event, *, now: datetime) -> None:
    """Cancel an event and, with a master, its exceptions."""
    exceptions = calendar.exceptions_of(event.id) if event.repeats else []
    for victim in [event, *exceptions]:
        if not victim.is_cancelled:
            victim.content = {**victim.content, "status": "cancelled"}
            stamp(victim, now)
            log_change(calendar, victim, now)


def instance_parts(calendar: Calendar, event_id: str) -> tuple[Event, dict[str, str]] | None:
    """Master and original start of an instance id such as `abc_20260328T090000Z`."""
    match = INSTANCE_ID.match(event_id)
    master = calendar.events.get(match.group(1)) if match else None
    if match is None or master is None or not master.repeats:
        return None
    start = original_start(master, match.group(2))
    if start is None:
        return None
    begin = rules.moment(master.content["start"], calendar.time_zone)
    return (master, start) if rules.moment(start, calendar.time_zone) >= begin else None


def original_start(master: Event, text: str) -> dict[str, str] | None:
    """The original start an instance suffix stands for, in the master's own kind of time."""
    first = master.content["start"]
    try:
        if "date" in first:
            return {"date": date.fromisoformat(text).isoformat()}
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    if instant.tzinfo is None:
        return None
    return {"dateTime": instant.isoformat().replace("+00:00", "Z"), "timeZone": first["timeZone"]}


def instance_content(calendar: Calendar, master: Event, start: dict[str, str]) -> Content:
    """What an untouched instance of the master holds."""
    zone = calendar.time_zone
    length = rules.moment(master.content["end"], zone) - rules.moment(master.content["start"], zone)
    content = {k: v for k, v in master.content.items() if k not in rules.SCHEDULE}
    content["start"] = start
    if "date" in start:
        first = datetime.fromisoformat(start["date"])
        content["end"] = {"date": (first + length).date().isoformat()}
    else:
        ends = rules.moment(start, zone) + length
        content["end"] = {"dateTime": ends.isoformat(), "timeZone": start["timeZone"]}
    return rules.normalised(content, zone)


def instance_event(calendar: Calendar, event_id: str, *, now: datetime) -> Event | None:
    """An unsaved event standing for an instance nobody has changed yet."""
    parts = instance_parts(calendar, event_id)
    if parts is None:
        return None
    master, start = parts
    return Event(
        id=event_id,
        content=instance_content(calendar, master, start),
        created=master.created,
        updated=master.updated,
        organizer=master.organizer,
        ical_uid=master.ical_uid,
        serial=0,
        sequence=master.sequence,
        recurring_event_id=master.id,
        original_start=rules.normalised_time(start, "start", calendar.time_zone, True),
    )


def event_keep(calendar: Calendar, event: Event) -> None:
    """Turn an unsaved instance into an exception of its own, before it is changed."""
    if event.id not in calendar.events:
        event.serial = len(calendar.events) + 1
        calendar.events[event.id] = event


def render(calendar: Calendar, event: Event) -> dict[str, Any]:
    """The event as the API shows it, times in the calendar's zone; kept until the next change."""
    if event.rendered is None:
        event.rendered = _rendered(calendar, event)
    return event.rendered


def _rendered(calendar: Calendar, event: Event) -> dict[str, Any]:
    own = event.organizer == calendar.id
    person = {"email": event.organizer, "self": True} if own else {"email": event.organizer}
    shown = {
        "kind": "calendar#event",
        "etag": event.etag,
        "id": event.id,
        "htmlLink": f"https://www.google.com/calendar/event?eid={event.id}",
        "created": google_stamp(event.created),
        "updated": google_stamp(event.updated),
        **event.content,
        "creator": person,
        "organizer": person,
        "iCalUID": event.ical_uid,
        "sequence": event.sequence,
    }
    if event.recurring_event_id:
        shown["recurringEventId"] = event.recurring_event_id
        shown["originalStartTime"] = event.original_start
    return shown


def tombstone(event: Event) -> dict[str, Any]:
    """The little that an incremental list tells of a deleted event."""
    shown: dict[str, Any] = {
        "kind": "calendar#event",
        "etag": event.etag,
        "id": event.id,
        "status": "cancelled",
    }
    if event.recurring_event_id:
        shown["recurringEventId"] = event.recurring_event_id
        shown["originalStartTime"] = event.original_start
    return shown
