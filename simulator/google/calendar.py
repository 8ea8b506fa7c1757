"""Calendar API v3: calendars and events of the person a token belongs to."""

from __future__ import annotations

from typing import Any

import msgspec

from simulator.google import content as rules
from simulator.google import errors, outbox, store
from simulator.google.listing import in_zone, list_events
from simulator.google.store import Calendar, Event
from simulator.identifiers import google_event_id
from simulator.messages import Answer
from simulator.routing import Context


def calendar_of(context: Context, *, write: bool = False) -> Calendar:
    """The calendar a path names; others' calendars do not exist for this token."""
    _, person, _ = context.google_owner
    calendar = context.world.calendar(person.email, context.captures["calendar"])
    if calendar is None:
        raise errors.not_found()
    if write and not calendar.writable:
        raise errors.writer_access_required()
    return calendar


def body_of(context: Context) -> Any:
    try:
        return context.call.json()
    except msgspec.DecodeError as error:
        raise errors.calendar_refusal(400, "parseError", "Parse Error") from error


def event_of(context: Context, calendar: Calendar) -> Event:
    """The event a path names, cancelled ones too, and instances nobody has changed yet."""
    event_id = context.captures["event"]
    event = calendar.events.get(event_id)
    event = event or store.instance_event(calendar, event_id, now=context.now)
    if event is None:
        raise errors.not_found()
    return event


def check_match(context: Context, event: Event) -> None:
    wanted = context.call.headers.get("if-match")
    if wanted not in (None, "*", event.etag):
        raise errors.condition_not_met()


def shown(calendar: Calendar, event: Event, context: Context) -> Answer:
    item = in_zone(store.render(calendar, event), context.call.parameters.get("timeZone"))
    return Answer.of_json(item, headers={"ETag": event.etag})


def list_calendars(context: Context) -> Answer:
    """GET users/me/calendarList."""
    _, person, user = context.google_owner
    context.world.calendar(person.email)
    calendars = sorted(user.calendars.values(), key=lambda each: each.id)
    return Answer.of_json(
        {
            "kind": "calendar#calendarList",
            "etag": f'"p{len(calendars)}"',
            "nextSyncToken": "none",
            "items": [calendar_list_entry(calendar) for calendar in calendars],
        }
    )


def calendar_list_entry(calendar: Calendar) -> dict[str, Any]:
    entry = {
        "kind": "calendar#calendarListEntry",
        "etag": f'"{calendar.epoch}"',
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.time_zone,
        "colorId": "14",
        "backgroundColor": "#9fe1e7",
        "foregroundColor": "#000000",
        "selected": True,
        "accessRole": calendar.access_role,
        "defaultReminders": [{"method": "popup", "minutes": 10}],
    }
    return {**entry, "primary": True} if calendar.primary else entry


def get_calendar(context: Context) -> Answer:
    """GET calendars/{calendar}."""
    calendar = calendar_of(context)
    return Answer.of_json(
        {
            "kind": "calendar#calendar",
            "etag": f'"{calendar.epoch}"',
            "id": calendar.id,
            "summary": calendar.summary,
            "timeZone": calendar.time_zone,
            "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
        }
    )


def events_list(context: Context) -> Answer:
    """GET calendars/{calendar}/events."""
    organization, _, _ = context.google_owner
    calendar = calendar_of(context)
    page_limit = organization.limits.google_page_size
    return Answer.of_json(list_events(calendar, context.call, context.now, page_limit))


def events_get(context: Context) -> Answer:
    calendar = calendar_of(context)
    event = event_of(context, calendar)
    if context.call.headers.get("if-none-match") == event.etag:
        return Answer(304)
    return shown(calendar, event, context)


def events_insert(context: Context) -> Answer:
    """POST events: a client's own id may be used once and never again."""
    calendar = calendar_of(context, write=True)
    body = body_of(context)
    content = rules.normalised(rules.accepted_part(body), calendar.time_zone)
    event_id = body.get("id") or google_event_id()
    rules.check_new_id(event_id)
    if event_id in calendar.events:
        raise errors.duplicate()
    event = store.event_insert(calendar, content, now=context.now, event_id=event_id)
    outbox.tell_guests(context, event, "invitation", {})
    return shown(calendar, event, context)


def events_patch(context: Context) -> Answer:
    """PATCH events/{event}: null deletes, objects merge."""
    calendar = calendar_of(context, write=True)
    event = event_of(context, calendar)
    check_match(context, event)
    patch = rules.accepted_part(body_of(context))
    return change(context, calendar, event, rules.merged(event.content, patch))


def events_update(context: Context) -> Answer:
    """PUT events/{event}: what is not sent is gone."""
    calendar = calendar_of(context, write=True)
    event = event_of(context, calendar)
    check_match(context, event)
    body = rules.accepted_part(body_of(context))
    body.setdefault("eventType", event.content["eventType"])
    return change(context, calendar, event, body)


def change(context: Context, calendar: Calendar, event: Event, content: rules.Content) -> Answer:
    new = rules.normalised(content, calendar.time_zone)
    old = event.content
    if new["eventType"] != old["eventType"]:
        raise errors.invalid("Event type cannot be changed.", "eventType")
    rules.check_organizer(old, new, own=event.organizer == calendar.id)
    store.event_keep(calendar, event)
    if store.event_replace(calendar, event, new, now=context.now):
        outbox.tell_guests(context, event, "update", old)
    return shown(calendar, event, context)


def events_delete(context: Context) -> Answer:
    """DELETE events/{event}: once; the second time it is gone (410)."""
    calendar = calendar_of(context, write=True)
    event = event_of(context, calendar)
    if event.is_cancelled:
        raise errors.already_deleted()
    check_match(context, event)
    store.event_keep(calendar, event)
    store.event_delete(calendar, event, now=context.now)
    outbox.tell_guests(context, event, "cancellation", {})
    return Answer(204)
