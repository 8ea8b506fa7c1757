"""What a file says of a person: the columns of the list, as text. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from monitoring.console.columns import COLUMNS
from monitoring.console.moments import zone_name
from monitoring.console.people_rows import Row
from monitoring.console.rows import Moment
from monitoring.console.strip import summary

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the file; `is_time` ones have the zone in their title."""

    title: str
    cell: Callable[[Row, tzinfo], str]
    width: int = 18
    is_time: bool = False


def stamp(moment: Moment | None, zone: tzinfo) -> str:
    """Return a time as spreadsheets sort it; empty for none."""
    if moment is None:
        return ""
    return f"{datetime.fromisoformat(moment.iso).astimezone(zone):%Y-%m-%d %H:%M:%S}"


ALWAYS = (
    Field("Person", lambda row, zone: row.name, 28),
    Field("E-mail", lambda row, zone: row.email, 34),
    Field("Status", lambda row, zone: row.look.word),
    Field("Reason", lambda row, zone: reason_cell(row), 44),
)
FIELDS = {
    "team": Field("Team", lambda row, zone: row.team),
    "since": Field("In this status since", lambda row, zone: stamp(row.since, zone), 22, True),
    "kind": Field("Kind of error", lambda row, zone: row.kind, 24),
    "recent": Field("Last 24 runs", lambda row, zone: summary(row.recent), 44),
    "last_attempt": Field(
        "Last attempt", lambda row, zone: stamp(row.last_attempt, zone), 22, True
    ),
    "last_good": Field("Last good run", lambda row, zone: stamp(row.last_good, zone), 22, True),
    "next_run": Field("Next run", lambda row, zone: next_run_cell(row, zone), 22, True),
    "interval": Field("Interval", lambda row, zone: row.interval, 28),
    "google": Field("Google", lambda row, zone: row.google.word),
    "salesforce": Field("Salesforce", lambda row, zone: row.salesforce.word),
    "deed": Field("Last deed", lambda row, zone: row.deed.in_full if row.deed else "", 60),
}


def reason_cell(row: Row) -> str:
    return f"{row.reason}: {row.held_because}" if row.held_because else row.reason


def next_run_cell(row: Row, zone: tzinfo) -> str:
    return stamp(row.next_run, zone) or row.no_next_run


def fields_of(columns: Collection[str]) -> list[Field]:
    """Return the columns of the file for those of the list, in the same order."""
    return [*ALWAYS, *(FIELDS[column.name] for column in COLUMNS if column.name in columns)]


def titles_of(fields: Sequence[Field], zone: tzinfo) -> list[str]:
    """Return the first line of the file; times say in which zone they are."""
    return [
        f"{field.title} ({zone_name(zone)})" if field.is_time else field.title for field in fields
    ]


def cells_of(row: Row, fields: Sequence[Field], zone: tzinfo) -> list[str]:
    """Return one line of the file."""
    return [field.cell(row, zone) for field in fields]
