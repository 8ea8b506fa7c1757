"""People-hours covered: which part of the time that people are connected they also sync.

Everybody counts but who was never connected, and covered is whose runs get through, as in "412 of
430 people are syncing". A sample stands for the time up to the next one, three hours at most: what
nobody noted counts for nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from monitoring.health.samples import SPARSE

SECONDS = 3_600
COVERED = """
    WITH sampled AS (
        SELECT organization_id, at,
            coalesce(sum(people) FILTER (WHERE "group" <> 'never_connected'), 0) AS people,
            coalesce(sum(people) FILTER (WHERE "group" = 'healthy'), 0) AS syncing,
            least(
                lead(at) OVER (PARTITION BY organization_id ORDER BY at), at + %(longest)s, %(end)s
            ) - at AS lasted
        FROM health_statussample
        WHERE at >= %(before)s AND at < %(end)s
            AND (%(everybody)s OR organization_id = ANY(%(organizations)s))
        GROUP BY organization_id, at
    )
    SELECT organization_id, at >= %(first)s,
        sum(extract(epoch FROM lasted) * people)::float8,
        sum(extract(epoch FROM lasted) * syncing)::float8
    FROM sampled GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class PeopleHours:
    """How many hours people were connected, all together, and how many of these they synced."""

    connected: float = 0.0
    covered: float = 0.0

    @property
    def share(self) -> float | None:
        """The covered part, None where nobody was connected or nothing was noted."""
        return self.covered / self.connected if self.connected else None

    def __add__(self, other: PeopleHours) -> PeopleHours:
        return PeopleHours(self.connected + other.connected, self.covered + other.covered)


NONE = PeopleHours()


@dataclass(frozen=True, slots=True)
class Covered:
    """The people-hours of a period, and of the one before it."""

    now: PeopleHours = NONE
    before: PeopleHours = NONE


def people_hours(
    organization_ids: Collection[int] | None, *, before: datetime, first: datetime, end: datetime
) -> dict[int, Covered]:
    """Return the people-hours from `first` to `end`, and before that from `before`.

    Of each of the organizations, or of all with None; left out is of whom nothing was noted. One
    statement, whose cost follows the samples.
    """
    values: dict[str, Any] = {
        "everybody": organization_ids is None,
        "organizations": list(organization_ids or ()),
        "before": before,
        "first": first,
        "end": end,
        "longest": SPARSE,
    }
    found: dict[int, dict[bool, PeopleHours]] = {}
    with connection.cursor() as cursor:
        cursor.execute(COVERED, values)
        for organization, is_now, connected, covered in cursor.fetchall():
            hours = PeopleHours(connected / SECONDS, covered / SECONDS)
            found.setdefault(organization, {})[is_now] = hours
    return {
        organization: Covered(hours.get(True, NONE), hours.get(False, NONE))
        for organization, hours in found.items()
    }
