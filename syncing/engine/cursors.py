"""How far each side was read, and the events set aside to be tried again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

# Salesforce stamps a record when it is written and shows it when its transaction ends: a mark this
# far behind what was covered sees the late ones too.
OVERLAP = timedelta(minutes=2)
# The first read goes back so far.
FIRST_WINDOW = timedelta(days=30)
# The delete log reaches 15 days back; older marks compare every linked event instead.
DELETED_LOG_REACH = timedelta(days=14)
# Unchanged cursors are renewed so often, because sync tokens and the delete log age.
RENEW_EVERY = timedelta(days=1)
QUICK_TRIES = 3
RETRY_EVERY = timedelta(days=1)
MOST_RETRIED = 20


@dataclass(frozen=True, slots=True)
class SetAside:
    """An event whose change could not be written. Both its sides are read again when it is due."""

    google_id: str
    salesforce_id: str
    tries: int
    due: datetime


@dataclass(frozen=True, slots=True)
class Cursor:
    """What a pass starts from. `salesforce_seen`: stamps by id of records at or after the mark."""

    window_start: date
    google_sync_token: str = ""
    salesforce_mark: datetime | None = None
    salesforce_deleted_mark: datetime | None = None
    salesforce_seen: Mapping[str, str] = field(default_factory=dict)
    set_aside: tuple[SetAside, ...] = ()
    updated_at: datetime | None = None


def first_cursor(now: datetime) -> Cursor:
    return Cursor(window_start=(now - FIRST_WINDOW).date())


def is_old(cursor: Cursor, now: datetime) -> bool:
    """Whether an unchanged cursor should be stored anew."""
    return cursor.updated_at is None or now - cursor.updated_at >= RENEW_EVERY


def stamp_time(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp).astimezone(UTC)


def unseen_records(
    records: Collection[dict[str, Any]], seen: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the records that an earlier pass has not seen with the same stamp."""
    return [record for record in records if seen.get(record["Id"]) != record["SystemModstamp"]]


def salesforce_advanced(
    cursor: Cursor, stamps: Mapping[str, str], covered: datetime
) -> tuple[datetime, dict[str, str]]:
    """Return the next mark and the stamps to recognise at it.

    `covered` is the vendor's own time just before the records were read, so no clock of ours
    decides what is skipped.
    """
    mark = covered - OVERLAP
    if cursor.salesforce_mark is not None:
        mark = max(mark, cursor.salesforce_mark)
    known = {**cursor.salesforce_seen, **stamps}
    return mark, {key: stamp for key, stamp in known.items() if stamp_time(stamp) >= mark}


def deleted_range(cursor: Cursor, now: datetime) -> tuple[datetime, datetime, bool]:
    """Return start and end of the delete log to ask for, and whether it has a gap before start."""
    latest_start = now - OVERLAP
    mark = cursor.salesforce_deleted_mark
    if mark is None:
        return latest_start, now, False
    earliest_start = now - DELETED_LOG_REACH
    return max(earliest_start, min(mark, latest_start)), now, mark < earliest_start


def due_again(
    cursor: Cursor, google_ids: Collection[str], salesforce_ids: Collection[str], now: datetime
) -> list[SetAside]:
    """Return the set-aside events to try now: those changed since, and a few that are due."""
    changed, due = [], []
    for aside in cursor.set_aside:
        if aside.google_id in google_ids or aside.salesforce_id in salesforce_ids:
            changed.append(aside)
        elif aside.due <= now:
            due.append(aside)
    return changed + sorted(due, key=lambda aside: aside.due)[:MOST_RETRIED]


def tried_again(
    before: Collection[SetAside],
    settled: Collection[SetAside],
    failed: Collection[tuple[str, str]],
    now: datetime,
) -> tuple[SetAside, ...]:
    """Return the set-aside events after a pass that settled some and failed at others.

    `failed` are (Google id, Salesforce id), either of which may be empty. After three quick tries
    an event is tried once a day, and whenever it changes.
    """
    kept = [aside for aside in before if aside not in settled]
    for google_id, salesforce_id in failed:
        earlier = _matching(before, google_id, salesforce_id)
        tries = earlier.tries + 1 if earlier else 1
        due = now if tries < QUICK_TRIES else now + RETRY_EVERY
        kept = [aside for aside in kept if aside != earlier]
        kept.append(SetAside(google_id, salesforce_id, tries, due))
    return tuple(kept)


def _matching(asides: Collection[SetAside], google_id: str, salesforce_id: str) -> SetAside | None:
    for aside in asides:
        same_google = google_id and aside.google_id == google_id
        if same_google or (salesforce_id and aside.salesforce_id == salesforce_id):
            return aside
    return None


def aside_to_json(aside: SetAside) -> dict[str, Any]:
    return {
        "google": aside.google_id,
        "salesforce": aside.salesforce_id,
        "tries": aside.tries,
        "due": aside.due.isoformat(),
    }


def aside_from_json(stored: Mapping[str, Any]) -> SetAside:
    return SetAside(
        stored["google"],
        stored["salesforce"],
        stored["tries"],
        datetime.fromisoformat(stored["due"]),
    )


def without_pass(cursor: Cursor, asides: tuple[SetAside, ...]) -> Cursor:
    """Return the cursor of a pass that broke off: nothing counts as read, tries are counted."""
    return replace(cursor, set_aside=asides)
