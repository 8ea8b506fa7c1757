"""What a pass saw of an event on one side."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from syncing.engine.content import EventContent


class LeftOut(StrEnum):
    """Why an event that exists is not synced."""

    SERIES = "repeats"
    SPECIAL = "is of a special kind"
    CHILD = "is an invitee's copy"
    FOREIGN = "belongs to somebody else"
    UNREADABLE = "has no readable time"


@dataclass(frozen=True, slots=True)
class Present:
    """The event is there. `version` is Google's etag or Salesforce's SystemModstamp."""

    content: EventContent
    version: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Private:
    """The event is there and private: none of it may be read further, stored or shown."""

    version: str = ""


@dataclass(frozen=True, slots=True)
class Excluded:
    """The event is there, and of a kind that is not synced."""

    reason: LeftOut
    version: str = ""


@dataclass(frozen=True, slots=True)
class Deleted:
    """The provider said that the event was deleted. Never concluded from absence."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The provider had nothing new to say about a linked event."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing is known of an event there, as far as this pass has read."""


Observed = Present | Private | Excluded | Deleted | Unchanged | Unknown
