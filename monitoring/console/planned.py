"""Planned maintenance as pages offer it: a sentence, and a way to mute alerts meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from monitoring.alerts.maintenance import maintenances_offered
from monitoring.alerts.matchers import PROVIDERS
from monitoring.console.silence_words import plan_sentence
from monitoring.console.together import Question, Row, question_of
from monitoring.incidents.models import PlannedMaintenance

if TYPE_CHECKING:
    from accounts.access import Access

# What fits beside the rest; the page of silences has them all.
PLANS = 2


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A maintenance that a provider plans; `name` is the provider's for it."""

    id: int
    sentence: str
    name: str
    provider: str


def plans_question(access: Access, now: datetime) -> Question:
    """Ask for the next maintenances that are offered."""
    columns = ("id", "provider", "instance", "name", "starts_at", "ends_at")
    return question_of(maintenances_offered(access, now).values(*columns)[:PLANS])


def plans_from(found: Sequence[Row], now: datetime, zone: tzinfo) -> list[PlanRow]:
    """Return the rows of an answer to that."""
    plans = [
        PlannedMaintenance(
            id=row["id"],
            provider=row["provider"],
            instance=row["instance"],
            name=row["name"],
            starts_at=datetime.fromisoformat(row["starts_at"]),
            ends_at=datetime.fromisoformat(row["ends_at"]),
        )
        for row in found
    ]
    return plan_rows(plans, now, zone)


def plan_rows(plans: Iterable[PlannedMaintenance], now: datetime, zone: tzinfo) -> list[PlanRow]:
    return [
        PlanRow(plan.pk, plan_sentence(plan, now, zone), plan.name, PROVIDERS[plan.provider])
        for plan in plans
    ]
