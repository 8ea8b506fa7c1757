"""What needs a person, grouped by cause: from the tally, and one look into an index for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

from django.db import connection

from monitoring.console.figures import Figures
from monitoring.console.rows import Moment, past
from monitoring.console.wording import Explanation, explanation_of
from monitoring.health.fold import SEVERITY

if TYPE_CHECKING:
    from accounts.access import Access

MOST = 8

# The index by cause holds them in this order, so each cause costs one row.
OLDEST = """
    SELECT cause, (
        SELECT unwell_since FROM health_health
        WHERE organization_id = %(organization)s AND cause = each.cause AND severity = %(severity)s
        ORDER BY unwell_since ASC NULLS LAST, person_id LIMIT 1
    ) FROM unnest(%(causes)s::text[]) AS each (cause)
"""


@dataclass(frozen=True, slots=True)
class Need:
    """One cause for which people need attention; `oldest` is who has waited longest for a run."""

    cause: str
    title: str
    next_step: str
    people: int
    oldest: Moment | None


def needs_of(
    access: Access,
    figures: Figures,
    rules: Mapping[str, Explanation],
    now: datetime,
    zone: tzinfo,
) -> list[Need]:
    """Return the causes most people need attention for, in one statement or none."""
    numbers = {
        cause: number for (group, cause), number in figures.people.items() if group == "stalled"
    }
    most = sorted(numbers, key=lambda cause: (-numbers[cause], cause))[:MOST]
    oldest = oldest_of(access, most) if most else {}
    return [
        Need(
            cause,
            explanation_of(cause, rules).title,
            explanation_of(cause, rules).next_step,
            numbers[cause],
            past(oldest.get(cause), now, zone),
        )
        for cause in most
    ]


def oldest_of(access: Access, causes: list[str]) -> dict[str, datetime]:
    """Return since when the longest waiting person of each cause has had no good run."""
    values: dict[str, Any] = {
        "organization": access.organization.pk,
        "severity": SEVERITY["stalled"],
        "causes": causes,
    }
    with connection.cursor() as cursor:
        cursor.execute(OLDEST, values)
        return dict(cursor.fetchall())
