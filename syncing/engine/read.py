"""Reading what changed on each side since the cursor. Nothing is written here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from syncing.engine.batches import batches
from syncing.engine.cursors import Cursor, deleted_range, stamp_time, unseen_records
from syncing.engine.google_form import google_observed
from syncing.engine.observed import Deleted, Excluded, LeftOut, Observed
from syncing.engine.salesforce_form import (
    KEY_FIELD,
    READ_FIELDS,
    salesforce_instant,
    salesforce_observed,
)
from syncing.providers.google import GoogleCalendar
from syncing.providers.salesforce import SalesforceEvents, is_about_one_record
from syncing.providers.wire import ProviderError

GONE = frozenset({404, 410})
IDS_A_QUERY = 200
# Whole days have no zone: a day more keeps the first of them in the window of every zone.
ZONES = timedelta(days=1)

Check = Callable[[], None]


@dataclass(slots=True)
class GoogleFeed:
    """What Google reported: events by id, the token to go on from, and whether it listed all.

    A full list shows no deletions; they are found by comparing it with the links.
    """

    seen: dict[str, Observed]
    token: str
    full: bool


@dataclass(slots=True)
class SalesforceFeed:
    """What Salesforce reported: events by id, their stamps, and up to when the answer is complete.

    `gap`: the delete log does not reach back to the last pass; links have to be compared.
    """

    seen: dict[str, Observed]
    covered: datetime
    gap: bool
    stamps: dict[str, str] = field(default_factory=dict)


def read_google(calendar: GoogleCalendar, cursor: Cursor, check: Check) -> GoogleFeed:
    """Read all pages since the sync token, or everything in the window when there is none."""
    if cursor.google_sync_token:
        try:
            return _read_list(calendar, check, syncToken=cursor.google_sync_token)
        except ProviderError as error:
            if error.status != 410:
                raise
    begin = datetime.combine(cursor.window_start, time(), UTC) - ZONES
    return _read_list(calendar, check, timeMin=begin.isoformat().replace("+00:00", "Z"))


def _read_list(calendar: GoogleCalendar, check: Check, **since: str) -> GoogleFeed:
    seen: dict[str, Observed] = {}
    page = calendar.list_page(**since)
    while True:
        seen |= {item["id"]: google_observed(item) for item in page["items"]}
        if "nextSyncToken" in page:
            return GoogleFeed(seen, page["nextSyncToken"], full="timeMin" in since)
        check()
        page = calendar.list_page(**since, pageToken=page["nextPageToken"])


def read_salesforce(
    events: SalesforceEvents, cursor: Cursor, owner_id: str, now: datetime
) -> SalesforceFeed:
    """Read the delete log, then the changed records: what the later answer shows alive, lives."""
    start, end, gap = deleted_range(cursor, now)
    log = events.deleted(start, end)
    mark = cursor.salesforce_deleted_mark
    earliest = stamp_time(log["earliestDateAvailable"])
    records = unseen_records(
        events.query(_changes_query(cursor, owner_id), deleted=True), cursor.salesforce_seen
    )
    seen: dict[str, Observed] = {entry["id"]: Deleted() for entry in log["deletedRecords"]}
    seen |= {record["Id"]: salesforce_observed(record, owner_id) for record in records}
    return SalesforceFeed(
        seen=seen,
        covered=stamp_time(log["latestDateCovered"]),
        gap=gap or (mark is not None and earliest > mark),
        stamps={record["Id"]: record["SystemModstamp"] for record in records},
    )


def _changes_query(cursor: Cursor, owner_id: str) -> str:
    if cursor.salesforce_mark is None:
        begin = datetime.combine(cursor.window_start, time(), UTC) - ZONES
        since = f"IsDeleted = false AND EndDateTime >= {salesforce_instant(begin)}"
    else:
        since = f"SystemModstamp >= {salesforce_instant(cursor.salesforce_mark)}"
    return (
        f"{_select()} WHERE OwnerId = '{_id(owner_id)}' AND IsChild = false AND {since} "
        "ORDER BY SystemModstamp, Id"
    )


def _select() -> str:
    names = ", ".join(READ_FIELDS)
    return f"SELECT {names}, IsDeleted FROM Event"  # noqa: S608 - SOQL, all of it constant


def _id(text: str) -> str:
    """Guard a value that goes into a query between quotes."""
    if not text.isalnum():
        raise ValueError(f"not a Salesforce id or key: {text!r}")
    return text


def google_event_now(calendar: GoogleCalendar, event_id: str) -> Observed:
    """Read one event. A 404 here is an answer about the event: the calendar was just read."""
    try:
        return google_observed(calendar.get(event_id))
    except ProviderError as error:
        if error.status in GONE:
            return Deleted()
        raise


def salesforce_events_shown(
    events: SalesforceEvents, record_ids: Collection[str], owner_id: str, check: Check
) -> dict[str, Observed]:
    """Return those of the records that a query shows, the bin included."""
    found: dict[str, Observed] = {}
    for condition in _conditions("Id", record_ids):
        check()
        for record in events.query(f"{_select()} WHERE {condition}", deleted=True):
            found[record["Id"]] = salesforce_observed(record, owner_id)
    return found


def salesforce_event_now(events: SalesforceEvents, record_id: str, owner_id: str) -> Observed:
    """Read one record. Not found is an answer; not allowed is none about the event's end."""
    try:
        return salesforce_observed(events.get(record_id, READ_FIELDS), owner_id)
    except ProviderError as error:
        if error.status == 404:
            return Deleted()
        if error.status == 403 and is_about_one_record(error):
            return Excluded(LeftOut.FOREIGN)
        raise


def salesforce_copies(
    events: SalesforceEvents, keys: Collection[str], owner_id: str, check: Check
) -> dict[str, tuple[str, Observed]]:
    """Return key → (record id, content) of the live records that carry one of our keys."""
    found: dict[str, tuple[str, Observed]] = {}
    for condition in _conditions(KEY_FIELD, keys):
        check()
        for record in events.query(f"{_select()} WHERE {condition}"):
            found[record[KEY_FIELD]] = (record["Id"], salesforce_observed(record, owner_id))
    return found


def _conditions(name: str, values: Iterable[Any]) -> Iterator[str]:
    for some in batches(sorted(values), IDS_A_QUERY):
        quoted = ", ".join(f"'{_id(value)}'" for value in some)
        yield f"{name} IN ({quoted})"


def in_window(day: date, cursor: Cursor) -> bool:
    return day >= cursor.window_start
