"""Changes at Google as users and admins make them, outside of the API."""

from __future__ import annotations

import copy
from datetime import date, datetime, timedelta
from typing import Any

from simulator.directory import Directory, locked
from simulator.google import content as rules
from simulator.google import store
from simulator.google.store import Calendar, Event
from simulator.identifiers import fresh_token, google_event_id
from simulator.model import CALENDAR_SCOPE, GoogleUser


class GoogleEdits(Directory):
    """Edits by e-mail address; contents in the words of the Calendar API.

    A start or end may also be a date or an aware datetime. Answers are copies.
    """

    def _google_user(self, email: str) -> GoogleUser:
        user = self.person(email).google
        assert user is not None, f"{email} has no Google account"
        return user

    def _calendar(self, email: str, calendar_id: str) -> Calendar:
        calendar = self.calendar(email, calendar_id)
        assert calendar is not None, f"{email} has no calendar {calendar_id}"
        return calendar

    @locked
    def google_create(
        self,
        email: str,
        *,
        calendar_id: str = "primary",
        event_id: str | None = None,
        organizer: str | None = None,
        **content: Any,
    ) -> dict[str, Any]:
        """A new event; without an end it lasts an hour or a day."""
        calendar = self._calendar(email, calendar_id)
        if event_id in calendar.events:
            raise ValueError(f"there was an event {event_id} already")
        event = store.event_insert(
            calendar,
            rules.normalised(with_plain_times(content, new=True), calendar.time_zone),
            now=self.now(),
            event_id=event_id or google_event_id(),
            organizer=organizer,
        )
        return copy.deepcopy(store.render(calendar, event))

    @locked
    def google_edit(
        self, email: str, event_id: str, *, calendar_id: str = "primary", **changes: Any
    ) -> dict[str, Any]:
        """Merge changes into an event or one instance of a series; None removes a field."""
        calendar = self._calendar(email, calendar_id)
        event = self._event(calendar, event_id)
        patch = with_plain_times(changes)
        for name in ("start", "end"):
            if name in patch:
                patch[name] = {"date": None, "dateTime": None, **patch[name]}
        content = rules.normalised(rules.merged(event.content, patch), calendar.time_zone)
        store.event_keep(calendar, event)
        store.event_replace(calendar, event, content, now=self.now())
        return copy.deepcopy(store.render(calendar, event))

    @locked
    def google_delete(self, email: str, event_id: str, *, calendar_id: str = "primary") -> None:
        calendar = self._calendar(email, calendar_id)
        event = self._event(calendar, event_id)
        store.event_keep(calendar, event)
        store.event_delete(calendar, event, now=self.now())

    @locked
    def google_touch(self, email: str, event_id: str, *, calendar_id: str = "primary") -> None:
        """Move etag and `updated` without a change anybody could see."""
        calendar = self._calendar(email, calendar_id)
        store.event_touch(calendar, self._event(calendar, event_id), now=self.now())

    def _event(self, calendar: Calendar, event_id: str) -> Event:
        event = calendar.events.get(event_id)
        event = event or store.instance_event(calendar, event_id, now=self.now())
        if event is None:
            raise KeyError(event_id)
        return event

    @locked
    def google_events(
        self, email: str, *, calendar_id: str = "primary", deleted: bool = False
    ) -> list[dict[str, Any]]:
        """What the person sees, oldest event first; with `deleted` the cancelled ones too."""
        calendar = self._calendar(email, calendar_id)
        events = [e for e in calendar.events.values() if deleted or not e.is_cancelled]
        return [copy.deepcopy(store.render(calendar, event)) for event in events]

    @locked
    def google_plan_empty_pages(
        self, email: str, count: int, *, calendar_id: str = "primary"
    ) -> None:
        """Make the next pages of a list empty although more follow."""
        self._calendar(email, calendar_id).empty_pages = count

    @locked
    def google_grant(self, email: str, scopes: list[str] | None = None) -> str:
        """The person consents again; returns the new refresh token."""
        token = fresh_token("1//0e")
        user = self._google_user(email)
        user.refresh_tokens[token] = scopes or [CALENDAR_SCOPE]
        self._refresh_tokens[token] = self.person(email)
        return token

    @locked
    def google_revoke(self, email: str) -> None:
        """The person withdraws consent: refresh tokens and all access tokens made of them die."""
        user = self._google_user(email)
        for token in user.refresh_tokens:
            grants = self.tokens.matching(provider="google", refresh_token=token)
            self.tokens.expire(grants, self.now())
        user.refresh_tokens.clear()

    @locked
    def google_set_user(self, email: str, **changes: bool) -> None:
        """Set `delegated` or `deleted`; a deleted user's tokens stop working."""
        user = self._google_user(email)
        for name, value in changes.items():
            if name not in ("delegated", "deleted"):
                raise ValueError(f"a Google user has no {name}")
            setattr(user, name, value)
        if user.deleted:
            grants = self.tokens.matching(provider="google", email=self.person(email).email)
            self.tokens.expire(grants, self.now())

    @locked
    def expire_sync_tokens(
        self, *, organization: str | None = None, person: str | None = None
    ) -> int:
        """Make Google forget its sync tokens; returns how many calendars that concerns."""
        count = 0
        for each in self.people.values():
            chosen = organization in (None, each.organization)
            chosen = chosen and person in (None, each.email)
            for calendar in each.google.calendars.values() if chosen and each.google else ():
                calendar.epoch = google_event_id()[:12]
                count += 1
        return count


def with_plain_times(content: dict[str, Any], *, new: bool = False) -> dict[str, Any]:
    """Content whose start and end are in the form of the API; a new event gets an end."""
    result = {**content}
    start = result.get("start")
    if isinstance(start, date) and "end" not in result and new:
        hour, day = timedelta(hours=1), timedelta(days=1)
        result["end"] = start + (hour if isinstance(start, datetime) else day)
    for name in ("start", "end"):
        if isinstance(result.get(name), date):
            result[name] = plain_time(result[name])
    return result


def plain_time(value: date) -> dict[str, str]:
    """A date as an all-day bound, a datetime with its zone's name as a timed one."""
    if not isinstance(value, datetime):
        return {"date": value.isoformat()}
    shown = {"dateTime": value.isoformat()}
    zone = getattr(value.tzinfo, "key", None)
    return {**shown, "timeZone": zone} if zone else shown
