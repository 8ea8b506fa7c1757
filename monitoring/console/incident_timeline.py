"""The timeline of an incident: what was seen, what its provider told, what people did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from monitoring.console.incident_words import event_sentence
from monitoring.console.rows import Moment, recent
from monitoring.console.wording import Look
from monitoring.incidents.models import EventKind, IncidentEvent

LOOKS = {
    EventKind.OPENED: Look("Found", "degraded", "warning"),
    EventKind.GREW: Look("Grew", "degraded", "warning"),
    EventKind.CAME_BACK: Look("Came back", "degraded", "warning"),
    EventKind.CLOSED: Look("Over", "healthy", "success"),
    EventKind.RECOVERED: Look("Recovered", "healthy", "success"),
}


@dataclass(frozen=True, slots=True)
class EventRow:
    """One line; `look` is None for what people did and providers told. A note has an author."""

    at: Moment | None
    kind: str
    look: Look | None
    sentence: str
    author: str
    address: str


def event_row(event: IncidentEvent, provider: str, now: datetime, zone: tzinfo) -> EventRow:
    kind = EventKind(event.kind)
    return EventRow(
        at=recent(event.at, now, zone),
        kind=kind.value,
        look=LOOKS.get(kind),
        sentence=event_sentence(event, provider),
        author=event.author_name if kind == EventKind.NOTE else "",
        address=event.address if event.address.startswith("https://") else "",
    )
