from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from googleapiclient.errors import HttpError

TIMED = {
    "summary": "Planning",
    "start": {"dateTime": "2026-06-01T09:00:00Z"},
    "end": {"dateTime": "2026-06-01T10:00:00Z"},
}
ALL_DAY = {"summary": "Fair", "start": {"date": "2026-06-01"}, "end": {"date": "2026-06-03"}}
WEEKLY = {
    "summary": "Round",
    "start": {"dateTime": "2026-06-01T09:00:00", "timeZone": "Europe/Zurich"},
    "end": {"dateTime": "2026-06-01T09:30:00", "timeZone": "Europe/Zurich"},
    "recurrence": ["RRULE:FREQ=WEEKLY"],
}


class Events:
    """Ada's events through the real client; keyword arguments go into the request."""

    def __init__(self, service: Any, calendar_id: str = "primary") -> None:
        self.events = service.events()
        self.calendar_id = calendar_id

    def insert(self, body: dict[str, Any] = TIMED, **parameters: Any) -> dict[str, Any]:
        return self._run("insert", body=body, **parameters)

    def patch(self, event_id: str, match: str | None = None, **body: Any) -> dict[str, Any]:
        return self._run("patch", eventId=event_id, body=body, match=match)

    def update(self, event_id: str, body: dict[str, Any], match: str | None = None) -> Any:
        return self._run("update", eventId=event_id, body=body, match=match)

    def delete(self, event_id: str, match: str | None = None, **parameters: Any) -> Any:
        return self._run("delete", eventId=event_id, match=match, **parameters)

    def get(self, event_id: str, **parameters: Any) -> dict[str, Any]:
        return self._run("get", eventId=event_id, **parameters)

    def list(self, **parameters: Any) -> dict[str, Any]:
        return self._run("list", **parameters)

    def _run(self, method: str, match: str | None = None, **parameters: Any) -> Any:
        request = getattr(self.events, method)(calendarId=self.calendar_id, **parameters)
        if match is not None:
            request.headers["If-Match"] = match
        return request.execute()


@pytest.fixture
def events(ada_calendar: Any) -> Events:
    return Events(ada_calendar)


@pytest.fixture
def refusal() -> Callable[..., tuple[int, str]]:
    """Status and reason of the refusal a call meets."""

    def meet(call: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[int, str]:
        with pytest.raises(HttpError) as caught:
            call(*args, **kwargs)
        return caught.value.status_code, caught.value.error_details[0]["reason"]

    return meet
