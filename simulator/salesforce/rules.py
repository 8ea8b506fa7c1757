"""What Salesforce makes of an Event's values before it stores them. Pure functions.

Times follow the Object Reference: a timed event has a start and an end or a duration that must
agree; an all-day event has a date, counts from midnight UTC and includes its last day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from simulator.salesforce import errors
from simulator.salesforce.schema import Fields, read_value

DAY = 1440
LONGEST_MULTIDAY = 14 * DAY
TIME_FIELDS = (
    *("StartDateTime", "EndDateTime", "DurationInMinutes", "ActivityDate", "ActivityDateTime"),
    "IsAllDayEvent",
)

Row = dict[str, Any]


def read_values(
    fields: Fields, body: Mapping[str, Any], *, entity: str, check_writable: bool = True
) -> Row:
    """The stored form of a request body; refuses unknown and read-only fields."""
    values, refused = {}, []
    for name, value in body.items():
        field = fields.get(name.lower())
        if name == "attributes":
            continue
        if field is None:
            raise errors.no_such_column(name, entity)
        if check_writable and not field.writable:
            refused.append(field.name)
            continue
        values[field.name] = read_value(field, value)
    if refused:
        raise errors.read_only(*refused)
    return values


def with_times(before: Mapping[str, Any], changes: Mapping[str, Any], *, multiday: bool) -> Row:
    """All time fields after the changes, consistent with each other."""
    if before and not any(name in changes for name in TIME_FIELDS):
        return {}
    all_day = changes.get("IsAllDayEvent", before.get("IsAllDayEvent", False))
    resolve = all_day_times if all_day else timed_times
    times = resolve(before if before.get("IsAllDayEvent") == all_day else {}, changes)
    check_duration(times["DurationInMinutes"], multiday)
    return {**times, "IsAllDayEvent": all_day}


def timed_times(before: Mapping[str, Any], changes: Mapping[str, Any]) -> Row:
    start = changes.get("StartDateTime") or changes.get("ActivityDateTime")
    check_agree(start, changes.get("ActivityDateTime"), "ActivityDateTime")
    start = start or before.get("StartDateTime")
    if start is None:
        raise errors.missing_fields("StartDateTime")
    minutes = timed_minutes(start, before, changes)
    if changes.get("ActivityDate"):
        check_agree(start.date(), changes["ActivityDate"], "ActivityDate")
    return {
        "StartDateTime": start,
        "EndDateTime": start + timedelta(minutes=minutes),
        "DurationInMinutes": minutes,
        "ActivityDateTime": start,
        "ActivityDate": start.date(),
    }


def timed_minutes(start: datetime, before: Mapping[str, Any], changes: Mapping[str, Any]) -> int:
    """The length; a start moved alone takes its end along."""
    given, end = changes.get("DurationInMinutes"), changes.get("EndDateTime")
    if end is None:
        minutes = given if given is not None else before.get("DurationInMinutes")
        if minutes is None:
            raise errors.missing_fields("DurationInMinutes")
        return int(minutes)
    from_end = minutes_between(start, end)
    check_agree(from_end, given, "DurationInMinutes")
    return from_end


def all_day_times(before: Mapping[str, Any], changes: Mapping[str, Any]) -> Row:
    given_start = changes.get("StartDateTime") or changes.get("ActivityDateTime")
    day = changes.get("ActivityDate") or (given_start.date() if given_start else None)
    if given_start:
        check_agree(given_start.date(), day, "ActivityDate")
    day = day or before.get("ActivityDate")
    if day is None:
        raise errors.missing_fields("ActivityDate")
    start = datetime.combine(day, time(), UTC)
    minutes = all_day_minutes(start, before, changes)
    return {
        "StartDateTime": start,
        "EndDateTime": start + timedelta(minutes=minutes - DAY),
        "DurationInMinutes": minutes,
        "ActivityDateTime": None,
        "ActivityDate": day,
    }


def all_day_minutes(start: datetime, before: Mapping[str, Any], changes: Mapping[str, Any]) -> int:
    """Whole days; the end names the last day, and neither end nor duration means one day."""
    given, end = changes.get("DurationInMinutes"), changes.get("EndDateTime")
    if end is None:
        return int(given or before.get("DurationInMinutes") or DAY)
    last_day = datetime.combine(end.date(), time(), UTC)
    from_end = minutes_between(start, last_day + timedelta(days=1))
    check_agree(from_end, given, "DurationInMinutes")
    return from_end


def minutes_between(start: datetime, end: datetime) -> int:
    if end < start:
        raise errors.integrity("EndDateTime must not be before StartDateTime", "EndDateTime")
    return int((end - start) / timedelta(minutes=1))


def check_agree(expected: Any, given: Any, name: str) -> None:
    if expected is not None and given is not None and expected != given:
        raise errors.integrity(f"{name} does not match the other times of the event", name)


def check_duration(minutes: int, multiday: bool) -> None:
    longest = LONGEST_MULTIDAY if multiday else DAY
    if not 0 <= minutes <= longest:
        message = f"Duration must be between 0 and {longest}"
        raise errors.integrity(message, "DurationInMinutes")
