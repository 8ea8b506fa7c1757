"""Taking the facts of an error where they pass by: at the wire, before a client library wraps them.

Both clients lose what matters: google-auth drops the status of an HTML answer, simple-salesforce
calls a maintenance page at login an authentication failure. So the transports below keep the last
exchange, and `raw_error` reads it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httplib2
import requests
from requests.adapters import HTTPAdapter

from syncing.reports import RawError

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
BODY_LIMIT = 4_000
KEPT_HEADERS = frozenset(
    {"retry-after", "content-type", "www-authenticate", "server", "date", "sforce-limit-info"}
)
SECRETS = re.compile(
    r"""(?ix)
    \b(?P<name>access_token|refresh_token|id_token|client_secret|assertion|code_verifier
            |syncToken|pageToken)
        (?P<sign>\\?["']?\s*(?:[=:]|%3[ad])\s*\\?["']?) [^\s"'&,<>\\]+
    | \b(?P<scheme>Bearer|OAuth)\s+[\w.!~+/=-]{8,}
    | ya29\.[\w.-]+ | \b1//[\w-]{10,} | \b4/0[\w-]{10,} | \b00D\w{12,15}![\w./+=-]+
    | \b5Aep\w{10,} | \baPrx[\w.=%-]{10,} | GOCSPX-[\w-]+
    | eyJ[\w-]+\.[\w-]+\.[\w-]*
    """
)
SHORTEST_HIDDEN = 4


@dataclass(frozen=True, slots=True)
class Exchange:
    """What came back for one request: an answer, or the exception there was instead."""

    host: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: Exception | None = None


class RecordingHttp(httplib2.Http):
    """httplib2 with time-outs that remembers its last exchange. For one pass at a time."""

    def __init__(self, *, use_proxy: bool = True, read_seconds: float | None = None) -> None:
        proxies = httplib2.proxy_info_from_environment if use_proxy else None
        super().__init__(timeout=read_seconds or READ_SECONDS, proxy_info=proxies)
        self.last: Exchange | None = None

    def request(self, uri: str, *arguments: Any, **options: Any) -> tuple[Any, bytes]:
        host = urlsplit(uri).netloc
        self.last = None
        try:
            response, body = super().request(uri, *arguments, **options)
        except Exception as error:
            self.last = Exchange(host, error=error)
            # httplib2 keeps a connection on which an answer may still be under way.
            self.close()
            raise
        self.last = Exchange(host, int(response.status), response, body)
        return response, body


class RecordingAdapter(HTTPAdapter):
    """A requests adapter with time-outs that remembers its last exchange. For one pass at a time.

    With `loopback`, every host is reached at that address and named in the Host header.
    """

    def __init__(self, loopback: str = "", *, read_seconds: float | None = None) -> None:
        super().__init__()
        self.loopback = loopback
        self.read_seconds = read_seconds
        self.last: Exchange | None = None

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]  # the base names each option
        host = urlsplit(str(request.url)).netloc
        if self.loopback:
            self._redirect(request, host)
        usual = (CONNECT_SECONDS, self.read_seconds or READ_SECONDS)
        options["timeout"] = options.get("timeout") or usual
        self.last = None
        try:
            response = super().send(request, **options)
            body = response.content
        except Exception as error:
            self.last = Exchange(host, error=error)
            raise
        self.last = Exchange(host, response.status_code, response.headers, body)
        return response

    def _redirect(self, request: requests.PreparedRequest, host: str) -> None:
        parts = urlsplit(str(request.url))
        request.headers.setdefault("Host", host)
        query = f"?{parts.query}" if parts.query else ""
        request.url = f"{self.loopback}{parts.path}{query}"


class ProviderError(Exception):
    """A call that failed, with the facts of the wire.

    `code` is the provider's own: Google's reason, Salesforce's errorCode or OAuth's error.
    """

    def __init__(self, raw: RawError, code: str = "") -> None:
        super().__init__(f"{raw.operation}: {raw.status} {code or raw.channel}")
        self.raw = raw
        self.code = code

    @property
    def status(self) -> int | None:
        return self.raw.status


def provider_error(
    exchange: Exchange | None,
    *,
    provider: str,
    operation: str,
    error: Exception | None = None,
    hidden: Collection[str] = (),
) -> ProviderError:
    """Return the error of the last exchange; `hidden` are texts that must not stay in its body.

    `error` is what the client library made of it; it is used only where the wire tells nothing:
    an answer of 200 that can't be read.
    """
    cause = exchange.error if exchange else error
    if exchange is None or exchange.status is None:
        text = _exception_text(cause or RuntimeError("no answer"), exchange)
        return ProviderError(
            RawError("network", "exception-text", None, {}, masked(text, hidden), operation)
        )
    headers = {
        name.lower(): masked(value)
        for name, value in exchange.headers.items()
        if name.lower() in KEPT_HEADERS
    }
    text = exchange.body.decode("utf-8", "replace")
    channel = _channel(text, operation)
    if exchange.status < 300 and channel != "html":
        # A good answer cut short may hold a calendar: only say what is wrong with it.
        text, channel = _unreadable_text(provider, error), "exception-text"
    code = error_code(text) if channel.endswith("json") else ""
    body = masked(text, hidden)[:BODY_LIMIT]
    return ProviderError(
        RawError(provider, channel, exchange.status, headers, body, operation), code
    )


def own_error(provider: str, name: str, text: str, operation: str = "") -> RawError:
    """Return an error that no provider sent: the engine's own finding, such as its guard's."""
    return RawError(provider, "exception-text", None, {}, f"synccenter.{name}: {text}", operation)


def masked(text: str, hidden: Collection[str] = ()) -> str:
    """Return text without tokens and without the given texts (of events)."""
    for part in sorted(hidden, key=len, reverse=True):
        if len(part) >= SHORTEST_HIDDEN:
            text = text.replace(part, "[text of the event]")
            text = text.replace(json.dumps(part)[1:-1], "[text of the event]")
    return SECRETS.sub(_star, text)


def _star(match: re.Match[str]) -> str:
    if match["name"]:
        return f"{match['name']}{match['sign']}***"
    return f"{match['scheme']} ***" if match["scheme"] else "***"


def _channel(text: str, operation: str) -> str:
    start = text.lstrip()[:1]
    if start in ("{", "["):
        return "oauth-json" if operation.endswith(".token") else "http-json"
    return "html" if start == "<" else "exception-text"


def error_code(text: str) -> str:
    """Return the provider's own code in an error body, or "" if there is none to be read."""
    try:
        body = json.loads(text)
    except ValueError:
        return ""
    if isinstance(body, list):
        body = body[0] if body else {}
    if not isinstance(body, dict):
        return ""
    error = body.get("error", body.get("errorCode", ""))
    if isinstance(error, dict):
        details = error.get("errors") or [{}]
        first = details[0] if isinstance(details, list) and details else {}
        error = first.get("reason", "") if isinstance(first, dict) else ""
    return error if isinstance(error, str) else ""


def _unreadable_text(provider: str, error: Exception | None) -> str:
    why = f"{_name(error)}: {error}" if error else "not the object that was asked for"
    return f"synccenter.UnreadableAnswer: {provider} answered 200 with an unreadable body ({why})"


def _exception_text(error: BaseException, exchange: Exchange | None) -> str:
    """Name and text of the exception, its innermost cause, and the host that was called."""
    text = f"{_name(error)}: {error}"
    cause = innermost(error)
    if cause is not error and str(cause) not in text:
        text += f" (caused by {_name(cause)}: {cause})"
    if exchange and exchange.host and exchange.host not in text:
        text += f" [{exchange.host}]"
    return text[:BODY_LIMIT]


def innermost(error: BaseException) -> BaseException:
    """Return the exception at the root of a chain."""
    seen = {id(error)}
    while True:
        cause = error.__cause__ or error.__context__
        if cause is None or id(cause) in seen:
            return error
        seen.add(id(cause))
        error = cause


def _name(error: BaseException | None) -> str:
    kind = type(error)
    module = kind.__module__
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"
