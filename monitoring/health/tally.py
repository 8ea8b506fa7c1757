"""Keeping the tally of statuses short, and reading it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet, Sum

from monitoring.health.models import HealthTally

COMPACT = """
    WITH taken AS (
        DELETE FROM health_healthtally
        WHERE id IN (SELECT id FROM health_healthtally FOR UPDATE SKIP LOCKED)
        RETURNING organization_id, status, cause, people
    )
    INSERT INTO health_healthtally (organization_id, status, cause, people)
    SELECT organization_id, status, cause, sum(people) FROM taken
    GROUP BY 1, 2, 3 HAVING sum(people) <> 0
"""
# Below this many rows a sum is as fast as a look-up.
ENOUGH_TO_COMPACT = 2_000


@dataclass(frozen=True, slots=True)
class Tally:
    """How many people of an organization are in each status for each cause."""

    counts: dict[tuple[str, str], int]

    def people(self, status: str | None = None, cause: str | None = None) -> int:
        """Return how many people have the given status and cause; None means any."""
        return sum(
            number
            for (of_status, of_cause), number in self.counts.items()
            if status in {None, of_status} and cause in {None, of_cause}
        )


def tally_rows(organization_id: int) -> QuerySet[Any, Any]:
    """Return `status`, `cause` and `number` of people; the cost does not grow with them."""
    return (
        HealthTally.objects.filter(organization_id=organization_id)
        .values("status", "cause")
        .annotate(number=Sum("people"))
        .exclude(number=0)
    )


def tally_of(organization_id: int) -> Tally:
    """Return the organization's tally, in one query."""
    rows = tally_rows(organization_id)
    return Tally({(row["status"], row["cause"]): row["number"] for row in rows})


def tally_compact() -> bool:
    """Fold the tally's rows together where there are many; tell whether it did.

    Readers see the rows before or after, never between; rows written meanwhile stay as they are.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT FROM health_healthtally LIMIT %s) t", [ENOUGH_TO_COMPACT]
        )
        if cursor.fetchone()[0] < ENOUGH_TO_COMPACT:
            return False
        cursor.execute(COMPACT)
        return True
