"""The night of June 2008 on the database: live alerts send what the replay promises, no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec
import pytest
import time_machine
from django.core import mail

from accounts.models import Organization, Person
from monitoring.alerts import sources
from monitoring.alerts.models import Message, Notification
from monitoring.alerts.outbox import mail_in
from monitoring.alerts.sending import messages_work
from monitoring.health.begin import health_begin
from monitoring.health.models import Health
from monitoring.incidents.models import Incident
from monitoring.jobs.models import Job
from monitoring.jobs.tick import tick
from monitoring.replay.models import BackTest, State
from monitoring.replay.rehearsal_result import RehearsalResult, from_json
from monitoring.replay.rehearsal_words import mail_of
from monitoring.replay.rehearsals import rehearsal_ask
from monitoring.replay.scenarios import BEGAN, SCENARIOS
from monitoring.replay.working import back_tests_work
from tests.factories import make_connected_person, make_member, make_organization
from tests.monitoring.errors.makers import make_staff
from tests.monitoring.incidents.makers import make_reported
from tests.monitoring.intake.makers import record
from tests.monitoring.replay.makers import messages, played
from tests.monitoring.replay.rehearsal_makers import said

pytestmark = [pytest.mark.django_db, pytest.mark.long]
MINUTE = timedelta(minutes=1)
STORY = SCENARIOS["summer08"]
ENDED = BEGAN + timedelta(hours=8)
PLAYED_UNTIL = ENDED + 50 * MINUTE


def make_people(organization: Organization) -> list[Person]:
    """The people of the story, who are due one after the other."""
    people = [make_connected_person(organization) for _ in range(STORY.people)]
    ids, start = [person.pk for person in people], BEGAN - 30 * MINUTE
    health_begin(ids, now=start - timedelta(days=30))
    step = timedelta(hours=2) / len(people)
    last = [start - timedelta(hours=2) + step * place for place in range(len(people))]
    record([make_reported(person, at) for person, at in zip(people, last, strict=True)])
    due = [start + step * place for place in range(len(people))]
    stored = list(Health.objects.filter(person__in=ids).order_by("person"))
    for health, at in zip(stored, due, strict=True):
        health.next_due = health.expected_at = at
    Health.objects.bulk_update(stored, ["next_due", "expected_at"])
    return people


def ticks() -> Iterator[datetime]:
    """Every minute around the night's beginning and end; in between less often, to save time."""
    now = BEGAN - 6 * MINUTE
    while now < PLAYED_UNTIL:
        yield now
        is_dull = BEGAN + 20 * MINUTE <= now < ENDED - 20 * MINUTE
        now += (20 if is_dull else 1) * MINUTE


def work_off_jobs(now: datetime, random: Random) -> None:
    """Do what workers do: each open job goes, and Salesforce answers as it did that night."""
    jobs = list(Job.objects.select_related("person").order_by("pk"))
    Job.objects.all().delete()
    outcomes = []
    for place, job in enumerate(jobs):
        at = now + timedelta(seconds=5, milliseconds=place)
        result, error = STORY.answer(job.person_id, at, random)
        told: Any = None if error is None else msgspec.to_builtins(error)
        made = make_reported(job.person, at, told, attempt_id=job.attempt_id, trigger=job.trigger)
        assert made.result == result
        outcomes.append(made)
    if outcomes:
        record(outcomes)


def rehearsed(access: Any) -> RehearsalResult:
    """What the rehearsal of that day, as far as it was played, tells."""
    day = BEGAN.replace(hour=0, minute=0)
    with time_machine.travel(PLAYED_UNTIL, tick=False):
        rehearsal_ask(
            access=access, starts_at=day, days=1, change=None, routes=None, now=PLAYED_UNTIL
        )
        back_tests_work()
    run = BackTest.objects.get()
    assert run.state == State.DONE, run.error
    assert run.result is not None
    return from_json(run.result)


@pytest.mark.timeout(500)
def test_the_night_of_2008_sends_exactly_the_mails_that_were_promised(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TICK_SECONDS = 60
    # No worker beats here, and jobs are stamped by the clock on the wall.
    monkeypatch.delitem(sources._sources, "service")
    organization = make_organization(name="Acme")
    support = make_staff(organization)
    admin = make_member(organization, role="admin").user
    make_people(organization)
    random = Random(1)
    for now in ticks():
        report = tick(now)
        assert not report.failed_steps
        work_off_jobs(now, random)
        with time_machine.travel(now + timedelta(seconds=10), tick=False):
            messages_work()

    incident = Incident.objects.get()
    assert (incident.people_hit, incident.closed_at is not None) == (430, True)

    roles = {admin.email: "admin", support.user.email: "support"}
    live = list(Message.objects.order_by("created_at", "recipient"))
    told = Notification.objects.filter(muted="").values_list(
        "message__recipient", "alert__kind", "phase"
    )
    promised = Counter(
        (recipient, kind, phase)
        for (kind, _, recipient, phase), count in messages(played("summer08")).items()
        for _ in range(count)
    )
    assert Counter((roles[to], kind, phase) for to, kind, phase in told) == promised
    assert len(live) == promised.total() == 4
    assert sorted((each.to[0], each.subject) for each in mail.outbox) == sorted(
        (each.recipient, each.subject) for each in live
    )

    result = rehearsed(support)
    assert result.kept == ()
    in_order = sorted(result.messages, key=lambda each: (each.at, each.address))
    assert [(each.at, each.address, each.subject) for each in in_order] == [
        (each.created_at, each.recipient, each.subject) for each in live
    ]
    for rehearsed_one, sent in zip(in_order, live, strict=True):
        written = mail_of(rehearsed_one, organization)
        assert said(written, organization) == said(mail_in(sent), organization)
    assert Message.objects.count() == 4
