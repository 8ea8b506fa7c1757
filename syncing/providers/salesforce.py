"""One person's Events, through simple-salesforce.

The library gets a session id and an instance only: with anything to log in by, it answers an
expired session with logins without end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from typing import Any
from urllib.parse import quote

import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError

from syncing.providers.tokens import Token, TokenSource
from syncing.providers.transport import Transport
from syncing.providers.wire import Exchange, ProviderError, provider_error

API_VERSION = "59.0"
SESSION_EXPIRED = "INVALID_SESSION_ID"
# These concern the user or the org, not one record.
BROAD_CODES = frozenset(
    {
        *("REQUEST_LIMIT_EXCEEDED", "API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED"),
        *("FUNCTIONALITY_NOT_ENABLED", "INVALID_OPERATION_WITH_EXPIRED_PASSWORD"),
        *("SERVER_UNAVAILABLE", "INVALID_TYPE", "INVALID_FIELD", "ORG_LOCKED"),
        *("STORAGE_LIMIT_EXCEEDED", "MALFORMED_QUERY", SESSION_EXPIRED),
    }
)
ABOUT_ONE_RECORD = frozenset({300, 400, 403, 404, 405, 409, 412, 413, 422})


class SalesforceEvents:
    """Calls with one person's session. Each raises ProviderError."""

    def __init__(self, tokens: TokenSource, transport: Transport, home_url: str) -> None:
        self._tokens = tokens
        self._transport = transport
        self._home_url = home_url

    def query(self, soql: str, *, deleted: bool = False) -> list[dict[str, Any]]:
        """Return all records of all pages; with `deleted` those of the recycle bin too."""
        page = self._run(
            "query", lambda client: client.query(soql, include_deleted=deleted), _is_page
        )
        records = list(page["records"])
        while not page["done"]:
            page = self._run("query", partial(_next_page, page["nextRecordsUrl"]), _is_page)
            records += page["records"]
        return records

    def deleted(self, start: datetime, end: datetime) -> dict[str, Any]:
        """Return the delete log: deletedRecords, earliestDateAvailable, latestDateCovered."""
        return self._run(
            "Event.deleted", lambda client: _events(client).deleted(start, end), _is_deleted_log
        )

    def get(self, record_id: str, fields: Sequence[str]) -> dict[str, Any]:
        path = f"sobjects/Event/{record_id}"
        return self._run(
            "Event.get",
            lambda client: client.restful(path, {"fields": ",".join(fields)}),
            _is_record,
        )

    def upsert(self, key_field: str, key: str, body: Mapping[str, Any]) -> str:
        """Create the record with this key, or change the one there is; return its id."""
        address = f"{key_field}/{quote(key, safe='')}"
        response = self._run(
            "Event.upsert",
            lambda client: _events(client).upsert(address, dict(body), raw_response=True),
            _has_id,
            _texts(body),
        )
        return str(response.json()["id"])

    def upsert_many(self, key_field: str, bodies: Sequence[Mapping[str, Any]]) -> list[str]:
        """Create up to 200 records by their keys in one request; return their ids in this order.

        What was refused has an empty id and is best tried alone.
        """
        records = [{"attributes": {"type": "Event"}, **body} for body in bodies]
        answer = self._run(
            "Event.upsert",
            lambda client: client.restful(
                f"composite/sobjects/Event/{key_field}",
                method="PATCH",
                json={"allOrNone": False, "records": records},
            ),
            lambda found: isinstance(found, list) and len(found) == len(bodies),
            [text for body in bodies for text in _texts(body)],
        )
        return [str(item["id"]) if item.get("success") else "" for item in answer]

    def update(
        self, record_id: str, body: Mapping[str, Any], unmodified_since: datetime | None
    ) -> None:
        """Change the given fields; 412 if the record changed after that second, if one is given."""
        headers = {}
        if unmodified_since is not None:
            headers["If-Unmodified-Since"] = format_datetime(unmodified_since, usegmt=True)
        self._run(
            "Event.update",
            lambda client: _events(client).update(record_id, dict(body), headers=headers),
            _is_done,
            _texts(body),
        )

    def delete(self, record_id: str) -> None:
        self._run("Event.delete", lambda client: _events(client).delete(record_id), _is_done)

    def _run(
        self,
        operation: str,
        call: Callable[[Salesforce], Any],
        is_whole: Callable[[Any], bool],
        hidden: Collection[str] = (),
    ) -> Any:
        try:
            return self._send(operation, call, is_whole, hidden)
        except ProviderError as error:
            expired = error.status == 401 or error.code == SESSION_EXPIRED
            if not expired or not self._tokens.renew():
                raise
        return self._send(operation, call, is_whole, hidden)

    def _send(
        self,
        operation: str,
        call: Callable[[Salesforce], Any],
        is_whole: Callable[[Any], bool],
        hidden: Collection[str],
    ) -> Any:
        client = self._client(self._tokens.current())
        wire = self._transport.salesforce_adapter
        wire.last = None
        answer, cause = None, None
        try:
            answer = call(client)
        except (SalesforceError, requests.RequestException, OSError, ValueError) as error:
            cause = error
        if cause is None and not _is_html(wire.last) and is_whole(answer):
            return answer
        raise provider_error(
            wire.last, provider="salesforce", operation=operation, error=cause, hidden=hidden
        ) from cause

    def _client(self, token: Token) -> Salesforce:
        return Salesforce(
            session_id=token.value,
            instance_url=token.instance_url or self._home_url,
            session=self._transport.session,
            version=API_VERSION,
            object_pairs_hook=dict,
        )


def _events(client: Salesforce) -> Any:
    """The methods of the Event object, which the library makes up on the fly."""
    return client.Event


def _next_page(url: str, client: Salesforce) -> Any:
    return client.query_more(url, identifier_is_url=True)


def _is_html(exchange: Exchange | None) -> bool:
    """A write's answer is judged by its status alone, which a page for people may have too."""
    return exchange is not None and exchange.body.lstrip()[:1] == b"<"


def _is_page(answer: Any) -> bool:
    if not isinstance(answer, dict) or not isinstance(answer.get("records"), list):
        return False
    return answer.get("done") is True or bool(answer.get("nextRecordsUrl"))


def _is_deleted_log(answer: Any) -> bool:
    if not isinstance(answer, dict) or not isinstance(answer.get("deletedRecords"), list):
        return False
    return all(answer.get(name) for name in ("earliestDateAvailable", "latestDateCovered"))


def _is_record(answer: Any) -> bool:
    return isinstance(answer, dict) and "Id" in answer


def _has_id(response: Any) -> bool:
    return isinstance(response.json().get("id"), str)


def _is_done(status: Any) -> bool:
    return status in (200, 201, 204)


def _texts(body: Mapping[str, Any]) -> list[str]:
    return [str(body[name]) for name in ("Subject", "Location", "Description") if body.get(name)]


def is_about_one_record(error: ProviderError) -> bool:
    """Whether the error concerns the record that was written and not the whole org."""
    return (
        error.raw.provider == "salesforce"
        and error.status in ABOUT_ONE_RECORD
        and error.code not in BROAD_CODES
        and error.raw.channel == "http-json"
    )
