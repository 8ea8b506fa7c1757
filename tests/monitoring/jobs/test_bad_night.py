"""A bad night on the database: the tick's every step, on a clock of the test's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import Person
from monitoring.health.models import Health, Hold, Transition
from monitoring.incidents.models import Hit, Incident
from monitoring.jobs.models import Job
from monitoring.jobs.tick import TickReport, tick
from tests.factories import NOW, make_organization
from tests.monitoring.incidents.makers import (
    INACTIVE,
    MAINTENANCE,
    MINUTE,
    make_reported,
    make_running_people,
)
from tests.monitoring.intake.makers import record

pytestmark = [pytest.mark.django_db, pytest.mark.long]
OUTAGE = (NOW + 10 * MINUTE, NOW + 145 * MINUTE)


def refused(code: str) -> dict[str, Any]:
    """What Salesforce said on that night: the same trouble by several names."""
    body = json.dumps([{"errorCode": code, "message": "try again"}])
    return MAINTENANCE | {"channel": "http-json", "status": 401, "body": body}


AMBIGUOUS = [MAINTENANCE, INACTIVE, refused("INVALID_LOGIN"), refused("SERVER_UNAVAILABLE")]


def work_off_jobs(now: datetime, revoked: Person) -> None:
    """Do what workers do: each open job goes, and its outcome comes."""
    jobs = list(Job.objects.select_related("person"))
    Job.objects.all().delete()
    in_outage = OUTAGE[0] <= now < OUTAGE[1]
    outcomes = []
    for job in jobs:
        error = AMBIGUOUS[job.attempt_id.int % len(AMBIGUOUS)] if in_outage else None
        if job.person == revoked and now >= OUTAGE[0] + 40 * MINUTE:
            error = INACTIVE
        outcomes.append(
            make_reported(job.person, now, error, attempt_id=job.attempt_id, trigger=job.trigger)
        )
    if outcomes:
        record(outcomes)


def minutes(until: int) -> Iterator[datetime]:
    return (NOW + minute * MINUTE for minute in range(until))


def test_a_bad_night_is_one_incident_disables_nobody_and_heals_by_itself() -> None:
    people = make_running_people(make_organization(), 60)
    for place, person in enumerate(people):
        due = NOW + place * 2 * MINUTE
        Health.objects.filter(person=person).update(next_due=due, expected_at=due)
    revoked = people[7]
    reports: list[TickReport] = []
    for now in minutes(215):
        reports.append(tick(now))
        work_off_jobs(now + timedelta(seconds=5), revoked)
        if now == OUTAGE[1]:
            assert not Health.objects.filter(status="stalled").exists()
    assert [step for report in reports for step in report.failed_steps] == []
    incident = Incident.objects.get()
    assert incident.provider == "salesforce"
    assert timedelta() <= incident.opened_at - OUTAGE[0] <= 20 * MINUTE
    assert timedelta() <= incident.closed_at - OUTAGE[1] <= 20 * MINUTE
    assert (incident.people_hit, incident.state) == (60, "over")
    assert not Hold.objects.exists()
    assert not Transition.objects.filter(to_status="disabled").exists()
    unwell = Health.objects.exclude(status="healthy")
    assert list(unwell.values_list("person_id", "status", "cause")) == [
        (revoked.pk, "stalled", "salesforce-user-inactive")
    ]
    assert Hit.objects.filter(recovered_at=None).get().person_id == revoked.pk
    last = Hit.objects.exclude(recovered_at=None).latest("recovered_at").recovered_at
    assert last - OUTAGE[1] <= 30 * MINUTE
