"""What a file says of a person: the columns of the list, as text. Pure.

A row of the page says each time in three ways; a file of many people has no time for that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from monitoring.console import moments, strip
from monitoring.console.columns import COLUMNS
from monitoring.console.last_deed import last_deed
from monitoring.console.people_rows import connection_look
from monitoring.console.rows import situation_of
from monitoring.console.rule_words import class_words
from monitoring.console.wording import Situation, look_of, no_next_run, reason
from monitoring.health.causes import Explanation

if TYPE_CHECKING:
    from monitoring.console.tables import ListedHealth


@dataclass(frozen=True, slots=True)
class Told:
    """A person of the file: the row that was read, what it means, and for whom it is written."""

    health: ListedHealth
    situation: Situation
    rules: Mapping[str, Explanation]
    now: datetime
    zone: tzinfo

    def stamp(self, moment: datetime | None) -> str:
        """Return a time as spreadsheets sort it; empty for none."""
        if moment is None:
            return ""
        return moment.astimezone(self.zone).isoformat(" ", "seconds")[:19]

    @property
    def reason(self) -> str:
        why = reason(self.situation, self.rules, self.now, self.zone)
        return f"{why}: {self.situation.held_because}" if self.situation.held_because else why

    @property
    def next_run(self) -> str:
        return self.stamp(self.situation.next_due) or no_next_run(self.situation)

    @property
    def interval(self) -> str:
        return moments.interval(self.situation.interval, self.situation.base_interval)

    @property
    def kind(self) -> str:
        return class_words(self.health.last_interpretation or "")

    @property
    def deed(self) -> str:
        found = last_deed(self.health.last_deed, self.now, self.zone)
        return found.in_full if found else ""


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the file; `is_time` ones have the zone in their title."""

    title: str
    cell: Callable[[Told], str]
    width: int = 18
    is_time: bool = False


ALWAYS = (
    Field("Person", lambda told: told.health.person.name, 28),
    Field("E-mail", lambda told: told.health.person.email, 34),
    Field("Status", lambda told: look_of(told.health.status, told.health.cause).word),
    Field("Reason", lambda told: told.reason, 44),
)
# By the names of the list's columns, which give the titles.
CELLS: Mapping[str, tuple[Callable[[Told], str], int, bool]] = {
    "team": (lambda told: told.health.person.team, 18, False),
    "since": (lambda told: told.stamp(told.health.status_since), 22, True),
    "kind": (lambda told: told.kind, 24, False),
    "recent": (lambda told: strip.summary(told.health.recent), 44, False),
    "last_attempt": (lambda told: told.stamp(told.health.last_attempt_at), 22, True),
    "last_good": (lambda told: told.stamp(told.health.last_success_at), 22, True),
    "next_run": (lambda told: told.next_run, 22, True),
    "interval": (lambda told: told.interval, 28, False),
    "google": (lambda told: connection_look(told.health.google_state).word, 18, False),
    "salesforce": (lambda told: connection_look(told.health.salesforce_state).word, 18, False),
    "deed": (lambda told: told.deed, 60, False),
}


def fields_of(columns: Collection[str]) -> list[Field]:
    """Return the columns of the file for those of the list, in the same order."""
    chosen = [column for column in COLUMNS if column.name in columns]
    return [*ALWAYS, *(Field(column.title, *CELLS[column.name]) for column in chosen)]


def titles_of(fields: Sequence[Field], zone: tzinfo) -> list[str]:
    """Return the first line of the file; times say in which zone they are."""
    name = moments.zone_name(zone)
    return [f"{field.title} ({name})" if field.is_time else field.title for field in fields]


def cells_of(
    health: ListedHealth,
    fields: Sequence[Field],
    rules: Mapping[str, Explanation],
    now: datetime,
    zone: tzinfo,
) -> list[str]:
    """Return one line of the file, of a Health loaded by `tables.as_listed`."""
    told = Told(health, situation_of(health, now), rules, now, zone)
    return [field.cell(told) for field in fields]
