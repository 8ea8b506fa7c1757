"""The addresses of Google's APIs."""

from __future__ import annotations

from simulator.google import calendar, consent, oauth
from simulator.routing import Route

EVENTS = "calendar/v3/calendars/{calendar}/events"
EVENT = EVENTS + "/{event}"
CALENDAR_LIST = "calendar/v3/users/me/calendarList"

AUTHORIZE = "o/oauth2/v2/auth"

ROUTES = [
    Route("GET", AUTHORIZE, "google.authorize", consent.show),
    Route("POST", AUTHORIZE, "google.consent", consent.decide),
    Route("POST", "token", "google.token", oauth.issue_token),
    Route("POST", "oauth2/v4/token", "google.token", oauth.issue_token),
    Route("POST", "revoke", "google.revoke", oauth.revoke),
    Route("GET", "oauth2/v3/userinfo", "google.userinfo", oauth.user_info, "token"),
    Route("GET", CALENDAR_LIST, "google.calendars.list", calendar.list_calendars, "calendars"),
    Route(
        "GET",
        "calendar/v3/calendars/{calendar}",
        "google.calendars.get",
        calendar.get_calendar,
        "calendar",
    ),
    Route("GET", EVENTS, "google.events.list", calendar.events_list, "read"),
    Route("POST", EVENTS, "google.events.insert", calendar.events_insert, "write"),
    Route("GET", EVENT, "google.events.get", calendar.events_get, "read"),
    Route("PATCH", EVENT, "google.events.patch", calendar.events_patch, "write"),
    Route("PUT", EVENT, "google.events.update", calendar.events_update, "write"),
    Route("DELETE", EVENT, "google.events.delete", calendar.events_delete, "write"),
]
