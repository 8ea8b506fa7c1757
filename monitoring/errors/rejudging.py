"""Later verdicts on attempts, beside the first one, which stays in the outcome log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from monitoring.errors.interpretation import Verdict
from monitoring.outcomes.staging import copy

COLUMNS = {
    "attempt_id": "uuid",
    "organization_id": "int8",
    "person_id": "int8",
    "at": "timestamptz",
    "interpretation": "text",
    "rule": "text",
    "rules_version": "int4",
}


@dataclass(frozen=True, slots=True)
class Rejudged:
    """An attempt and what is said of its error now."""

    attempt_id: UUID
    organization_id: int
    person_id: int
    verdict: Verdict


def rejudgements_append(rows: Iterable[Rejudged], *, now: datetime) -> int:
    """Append the verdicts by COPY, in the caller's transaction; return how many there were.

    Of several on one attempt the one appended last counts.
    """
    count = 0

    def values() -> Iterable[tuple[object, ...]]:
        nonlocal count
        for row in rows:
            count += 1
            yield (
                row.attempt_id,
                row.organization_id,
                row.person_id,
                now,
                row.verdict.interpretation,
                row.verdict.rule_id,
                row.verdict.rules_version,
            )

    with connection.cursor() as cursor:
        copy(cursor, "errors_rejudgement", COLUMNS, values())
    return count
