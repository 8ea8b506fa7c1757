"""What a rehearsal found: the messages, who would have got them, and what was kept back. Pure.

All of it is written as plain JSON: times in ISO 8601, UTC; people by id, their names are looked up
when it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from monitoring.alerts.item import Item
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.routing import RouteFacts

# No more than this are written down; the totals beside them tell the rest.
MOST_MESSAGES = 1_000
MOST_KEPT = 500


@dataclass(frozen=True, slots=True)
class RouteThen:
    """A route that is tried instead of those in force; the fields are those of models.Route."""

    name: str
    kinds: tuple[AlertKind, ...] = ()
    least: Severity = Severity.NOTICE
    teams: tuple[str, ...] = ()
    audience: str = "admins"
    recipients: tuple[int, ...] = ()
    after: int = 0

    @property
    def facts(self) -> RouteFacts:
        return RouteFacts(
            self.name,
            kinds=frozenset(self.kinds),
            least=self.least,
            teams=frozenset(self.teams),
            audience=self.audience,
            recipients=frozenset(self.recipients),
            after=self.after,
        )


def route_then(route: RouteFacts) -> RouteThen:
    """Return a route as it is kept with a rehearsal."""
    return RouteThen(
        route.name,
        tuple(sorted(route.kinds)),
        route.least,
        tuple(sorted(route.teams)),
        route.audience,
        tuple(sorted(route.recipients)),
        route.after,
    )


class Mark(StrEnum):
    """How a message stands to those that go out where nothing is tried."""

    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"
    SAME = "same"


class Aspect(StrEnum):
    """In what a message is changed."""

    TIME = "time"
    ALERTS = "alerts"
    PEOPLE = "people"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Part:
    """One alert of a message: its item, without names, and the people whose names belong there."""

    item: Item
    people: tuple[int, ...]
    route: str


@dataclass(frozen=True, slots=True)
class Without:
    """A changed message as it is where nothing is tried, and in what it differs."""

    at: datetime
    subject: str
    aspects: tuple[Aspect, ...]


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One message that would have gone out. `recipient` is the id of models.Recipient.

    mark, without   where something was tried; the latter of a changed one
    silences        a sentence on what was muted; empty where nothing was
    """

    at: datetime
    recipient: int
    name: str
    address: str
    channel: str
    subject: str
    parts: tuple[Part, ...]
    mark: Mark | None = None
    without: Without | None = None
    silences: str = ""

    @property
    def routes(self) -> tuple[str, ...]:
        """Return the routes by which it would have gone, each once."""
        return tuple(dict.fromkeys(part.route for part in self.parts))


@dataclass(frozen=True, slots=True)
class KeptBack:
    """A beginning that somebody would not have been told of, and why; first at that moment."""

    at: datetime
    recipient: int
    name: str
    reason: str
    people: int
    headline: str
    route: str


@dataclass(frozen=True, slots=True)
class Difference:
    """How many messages something that is tried brings, takes away, changes and leaves alone."""

    new: int
    gone: int
    changed: int
    same: int

    @property
    def tried(self) -> int:
        """Return how many messages there are with it."""
        return self.new + self.changed + self.same

    @property
    def without(self) -> int:
        """Return how many there are without it."""
        return self.gone + self.changed + self.same


@dataclass(frozen=True, slots=True)
class RehearsalResult:
    """The messages of a time in their order, and what was kept back.

    outcomes, people   that were played, from a while before on
    difference         from the play with nothing tried; None where nothing was, and in results of
                       a time when none was made. `gone` are messages of that play
    """

    since: datetime
    until: datetime
    version: str
    outcomes: int = 0
    people: int = 0
    messages: tuple[Rehearsed, ...] = ()
    messages_total: int = 0
    kept: tuple[KeptBack, ...] = ()
    kept_total: int = 0
    difference: Difference | None = None
    gone: tuple[Rehearsed, ...] = ()

    @property
    def everything(self) -> tuple[Rehearsed, ...]:
        """Return all messages that are written down, those that are gone last."""
        return self.messages + self.gone


def from_json(told: Mapping[str, Any]) -> RehearsalResult:
    """Read what `stored.as_json` wrote."""
    return msgspec.convert(told, RehearsalResult)
