from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from accounts.models import Person
from monitoring.health.holds import hold_place
from monitoring.health.models import Health, HoldAuthor
from monitoring.incidents.models import Hit
from monitoring.incidents.recovery import Pace
from monitoring.incidents.watch import incidents_find, incidents_follow
from monitoring.jobs.claims import jobs_claim
from monitoring.jobs.models import Job, Lane
from monitoring.jobs.recovery import incidents_recover
from tests.factories import NOW, make_organization, make_user
from tests.monitoring.incidents.makers import (
    INACTIVE,
    MAINTENANCE,
    MINUTE,
    health_of,
    make_running_people,
    only_incident,
    report,
)

pytestmark = pytest.mark.django_db
OVER = NOW + 101 * MINUTE
PACE = Pace(people_per_second=1)


def recover(minutes: float = 0, seconds: float = 30) -> int:
    return incidents_recover(now=OVER + minutes * MINUTE, seconds=seconds, pace=PACE)


@pytest.fixture
def waiting(db: None) -> list[Person]:
    """Fifty people who still wait for a good run after an incident is over."""
    people = make_running_people(make_organization(), 54)
    report(people[4:30], NOW - 30 * MINUTE)
    report(people, NOW, MAINTENANCE)
    incidents_find(now=NOW + MINUTE)
    report(people[:4], NOW + 100 * MINUTE)
    incidents_follow(now=OVER)
    return people[4:]


def test_those_hit_are_synced_one_a_second_oldest_gap_first(waiting: list[Person]) -> None:
    assert recover() == 30
    jobs = list(Job.objects.order_by("start_at"))
    assert {job.lane for job in jobs} == {Lane.RECOVERY}
    assert {job.trigger for job in jobs} == {"recovery"}
    gaps = [(b.start_at - a.start_at).total_seconds() for a, b in itertools.pairwise(jobs)]
    assert gaps == [1.0] * 29
    oldest = {person.pk for person in waiting[26:]}
    assert {job.person_id for job in jobs[:24]} == oldest


def test_a_job_is_not_claimed_before_its_time(waiting: list[Person]) -> None:
    recover()
    token = health_of(waiting[0]).last_attempt_id
    claimed = jobs_claim(lane=Lane.SCHEDULE, limit=64, token=token, lease=60)
    assert 1 <= len(claimed) <= 2


def test_nobody_is_added_while_those_asked_for_are_under_way(waiting: list[Person]) -> None:
    recover()
    assert recover(0.5) == 0
    assert recover(31) == 30


def test_it_ends_when_everybody_was_tried_and_a_good_run_is_the_proof(
    waiting: list[Person],
) -> None:
    recover(seconds=60)
    report(waiting[:45], OVER + MINUTE)
    report(waiting[45:], OVER + MINUTE, INACTIVE)
    recover(1.5)
    incident = only_incident()
    assert incident.recovered_at == OVER + 1.5 * MINUTE
    assert Hit.objects.filter(recovered_at=OVER + MINUTE).count() == 45
    assert Hit.objects.filter(ended_at=OVER + MINUTE).count() == 5
    assert health_of(waiting[0]).status == "healthy"
    assert health_of(waiting[49]).cause == "salesforce-user-inactive"


def test_who_fails_for_a_reason_of_their_own_is_found_after_the_incident(
    waiting: list[Person],
) -> None:
    recover(seconds=60)
    report(waiting, OVER + MINUTE, INACTIVE)
    report(waiting[:1], OVER + 7 * MINUTE, INACTIVE)
    assert health_of(waiting[0]).status == "stalled"


def test_who_was_switched_off_meanwhile_is_neither_tried_nor_waited_for(
    waiting: list[Person],
) -> None:
    for person in waiting:
        hold_place(
            person=person,
            author_kind=HoldAuthor.MEMBER,
            author=make_user(),
            author_name="Casey",
            reason="On leave",
            now=OVER,
        )
    assert recover() == 0
    assert only_incident().state == "over"


def test_a_run_the_provider_forbids_is_waited_for() -> None:
    people = make_running_people(make_organization(), 10)
    report(people, NOW, MAINTENANCE)
    incidents_find(now=NOW + MINUTE)
    asked = MAINTENANCE | {"headers": {"retry-after": "7200"}}
    report(people[4:5], NOW + 90 * MINUTE, asked)
    report(people[:4], NOW + 100 * MINUTE)
    report(people[5:], NOW + 100 * MINUTE)
    incidents_follow(now=OVER)
    assert recover() == 0
    assert only_incident().state == "recovering"
    assert recover(minutes=(timedelta(hours=2)) / MINUTE) == 1


def test_two_ticks_ask_for_no_more_than_one(waiting: list[Person]) -> None:
    assert recover() == 30
    asked = Hit.objects.filter(asked_at=OVER).values("person")
    report(list(Person.objects.filter(pk__in=asked)), OVER + MINUTE / 12)
    assert recover(minutes=1 / 6) == 0
    assert recover(minutes=1 / 2) == 20


def test_incidents_of_one_provider_share_its_pace() -> None:
    for _ in range(3):
        people = make_running_people(make_organization(), 30)
        report(people, NOW, MAINTENANCE)
        incidents_find(now=NOW + MINUTE)
        report(people[:4], NOW + 100 * MINUTE)
    incidents_follow(now=OVER)
    assert recover() == 30


def test_canaries_that_may_not_be_tried_take_nobodys_place(waiting: list[Person]) -> None:
    far = NOW + timedelta(days=1)
    canaries = Hit.objects.waiting().filter(canary=True)
    Hit.objects.filter(person__in=[p.pk for p in waiting[:10]]).update(canary=True)
    Health.objects.filter(person__in=canaries.values("person")).update(not_before=far)
    assert recover() == 30
