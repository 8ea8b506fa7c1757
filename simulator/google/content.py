"""What an event may hold: merging a patch, checking and normalising it. Pure functions.

Content is the part of an event a user decides, in the shape of the API; everything Google adds
is kept beside it. Rules are those of the Events reference and the texts seen in the field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from simulator.google import errors
from simulator.google.schema import known_part
from simulator.times import find_zone, parse_instant, zoned_text

READ_ONLY = {
    *("attendeesOmitted", "created", "creator", "etag", "hangoutLink", "htmlLink", "iCalUID"),
    *("id", "kind", "locked", "organizer", "originalStartTime", "recurringEventId", "sequence"),
    *("updated", "endTimeUnspecified"),
}
CHOICES = {
    "status": ("confirmed", "tentative", "cancelled"),
    "visibility": ("default", "public", "private", "confidential"),
    "transparency": ("opaque", "transparent"),
    "eventType": ("default", "outOfOffice", "focusTime", "workingLocation", "birthday"),
}
OMITTED_DEFAULTS = {
    "visibility": "default",
    "transparency": "opaque",
    "summary": "",
    "description": "",
    "location": "",
    "guestsCanInviteOthers": True,
    "guestsCanModify": False,
    "guestsCanSeeOtherGuests": True,
    "anyoneCanAddSelf": False,
    "privateCopy": False,
}
SCHEDULE = ("start", "end", "recurrence")
GUEST_OWN = {
    *("attendees", "colorId", "extendedProperties", "reminders", "status", "transparency"),
    "visibility",
}
YEARS = range(2, 9999)  # every zone's offset fits before and after
EVENT_ID = re.compile(r"[0-9a-v]{5,1024}\Z")
PROPERTY_KEY_LIMIT, PROPERTY_VALUE_LIMIT = 44, 1024

Content = dict[str, Any]


def accepted_part(body: Any) -> Content:
    """The writable part of a request body; raises a 400 for a wrong type."""
    if not isinstance(body, dict):
        raise errors.invalid("Parse Error")
    try:
        known = known_part("Event", body)
    except ValueError as error:
        raise errors.invalid("Invalid value", str(error)) from error
    return {key: value for key, value in known.items() if key not in READ_ONLY}


def merged(base: Mapping[str, Any], patch: Mapping[str, Any]) -> Content:
    """Patch semantics: null deletes, objects merge, lists and plain values replace."""
    result = dict(base)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            old = result.get(key)
            result[key] = merged(old if isinstance(old, dict) else {}, value)
        elif isinstance(value, list):
            result[key] = [merged({}, item) if isinstance(item, dict) else item for item in value]
        else:
            result[key] = value
    return result


def normalised(content: Mapping[str, Any], zone_name: str) -> Content:
    """Checked content with times in the calendar's zone and defaults left out."""
    result = merged({}, content)
    check_choices(result)
    if not result.get("recurrence"):
        result.pop("recurrence", None)
    repeats = "recurrence" in result
    result["start"] = normalised_time(result.get("start"), "start", zone_name, repeats)
    result["end"] = normalised_time(result.get("end"), "end", zone_name, repeats)
    check_order(result, zone_name)
    normalise_properties(result)
    normalise_guests(result)
    result.setdefault("status", "confirmed")
    result.setdefault("eventType", "default")
    result.setdefault("reminders", {"useDefault": True})
    for key, default in OMITTED_DEFAULTS.items():
        if result.get(key) == default:
            del result[key]
    return result


def check_choices(content: Mapping[str, Any]) -> None:
    for key, choices in CHOICES.items():
        if key in content and content[key] not in choices:
            raise errors.invalid(f"Invalid value for: {content[key]} is not a valid value", key)


def normalised_time(
    value: Mapping[str, Any] | None, name: str, zone_name: str, repeats: bool
) -> dict[str, str]:
    """One start or end: either a date, or an instant in the calendar's zone with a zone name."""
    if not value or not (value.get("date") or value.get("dateTime")):
        raise errors.required(f"Missing {name} time.")
    if value.get("date") and value.get("dateTime"):
        raise errors.invalid(f"Invalid {name} time.")
    named = value.get("timeZone")
    if named and not find_zone(named):
        raise errors.invalid(f"Invalid time zone definition for {name} time.")
    if value.get("date"):
        return {"date": parsed_date(value["date"], name).isoformat()}
    if repeats and not named:
        raise errors.required(f"Missing time zone definition for {name} time.")
    instant = parsed_instant(value["dateTime"], named, name)
    return {"dateTime": zoned_text(instant, zone_name), "timeZone": named or zone_name}


def parsed_date(text: str, name: str) -> date:
    try:
        value = date.fromisoformat(text)
    except ValueError as error:
        raise errors.invalid(f"Invalid {name} time.") from error
    if value.year not in YEARS:
        raise errors.invalid(f"Invalid {name} time.")
    return value


def parsed_instant(text: str, zone_name: str | None, name: str) -> datetime:
    try:
        value = datetime.fromisoformat(text)
        if value.tzinfo is None and zone_name:
            value = value.replace(tzinfo=find_zone(zone_name))
        if value.tzinfo is not None and value.year in YEARS:
            return value.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise errors.invalid(f"Invalid {name} time.") from error
    if value.tzinfo is not None:
        raise errors.invalid(f"Invalid {name} time.")
    raise errors.required(f"Missing time zone definition for {name} time.")


def moment(value: Mapping[str, str], zone_name: str) -> datetime:
    """A normalised start or end as an instant; a date begins at midnight of the calendar."""
    if "dateTime" in value:
        return parse_instant(value["dateTime"]) or datetime.max.replace(tzinfo=UTC)
    midnight = datetime.combine(date.fromisoformat(value["date"]), time(), find_zone(zone_name))
    return midnight.astimezone(UTC)


def check_order(content: Content, zone_name: str) -> None:
    """End after start; a date as end is exclusive, and one that equals start counts as one day."""
    start, end = content["start"], content["end"]
    if ("date" in start) != ("date" in end):
        raise errors.invalid("Invalid start or end time: date and dateTime can't be mixed.")
    if "date" in start and start["date"] == end["date"]:
        following = date.fromisoformat(start["date"]) + timedelta(days=1)
        content["end"] = {"date": following.isoformat()}
    elif moment(end, zone_name) < moment(start, zone_name):
        raise errors.time_range_empty()


def normalise_properties(content: Content) -> None:
    """Drop empty property maps and refuse oversized keys and values."""
    properties = content.get("extendedProperties")
    if properties is None:
        return
    for kind, entries in list(properties.items()):
        for key, value in entries.items():
            if len(key) > PROPERTY_KEY_LIMIT or len(value) > PROPERTY_VALUE_LIMIT:
                raise errors.invalid("Invalid extended property.", "extendedProperties")
        if not entries:
            del properties[kind]
    if not properties:
        del content["extendedProperties"]


def normalise_guests(content: Content) -> None:
    guests = content.get("attendees")
    if guests is None:
        return
    if not all(guest.get("email") for guest in guests):
        raise errors.required("Missing attendee email.")
    content["attendees"] = [{"responseStatus": "needsAction", **guest} for guest in guests]
    if not guests:
        del content["attendees"]


def check_new_id(event_id: str) -> None:
    if not EVENT_ID.match(event_id):
        raise errors.invalid("Invalid resource id value.")


def moves_sequence(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether the change makes guests' copies stale; a new summary does not."""
    return any(before.get(key) != after.get(key) for key in SCHEDULE)


def only_reminders_differ(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Reminders are the user's own and do not move `updated`."""
    differing = {key for key in {*before, *after} if before.get(key) != after.get(key)}
    return differing == {"reminders"}


def check_organizer(before: Mapping[str, Any], after: Mapping[str, Any], *, own: bool) -> None:
    """A guest may change their own side of an event only."""
    if own:
        return
    for key in {*before, *after} - GUEST_OWN:
        if before.get(key) != after.get(key):
            raise errors.forbidden_for_non_organizer()
    old, new = (part.get("extendedProperties", {}).get("shared") for part in (before, after))
    if old != new:
        raise errors.forbidden_for_non_organizer()
