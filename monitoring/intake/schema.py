"""The form of an outcome as it arrives (design §6), and what is wrong with one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from syncing.providers.wire import KEPT_HEADERS, masked

MAX_LINE = 1_000_000
MAX_BODY = 16_000
MAX_TEXT = 200
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
CLOCK_SKEW = timedelta(minutes=5)

Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class SideCounts(msgspec.Struct, frozen=True):
    created: Count = 0
    updated: Count = 0
    deleted: Count = 0


class Counts(msgspec.Struct, frozen=True):
    google: SideCounts = SideCounts()
    salesforce: SideCounts = SideCounts()
    skipped: Count = 0
    conflicts: Count = 0


class Error(msgspec.Struct, frozen=True):
    provider: Literal["google", "salesforce", "network"]
    channel: Literal["http-json", "oauth-json", "soap-fault", "html", "exception-text"]
    body: str
    status: Annotated[int, msgspec.Meta(ge=0, le=999)] | None = None
    headers: dict[str, str] = {}
    operation: str = ""


class OutcomeLine(msgspec.Struct, frozen=True):
    """One outcome as sent. `person` is an id or an e-mail address."""

    attempt_id: UUID
    person: str | int
    trigger: Literal["schedule", "admin", "retry", "recovery", "external"]
    started_at: Moment
    finished_at: Moment
    result: Literal["success", "partial", "failure", "lost"]
    organization: str | None = None
    error: Error | None = None
    counts: Counts | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a line was refused. Lines count from 1; `field` is empty where all of it is bad."""

    line: int
    field: str
    reason: str


# What msgspec raises for bytes that are no JSON; the last for brackets thousands deep.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_decoder = msgspec.json.Decoder(OutcomeLine)
_array = msgspec.json.Decoder(list[msgspec.Raw])
# msgspec ends its messages with the place: "Expected `str`, got `int` - at `$.person`".
_PLACE = re.compile(r"^(?P<reason>.*?)(?: - at `\$\.?(?P<field>.*)`)?$", re.DOTALL)
_MISSING = re.compile(r"missing required field `(?P<field>\w+)`")


def split(body: bytes) -> Iterator[tuple[int, bytes | Refusal]]:
    """Cut a delivery into numbered lines: the items of a JSON array, or JSON lines."""
    if body.lstrip()[:1] != b"[":
        lines = enumerate(body.split(b"\n"), start=1)
        yield from ((number, line) for number, line in lines if line.strip())
        return
    try:
        items = _array.decode(body)
    except UNREADABLE as error:
        yield 1, Refusal(1, "", f"The array is not valid JSON: {error}")
        return
    yield from ((number, bytes(item)) for number, item in enumerate(items, start=1))


def read_line(number: int, line: bytes, now: datetime) -> OutcomeLine | Refusal:
    """Return the outcome of a line, or why it is none."""
    if len(line) > MAX_LINE:
        return Refusal(number, "", f"The line has {len(line):,} bytes; {MAX_LINE:,} are allowed.")
    try:
        outcome = _decoder.decode(line)
    except msgspec.ValidationError as error:
        return refusal_of(number, str(error))
    except UNREADABLE as error:
        return Refusal(number, "", f"Not valid JSON in UTF-8: {error}")
    return wrong_time(number, outcome, now) or outcome


def refusal_of(number: int, message: str) -> Refusal:
    """Read field and reason from msgspec's message."""
    match = _PLACE.match(message)
    field = (match["field"] or "") if match else ""
    reason = match["reason"] if match else message
    missing = _MISSING.search(reason)
    if missing:
        field = f"{field}.{missing['field']}" if field else missing["field"]
    return Refusal(number, field, reason[:MAX_TEXT])


def wrong_time(number: int, outcome: OutcomeLine, now: datetime) -> Refusal | None:
    """Return what is wrong with the outcome's times, if anything."""
    latest = now + CLOCK_SKEW
    for field in ("started_at", "finished_at"):
        moment = getattr(outcome, field)
        if moment < EARLIEST:
            return Refusal(number, field, f"{moment.isoformat()} is before {EARLIEST.year}.")
        if moment > latest:
            return Refusal(number, field, f"{moment.isoformat()} is in the future.")
    if outcome.finished_at < outcome.started_at:
        return Refusal(number, "finished_at", "The run ends before it starts.")
    if id_time(outcome.attempt_id) > latest + timedelta(days=1):
        return Refusal(number, "attempt_id", "The id carries a time in the future.")
    return None


def id_time(attempt_id: UUID) -> datetime:
    """Return the time a UUIDv7 carries; the earliest time for ids of other kinds."""
    if attempt_id.version != 7:
        return EARLIEST
    milliseconds = min(attempt_id.int >> 80, 253_402_300_799_000)
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)


def storable(error: Error) -> dict[str, Any]:
    """Return the error as the log keeps it, for good: bounded, and without tokens.

    Whoever reports may forget to take them out. PostgreSQL refuses NUL.
    """
    return {
        "provider": error.provider,
        "channel": error.channel,
        "status": error.status,
        "headers": {
            name.lower(): clean(masked(value), 2_000)
            for name, value in error.headers.items()
            if name.lower() in KEPT_HEADERS
        },
        "body": clean(masked(error.body[: 2 * MAX_BODY]), MAX_BODY),
        "operation": clean(error.operation, MAX_TEXT),
    }


def clean(text: str, length: int) -> str:
    return text[:length].replace("\x00", "\ufffd")
