"""What one pass of the engine reports. The engine takes the facts; judging them is not its work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class PassResult(StrEnum):
    SUCCESS = "success"
    PARTIAL = "partial"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class RawError:
    """An error as it came over the wire, before any client library wrapped it.

    `provider` is google, salesforce or network; `channel` is http-json, oauth-json, soap-fault,
    html or exception-text; `operation` names our call, such as "events.list". Headers are an
    allow-list in lower case, the body is cut to a few kilobytes, and neither holds a token or an
    event's content.
    """

    provider: str
    channel: str
    status: int | None
    headers: Mapping[str, str]
    body: str
    operation: str = ""


@dataclass(frozen=True, slots=True)
class SideCounts:
    created: int = 0
    updated: int = 0
    deleted: int = 0


@dataclass(frozen=True, slots=True)
class PassCounts:
    """What a pass wrote on each side, what it left out, and how many conflicts it settled."""

    google: SideCounts = field(default_factory=SideCounts)
    salesforce: SideCounts = field(default_factory=SideCounts)
    skipped: int = 0
    conflicts: int = 0


@dataclass(frozen=True, slots=True)
class PassReport:
    """What came of one pass: success only if every read was complete and every write confirmed."""

    result: PassResult
    error: RawError | None
    counts: PassCounts
