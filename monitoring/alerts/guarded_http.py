"""HTTP to servers that admins name: guarded, without redirects, and bounded in time and size."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import requests
from apprise.utils.http import (
    ConnectionTracker,
    HTTPPolicySession,
    track_connections,
)

from monitoring.alerts.address_guard import NOWHERE, Guard

# Seconds to connect, and between two pieces of an answer.
TIMEOUTS = (5.0, 10.0)
# Of an answer, no more is read.
LARGEST_ANSWER = 64 * 1024
PIECE = 8 * 1024


@dataclass(slots=True)
class Exchange:
    """What came of calls made in `exchange`: the last answer, or the error instead of one.

    With both, the answer broke off after its status.
    """

    until: float
    calls: int = 0
    # Of the last call. A server may repeat it in its answer.
    url: str = field(default="", repr=False)
    status: int | None = None
    body: str = ""
    retry_after: float = 0.0
    error: str = ""


# It writes where a call went to the log with headers that can't be read.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)

_exchange: ContextVar[Exchange | None] = ContextVar("guarded_exchange", default=None)


@contextmanager
def exchange(seconds: float) -> Iterator[Exchange]:
    """Give the guarded calls made meanwhile so much time altogether; tell what came of them.

    Whatever is still under way then is cut off, however slowly a server drips.
    """
    made = Exchange(monotonic() + seconds)
    token = _exchange.set(made)
    try:
        with track_connections(ConnectionTracker(), deadline=made.until):
            yield made
    finally:
        _exchange.reset(token)


class GuardedSession(HTTPPolicySession):
    """A session that goes to public addresses only, one hop, with certificates checked."""

    def __init__(self) -> None:
        super().__init__(Guard())  # type: ignore[no-untyped-call]
        self.headers["Accept-Encoding"] = "identity"

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        made = _exchange.get()
        if made is None:
            raise requests.exceptions.RequestException("Guarded calls are made in an exchange.")
        if monotonic() >= made.until:
            raise requests.exceptions.Timeout("There was no time left.")
        made.calls += 1
        made.url = request.url or ""
        made.status, made.body, made.retry_after, made.error = None, "", 0.0, ""
        fixed = {"allow_redirects": False, "stream": True, "verify": True, "timeout": TIMEOUTS}
        try:
            answer: requests.Response = super().send(  # type: ignore[no-untyped-call]
                request, **(options | fixed)
            )
            made.status = answer.status_code
            made.retry_after = seconds_in(answer.headers.get("Retry-After", ""))
            made.body = bounded(answer).decode(errors="replace")
        except Exception as error:
            made.error = told(error)
            raise
        return answer

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Say that no answer leads elsewhere: else all of it would be read, and where it leads."""


def bounded(answer: requests.Response) -> bytes:
    """Read the beginning of an answer, which is all of it for who asks for its content.

    As it comes, never unpacked: a little that is packed may be very much.
    """
    body = b""
    answer.raw.headers.discard("Content-Encoding")
    # So that pieces are told apart by http.client, which bounds the lines between them.
    answer.raw.chunked = False
    try:
        for piece in answer.iter_content(PIECE):
            body += piece
            if len(body) >= LARGEST_ANSWER:
                break
    finally:
        answer.close()
    answer._content = body[:LARGEST_ANSWER]
    answer._content_consumed = True  # type: ignore[attr-defined]
    return body[:LARGEST_ANSWER]


def told(error: Exception) -> str:
    """Return what an error of a call means, without the address: it may be a secret."""
    if NOWHERE in str(error):
        return "No public server is known under its name."
    match error:
        case requests.exceptions.SSLError():
            return "The server's certificate could not be verified."
        case requests.exceptions.Timeout():
            return "The server did not answer in time."
        case requests.exceptions.InvalidURL():
            return "The address is none that messages may go to."
        case requests.exceptions.ConnectionError():
            return "The server could not be reached."
    return "The server's answer could not be read."


def seconds_in(retry_after: str) -> float:
    """Return how long a server asks to be left alone, up to a day; 0 where it says nothing."""
    return min(float(retry_after), 86_400.0) if retry_after.strip().isdecimal() else 0.0


def call(method: str, url: str, **options: Any) -> requests.Response:
    """Make one guarded call, in an `exchange`."""
    with GuardedSession() as session:
        answer: requests.Response = session.request(method, url, **options)
        return answer


class GuardedRequests:
    """Stands for the module `requests` where others would call it: its calls are guarded."""

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        return call(method, url, **options)

    def get(self, url: str, params: Any = None, **options: Any) -> requests.Response:
        return call("GET", url, params=params, **options)

    def post(
        self, url: str, data: Any = None, json: Any = None, **options: Any
    ) -> requests.Response:
        return call("POST", url, data=data, json=json, **options)

    def put(self, url: str, data: Any = None, **options: Any) -> requests.Response:
        return call("PUT", url, data=data, **options)

    def delete(self, url: str, **options: Any) -> requests.Response:
        return call("DELETE", url, **options)

    def __getattr__(self, name: str) -> Any:
        """Give what makes no call: errors and names of codes."""
        if name in {"codes", "exceptions", "RequestException"} or name in dir(requests.exceptions):
            return getattr(requests, name)
        raise AttributeError(f"{name} of requests is not guarded")
