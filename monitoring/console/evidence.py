"""When the runs behind a status were. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID


def evidence_times(evidence: Sequence[UUID], ended: Mapping[UUID, datetime]) -> list[datetime]:
    """Return when the runs ended; of those no longer in the log, when they began."""
    times = (ended.get(attempt_id) or time_in(attempt_id) for attempt_id in evidence)
    return sorted(time for time in times if time)


def time_in(attempt_id: UUID) -> datetime | None:
    """Return the time a UUIDv7 begins with, None of an id that has none."""
    if attempt_id.version != 7:
        return None
    return datetime.fromtimestamp((attempt_id.int >> 80) / 1000, tz=UTC)
