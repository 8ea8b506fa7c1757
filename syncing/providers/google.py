"""One Google calendar, through google-api-python-client."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Collection
from functools import cache
from typing import Any

import httplib2
from googleapiclient import discovery_cache
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import Error as ClientError
from googleapiclient.http import HttpRequest

from syncing.providers.tokens import TokenSource
from syncing.providers.transport import Transport
from syncing.providers.wire import ProviderError, provider_error

LARGEST_PAGE = 2500
# 403 stands for many things; these concern the person or the project, not one event.
BROAD_REASONS = frozenset(
    {
        *("rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"),
        *("calendarUsageLimitsExceeded", "accessNotConfigured", "insufficientPermissions"),
        *("requiredAccessLevel", "domainPolicy", "authError", "accountDeleted"),
    }
)
CALL_ERRORS = (
    *(ClientError, httplib2.HttpLib2Error, http.client.HTTPException),
    *(OSError, ValueError),
)
ABOUT_ONE_EVENT = frozenset({400, 403, 404, 409, 410, 412, 413})


@cache
def events_resource(api_root: str) -> Any:
    """Return the client's `events` methods for an address, built once a process.

    Rewriting the discovery document moves everything, batches included, which the client's own
    `api_endpoint` does not.
    """
    document = json.loads(discovery_cache.get_static_doc("calendar", "v3"))
    document["rootUrl"] = api_root.rstrip("/") + "/"
    # A bare Http keeps the client from looking for credentials of its own.
    return build_from_document(document, http=httplib2.Http()).events()


class GoogleCalendar:
    """Calls for one calendar with one person's token. Each raises ProviderError."""

    def __init__(
        self, events: Any, calendar_id: str, tokens: TokenSource, transport: Transport
    ) -> None:
        self._events = events
        self._calendar_id = calendar_id
        self._tokens = tokens
        self._transport = transport

    def list_page(self, **parameters: str) -> dict[str, Any]:
        """Return one page of events.list, checked to be whole."""
        request = self._events.list(
            calendarId=self._calendar_id, maxResults=LARGEST_PAGE, **parameters
        )
        return self._run(request, "events.list", _is_page)

    def get(self, event_id: str) -> dict[str, Any]:
        """Return the event; a deleted one may come back as cancelled."""
        request = self._events.get(calendarId=self._calendar_id, eventId=event_id)
        return self._run(request, "events.get", _is_event)

    def insert(self, body: dict[str, Any]) -> dict[str, Any]:
        request = self._events.insert(calendarId=self._calendar_id, body=body, sendUpdates="none")
        return self._run(request, "events.insert", _is_event, _texts(body))

    def patch(self, event_id: str, body: dict[str, Any], etag: str) -> dict[str, Any]:
        """Change the given fields; 412 where the event has moved on from `etag`."""
        request = self._events.patch(
            calendarId=self._calendar_id, eventId=event_id, body=body, sendUpdates="none"
        )
        request.headers["If-Match"] = etag
        return self._run(request, "events.patch", _is_event, _texts(body))

    def delete(self, event_id: str, etag: str) -> None:
        request = self._events.delete(
            calendarId=self._calendar_id, eventId=event_id, sendUpdates="none"
        )
        request.headers["If-Match"] = etag
        self._run(request, "events.delete", lambda answer: answer == "")

    def _run(
        self,
        request: HttpRequest,
        operation: str,
        is_whole: Callable[[Any], bool],
        hidden: Collection[str] = (),
    ) -> Any:
        try:
            return self._send(request, operation, is_whole, hidden)
        except ProviderError as error:
            if error.status != 401 or not self._tokens.renew():
                raise
        return self._send(request, operation, is_whole, hidden)

    def _send(
        self,
        request: HttpRequest,
        operation: str,
        is_whole: Callable[[Any], bool],
        hidden: Collection[str],
    ) -> Any:
        wire = self._transport.google
        request.headers["authorization"] = f"Bearer {self._tokens.current().value}"
        wire.last = None
        answer, cause = None, None
        try:
            answer = request.execute(http=wire)
        except CALL_ERRORS as error:
            cause = error
        if cause is None and is_whole(answer):
            return answer
        raise provider_error(
            wire.last, provider="google", operation=operation, error=cause, hidden=hidden
        ) from cause


def _is_page(answer: Any) -> bool:
    """A page ends in exactly one of the two tokens; one without is not to be trusted."""
    if not isinstance(answer, dict) or not isinstance(answer.get("items"), list):
        return False
    return ("nextPageToken" in answer) != ("nextSyncToken" in answer)


def _is_event(answer: Any) -> bool:
    return isinstance(answer, dict) and "id" in answer


def _texts(body: dict[str, Any]) -> list[str]:
    return [str(body[name]) for name in ("summary", "location", "description") if body.get(name)]


def is_about_one_event(error: ProviderError) -> bool:
    """Whether the error concerns the event that was written and not the whole calendar."""
    return (
        error.raw.provider == "google"
        and error.status in ABOUT_ONE_EVENT
        and error.code not in BROAD_REASONS
        and error.raw.channel == "http-json"
    )
