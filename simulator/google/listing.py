"""`events.list`: full and incremental, paged, with the tokens that tie the pages together.

A full list goes by creation, an incremental one by the change log. Both end at the log's state
when the first page was served, so whatever changes between two pages comes with the next sync.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from simulator.google import content as rules
from simulator.google import errors
from simulator.google.store import Calendar, Event, render, tombstone
from simulator.messages import Call
from simulator.times import find_zone, google_stamp, parse_instant, zoned_text

DEFAULT_PAGE, LARGEST_PAGE = 250, 2500
UPDATED_MIN_REACH = timedelta(days=28)
FORBIDDEN_WITH_SYNC_TOKEN = (
    *("iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty"),
    *("timeMin", "timeMax", "updatedMin"),
)
NO_SYNC_TOKEN_AFTER = (
    *("iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty"),
    "updatedMin",
)
PAGING = ("pageToken", "maxResults")
UNTIL = re.compile(r"UNTIL=(\d{8})")

Keep = Callable[[Event], bool]


@dataclass(frozen=True)
class Cursor:
    """Where a list stands: changes after `since` up to `upto`, passed up to serial `done`.

    With an explicit order `done` counts items instead.
    """

    since: int
    upto: int
    done: int = 0

    @property
    def incremental(self) -> bool:
        return self.since >= 0


def encode_token(*parts: object) -> str:
    text = ":".join(map(str, parts)).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def decode_token(token: str, length: int) -> list[str] | None:
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except ValueError:
        return None
    parts = text.split(":")
    return parts if len(parts) == length else None


def list_events(calendar: Calendar, call: Call, now: datetime, page_limit: int) -> dict[str, Any]:
    """The answer of `events.list`; `page_limit` is the most items this server puts on a page."""
    check_combination(call)
    cursor = read_cursor(calendar, call)
    keep = filters(calendar, call, now)
    candidates = rest_of_list(calendar, cursor, call.parameters.get("orderBy"))
    matching = [event for event in candidates if is_shown(calendar, event, call, cursor)]
    matching = [event for event in matching if keep(event)]
    size = page_size(calendar, call, page_limit)
    page, more = matching[:size], len(matching) > size or size == 0
    return {
        **envelope(calendar),
        "items": [shown(calendar, event, call, cursor) for event in page],
        **continuation(calendar, call, cursor, page, more=more),
    }


def page_size(calendar: Calendar, call: Call, page_limit: int) -> int:
    if calendar.empty_pages > 0:
        calendar.empty_pages -= 1
        return 0
    return min(read_page_size(call), page_limit)


def check_combination(call: Call) -> None:
    given = call.parameters
    if flag(call, "singleEvents"):
        raise errors.invalid("The simulator does not expand series.", "singleEvents")
    if given.get("orderBy") == "startTime":
        message = "The requested ordering is not available for the particular query."
        raise errors.invalid(message, "orderBy")
    if "syncToken" not in given:
        return
    for name in FORBIDDEN_WITH_SYNC_TOKEN:
        if name in given:
            message = f"Sync token cannot be used with parameter {name}."
            raise errors.invalid(message, "syncToken")
    if given.get("showDeleted") == "false":
        raise errors.invalid("showDeleted must not be false with a sync token.", "showDeleted")


def flag(call: Call, name: str) -> bool:
    value = call.parameters.get(name, "false")
    if value not in ("true", "false"):
        raise errors.invalid(f"Invalid boolean value: {value}", name)
    return value == "true"


def query_digest(call: Call) -> str:
    """What must not differ between two pages of one list."""
    fixed = sorted((key, value) for key, value in call.query if key not in PAGING)
    return hashlib.sha256(repr(fixed).encode()).hexdigest()[:10]


def read_cursor(calendar: Calendar, call: Call) -> Cursor:
    page_token = call.parameters.get("pageToken")
    if page_token:
        return read_page_token(calendar, call, page_token)
    sync_token = call.parameters.get("syncToken")
    if sync_token is None:
        return Cursor(-1, calendar.counter)
    parts = decode_token(sync_token, 3)
    if parts is None or parts[0] != "sync" or not parts[2].isdigit():
        raise errors.invalid("Invalid sync token value.", "syncToken")
    if parts[1] != calendar.epoch or int(parts[2]) > calendar.counter:
        raise errors.full_sync_required()
    return Cursor(int(parts[2]), calendar.counter)


def read_page_token(calendar: Calendar, call: Call, token: str) -> Cursor:
    parts = decode_token(token, 6)
    known = parts is not None and parts[:3] == ["page", calendar.epoch, query_digest(call)]
    if parts is None or not known:
        raise errors.invalid("Invalid page token value.", "pageToken")
    since, upto, done = map(int, parts[3:])
    return Cursor(since, upto, done)


def rest_of_list(calendar: Calendar, cursor: Cursor, order_by: str | None) -> Iterable[Event]:
    """The events not yet passed, in the order of the list.

    An incremental list goes by creation too, and a page begins after the last one's serial:
    changes made while a list is being paged push nothing off a page.
    """
    if cursor.incremental:
        newest = takewhile(lambda event: event.position > cursor.since, calendar.newest_first())
        events = sorted(newest, key=lambda event: event.serial)
    elif order_by == "updated":
        by_update = sorted(calendar.events.values(), key=lambda event: event.updated)
        return by_update[cursor.done :]
    else:
        events = list(calendar.events.values())
    return [event for event in events if event.serial > cursor.done]


def is_shown(calendar: Calendar, event: Event, call: Call, cursor: Cursor) -> bool:
    """Whether deleted events belong here; a full list has none, save cancelled exceptions."""
    if not event.is_cancelled or cursor.incremental:
        return True
    if flag(call, "showDeleted") or "updatedMin" in call.parameters:
        return True
    master = calendar.events.get(event.recurring_event_id or "")
    return master is not None and not master.is_cancelled


def read_page_size(call: Call) -> int:
    text = call.parameters.get("maxResults", str(DEFAULT_PAGE))
    if not text.isdigit() or int(text) < 1:
        raise errors.invalid(f"Invalid integer value: {text}", "maxResults")
    return min(int(text), LARGEST_PAGE)


def envelope(calendar: Calendar) -> dict[str, Any]:
    head: dict[str, Any] = {
        "kind": "calendar#events",
        "etag": f'"p{calendar.epoch}{calendar.counter}"',
        "summary": calendar.summary,
        "timeZone": calendar.time_zone,
        "accessRole": calendar.access_role,
        "defaultReminders": [{"method": "popup", "minutes": 10}],
    }
    if calendar.description:
        head["description"] = calendar.description
    if calendar.updated:
        head["updated"] = google_stamp(calendar.updated)
    return head


def shown(calendar: Calendar, event: Event, call: Call, cursor: Cursor) -> dict[str, Any]:
    if event.is_cancelled and cursor.incremental and not flag(call, "showDeleted"):
        return tombstone(event)
    if event.is_cancelled and event.recurring_event_id:
        return tombstone(event)
    return in_zone(render(calendar, event), call.parameters.get("timeZone"))


def in_zone(item: dict[str, Any], zone_name: str | None) -> dict[str, Any]:
    """The item with its times written in another zone than the calendar's."""
    if not zone_name:
        return item
    if not find_zone(zone_name):
        raise errors.invalid("Invalid time zone definition.", "timeZone")
    result = dict(item)
    for key in ("start", "end", "originalStartTime"):
        value = item.get(key, {})
        instant = parse_instant(value.get("dateTime", ""))
        if instant:
            result[key] = {**value, "dateTime": zoned_text(instant, zone_name)}
    return result


def continuation(
    calendar: Calendar, call: Call, cursor: Cursor, page: list[Event], *, more: bool
) -> dict[str, str]:
    """The page token, or on the last page the sync token unless the query forbids one."""
    if more:
        done = page_end(call, cursor, page)
        parts = ("page", calendar.epoch, query_digest(call), cursor.since, cursor.upto, done)
        return {"nextPageToken": encode_token(*parts)}
    if any(name in call.parameters for name in NO_SYNC_TOKEN_AFTER):
        return {}
    return {"nextSyncToken": encode_token("sync", calendar.epoch, cursor.upto)}


def page_end(call: Call, cursor: Cursor, page: list[Event]) -> int:
    if "orderBy" in call.parameters:
        return cursor.done + len(page)
    return page[-1].serial if page else cursor.done


def filters(calendar: Calendar, call: Call, now: datetime) -> Keep:
    """One predicate for all restrictions of the query."""
    tests: list[Keep] = [
        *time_filters(calendar, call),
        *updated_filter(call, now),
        *property_filters(call),
        *type_filter(call),
        *text_filters(call),
    ]
    return lambda event: all(test(event) for test in tests)


def read_time(call: Call, name: str) -> datetime | None:
    text = call.parameters.get(name)
    if text is None:
        return None
    instant = parse_instant(text)
    if instant is None:
        raise errors.calendar_refusal(400, "badRequest", "Bad Request", parameter=name)
    return instant


def time_filters(calendar: Calendar, call: Call) -> list[Keep]:
    lower, upper = read_time(call, "timeMin"), read_time(call, "timeMax")
    if lower and upper and lower >= upper:
        raise errors.time_range_empty("timeMax")
    zone = calendar.time_zone
    tests: list[Keep] = []
    if lower:
        tests.append(lambda event: last_moment(event, zone) > lower)
    if upper:
        tests.append(lambda event: rules.moment(event.content["start"], zone) < upper)
    return tests


def last_moment(event: Event, zone_name: str) -> datetime:
    """When the event is over; a series is taken to last until its UNTIL, or for ever."""
    end = rules.moment(event.content["end"], zone_name)
    if not event.repeats:
        return end
    until = UNTIL.search(" ".join(event.content["recurrence"]))
    if until is None:
        return datetime.max.replace(tzinfo=end.tzinfo)
    last_day = datetime.strptime(until.group(1), "%Y%m%d").replace(tzinfo=end.tzinfo)
    return last_day + timedelta(days=2)


def updated_filter(call: Call, now: datetime) -> list[Keep]:
    bound = read_time(call, "updatedMin")
    if bound is None:
        return []
    if bound < now - UPDATED_MIN_REACH:
        raise errors.updated_min_too_long_ago()
    return [lambda event: event.updated >= bound]


def property_filters(call: Call) -> list[Keep]:
    tests: list[Keep] = []
    for kind in ("private", "shared"):
        for text in call.all_parameters(f"{kind}ExtendedProperty"):
            key, separator, value = text.partition("=")
            if not separator:
                raise errors.invalid("Invalid value", f"{kind}ExtendedProperty")
            tests.append(property_test(kind, key, value))
    return tests


def property_test(kind: str, key: str, value: str) -> Keep:
    return lambda event: event.content.get("extendedProperties", {}).get(kind, {}).get(key) == value


def type_filter(call: Call) -> list[Keep]:
    wanted = call.all_parameters("eventTypes")
    for name in wanted:
        if name != "fromGmail" and name not in rules.CHOICES["eventType"]:
            raise errors.invalid(f"Invalid value for: {name}", "eventTypes")
    return [lambda event: event.content["eventType"] in wanted] if wanted else []


def text_filters(call: Call) -> list[Keep]:
    tests: list[Keep] = []
    given = call.parameters
    if "iCalUID" in given:
        tests.append(lambda event: event.ical_uid == given["iCalUID"])
    if "q" in given:
        terms = given["q"].casefold().split()
        tests.append(lambda event: all(term in searchable_text(event) for term in terms))
    return tests


def searchable_text(event: Event) -> str:
    guests = event.content.get("attendees", [])
    parts = [event.content.get(key, "") for key in ("summary", "description", "location")]
    parts += [guest.get(key, "") for guest in guests for key in ("email", "displayName")]
    return " ".join(parts).casefold()
