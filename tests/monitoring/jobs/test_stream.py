"""Bulk syncs that could not start in their time start anew, at the same pace."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from django.conf import settings as configured
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Organization
from monitoring.jobs.claims import jobs_claim
from monitoring.jobs.models import Job, JobState, Lane
from monitoring.jobs.queue import jobs_bulk
from monitoring.jobs.stream import GRACE, stream_enter, streams_mend
from tests.factories import NOW, make_organization, make_person
from tests.monitoring.jobs.makers import database_now, make_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configured, "ACTION_PEOPLE_PER_SECOND", 2)


@pytest.fixture
def acme() -> Organization:
    return make_organization()


def queue(organization: Organization, *starts: float, lane: Lane = Lane.BULK) -> None:
    """Queue jobs that start in so many seconds."""
    now = database_now()
    for seconds in starts:
        person = make_person(organization)
        make_job(person, lane=lane, start_at=now + timedelta(seconds=seconds))


def starts(organization: Organization) -> list[float | None]:
    now, jobs = database_now(), Job.objects.filter(organization=organization).order_by("id")
    return [job.start_at and (job.start_at - now).total_seconds() for job in jobs]


def claimed() -> int:
    return len(jobs_claim(lane=Lane.SCHEDULE, limit=64, token=uuid4(), lease=90))


def test_after_an_outage_they_are_not_claimed_all_at_once(acme: Organization) -> None:
    queue(acme, *(place / 2 - 600 for place in range(100)))
    assert claimed() == 0
    assert streams_mend() == 1
    assert claimed() == 1
    Job.objects.filter(state=JobState.RUNNING).delete()
    assert starts(acme) == pytest.approx([place / 2 for place in range(1, 100)])
    assert streams_mend() == 0


def test_what_still_has_its_time_starts_behind_what_had_it(acme: Organization) -> None:
    queue(acme, -GRACE - 1, -1, 0.2, 9)
    stream_enter(acme.pk)
    assert starts(acme) == pytest.approx([0, 0.5, 1, 9])


def test_who_is_a_little_late_is_claimed_and_nobody_is_moved(acme: Organization) -> None:
    queue(acme, 1 - GRACE, -1, 3)
    stream_enter(acme.pk)
    assert starts(acme) == pytest.approx([1 - GRACE, -1, 3])
    assert claimed() == 2


def test_other_lanes_organizations_and_running_jobs_are_left_alone(acme: Organization) -> None:
    other = make_organization()
    queue(other, -60, -50)
    queue(acme, -60, lane=Lane.RECOVERY)
    make_job(make_person(acme), lane=Lane.BULK, state=JobState.RUNNING, start_at=NOW)
    before = starts(acme), starts(other)
    stream_enter(acme.pk)
    assert (starts(acme), starts(other)) == before
    assert claimed() == 1


@settings(max_examples=25)
@given(st.lists(st.floats(-900, 60), min_size=1, max_size=6))
def test_moved_they_keep_their_order_and_the_pace_and_none_starts_sooner(
    before: list[float],
) -> None:
    acme = make_organization()
    queue(acme, *sorted(before), -GRACE - 900)
    stream_enter(acme.pk)
    after = sorted(starts(acme))
    assert after[0] >= 0
    assert all(later - sooner >= 0.5 - 1e-5 for sooner, later in pairwise(after))
    assert all(new >= old - 1e-5 for new, old in zip(after[1:], sorted(before), strict=True))


def test_a_queued_job_whose_time_is_past_starts_in_its_turn(acme: Organization) -> None:
    queue(acme, -60, lane=Lane.SCHEDULE)
    queue(acme, 5, lane=Lane.SCHEDULE)
    make_job(make_person(acme))
    make_job(make_person(acme), lane=Lane.ADMIN)
    people = Job.objects.order_by("id").values_list("person", flat=True)
    jobs_bulk(starts=[(person, 30.0 + place) for place, person in enumerate(people)], now=NOW)
    assert starts(acme) == pytest.approx([30, 5, 32, None])
