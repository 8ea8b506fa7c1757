"""Makers of jobs, claims and runners."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import OperationalError, connection
from psycopg.errors import DeadlockDetected

from accounts.models import Organization, Person
from monitoring.health.models import Health
from monitoring.jobs.claims import Claim
from monitoring.jobs.models import Job, Lane
from syncing.reports import PassCounts, PassReport, PassResult
from tests.factories import NOW, make_person

SUCCESS = PassReport(PassResult.SUCCESS, None, PassCounts())


def make_due_person(
    organization: Organization | None = None, *, late: timedelta = timedelta(), **health: Any
) -> Person:
    """Make a person who runs here and was due `late` before NOW."""
    person = make_person(organization)
    values = {"runs_here": True, "next_due": NOW - late, **health}
    Health.objects.filter(person=person).update(**values)
    return person


def make_job(person: Person | None = None, **overrides: Any) -> Job:
    person = person or make_person()
    return Job.objects.create(
        **{
            "attempt_id": new_attempt(overrides.get("created_at", NOW)),
            "organization_id": person.organization_id,
            "person": person,
            "trigger": "schedule",
            "lane": Lane.SCHEDULE,
            "due_at": NOW,
            "created_at": NOW,
            "lease_until": database_now() + timedelta(hours=2),
        }
        | overrides
    )


def make_claim(**overrides: Any) -> Claim:
    values = {
        "attempt_id": uuid4(),
        "organization_id": 1,
        "person_id": 1,
        "trigger": "schedule",
        "held": False,
        "lane": Lane.SCHEDULE,
    }
    return Claim(**values | overrides)


def new_attempt(at: datetime) -> UUID:
    with connection.cursor() as cursor:
        cursor.execute("SELECT uuid7_at(%s)", [at])
        return cursor.fetchone()[0]


def database_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        return cursor.fetchone()[0]


def deadlock() -> OperationalError:
    """Make what is raised in who has to give way to somebody else."""
    error = OperationalError("deadlock detected")
    error.__cause__ = DeadlockDetected()
    return error


class ScriptedRunner:
    """Runs what the test says, by person id; who is not in `known` is gone."""

    def __init__(
        self,
        run: Callable[[int, float], PassReport] = lambda person_id, deadline: SUCCESS,
        known: set[int] | None = None,
    ) -> None:
        self._run = run
        self._known = known
        self.ran: list[int] = []

    def load(self, person_ids: Sequence[int]) -> Mapping[int, int]:
        return {p: p for p in person_ids if self._known is None or p in self._known}

    def run(self, work: int, deadline: float) -> PassReport:
        self.ran.append(work)
        return self._run(work, deadline)
