"""The intake: outcomes in, each once, judged and folded into health, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ReportedOutcome:
    """One outcome, valid in form and of a known person. `error` and `counts` as in design §6."""

    attempt_id: UUID
    organization_id: int
    person_id: int
    trigger: str
    started_at: datetime
    finished_at: datetime
    result: str
    error: dict[str, Any] | None
    counts: dict[str, Any] | None


def outcomes_record(outcomes: Sequence[ReportedOutcome], *, now: datetime) -> set[UUID]:
    """Append the outcomes that are new, judge them, and fold them into health.

    Runs in the caller's transaction. Returns the attempt ids appended; the others were there.
    """
    raise NotImplementedError
