"""What the two sides of an event are compared by: its mapped fields in one canonical form.

Instants are UTC; all-day events are dates with an inclusive end and never shift by a zone; text
has one kind of line end and no blank edges. Everything else an event holds is not ours to touch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

# PostgreSQL's JSON holds neither NUL nor half of a surrogate pair.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class ShowAs(StrEnum):
    BUSY = "busy"
    FREE = "free"
    OUT_OF_OFFICE = "out_of_office"


@dataclass(frozen=True, slots=True)
class Timed:
    """From one instant to another, both aware and in UTC; the two may be equal."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class AllDay:
    """Whole days from `first` to `last`, both included."""

    first: date
    last: date


When = Timed | AllDay


@dataclass(frozen=True, slots=True)
class EventContent:
    """The mapped fields. Times are one field: half of one side's would not fit the other's."""

    when: When
    title: str = ""
    location: str = ""
    description: str = ""
    show_as: ShowAs = ShowAs.BUSY


FIELDS = tuple(field.name for field in fields(EventContent))


def clean_text(text: str | None) -> str:
    """Return text with line feeds only, blank edges cut, and nothing a database refuses."""
    if not text:
        return ""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return UNSTORABLE.sub("", unified).strip()


def different_fields(one: EventContent, other: EventContent) -> frozenset[str]:
    """Return the names of the fields that differ."""
    return frozenset(name for name in FIELDS if getattr(one, name) != getattr(other, name))


def ends_at(content: EventContent) -> date:
    """Return the UTC date on which the event ends; exact enough to place it in a window."""
    when = content.when
    return when.last if isinstance(when, AllDay) else when.end.date()


def content_to_json(content: EventContent) -> dict[str, Any]:
    """Return what `content_from_json` reads."""
    when = content.when
    if isinstance(when, AllDay):
        span = {"first": when.first.isoformat(), "last": when.last.isoformat()}
    else:
        span = {"start": when.start.isoformat(), "end": when.end.isoformat()}
    return {
        "when": span,
        "title": content.title,
        "location": content.location,
        "description": content.description,
        "show_as": content.show_as.value,
    }


def content_from_json(stored: Mapping[str, Any]) -> EventContent:
    span = stored["when"]
    when: When
    if "first" in span:
        when = AllDay(date.fromisoformat(span["first"]), date.fromisoformat(span["last"]))
    else:
        when = Timed(
            datetime.fromisoformat(span["start"]).astimezone(UTC),
            datetime.fromisoformat(span["end"]).astimezone(UTC),
        )
    return EventContent(
        when=when,
        title=stored["title"],
        location=stored["location"],
        description=stored["description"],
        show_as=ShowAs(stored["show_as"]),
    )


@dataclass(frozen=True, slots=True)
class Base:
    """The content both sides last agreed on, as each side holds it.

    The two differ where one side can't hold what the other has: a shortened description, HTML
    made plain, a length rounded to minutes. A side has changed when it differs from its own half,
    so what was lost on the way is never taken for an edit.
    """

    google: EventContent
    salesforce: EventContent


def base_to_json(base: Base) -> dict[str, Any]:
    """Return Google's form, and of Salesforce's only the fields that differ."""
    salesforce = content_to_json(base.salesforce)
    lossy = different_fields(base.google, base.salesforce)
    return {
        "google": content_to_json(base.google),
        "salesforce": {name: salesforce[name] for name in sorted(lossy)},
    }


def base_from_json(stored: Mapping[str, Any]) -> Base:
    return Base(
        google=content_from_json(stored["google"]),
        salesforce=content_from_json({**stored["google"], **stored["salesforce"]}),
    )
