from __future__ import annotations

from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection, connections
from django_q.models import OrmQ
from hypothesis import given
from hypothesis import strategies as st

from monitoring.errors.facts import RawError
from monitoring.errors.inbox import unrecognised_note
from monitoring.errors.interpretation import built_in_rules, interpret
from monitoring.errors.models import Rejudgement, UnrecognisedError
from monitoring.errors.rejudging import Rejudged, rejudgements_append
from monitoring.health.begin import health_begin
from monitoring.health.holds import hold_place
from monitoring.health.models import Health, HoldAuthor, StatusSample
from monitoring.intake.models import ClassHour
from monitoring.jobs import clockwork, doorbell
from monitoring.jobs import tick as tick_module
from monitoring.jobs.clockwork import Clockwork
from monitoring.jobs.models import Job, Lane, TickBeat, WorkerBeat
from monitoring.jobs.tick import TickReport, tick, turn
from monitoring.outcomes.models import Outcome
from monitoring.outcomes.partitions import log_begins, partitions_ensure
from tests.factories import NOW, make_connected_person, make_organization
from tests.monitoring.errors.makers import panic, seen
from tests.monitoring.jobs.makers import database_now, deadlock, make_due_person, make_job
from tests.monitoring.jobs.test_reaper import make_expired


@pytest.mark.django_db
def test_a_tick_queues_the_due_and_says_so() -> None:
    make_due_person()

    report = tick(NOW)
    assert (report.worked, report.moved, report.made, report.failed_steps) == (True, 1, 1, [])
    assert Job.objects.count() == 1
    assert TickBeat.objects.get().at == database_now()


@pytest.mark.django_db
def test_a_second_tick_inserts_nothing() -> None:
    make_due_person()
    tick(NOW)

    assert tick(NOW + timedelta(seconds=30)).made == 0
    assert Job.objects.count() == 1


@pytest.mark.django_db
def test_more_than_one_round_is_dispatched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tick_module, "DISPATCH_AT_ONCE", 2)
    for _ in range(5):
        make_due_person()

    assert tick(NOW).made == 5


@pytest.mark.django_db
def test_a_tick_reaps_when_leases_can_be_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tick_module, "may_reap", lambda **facts: True)
    make_expired()

    assert tick(NOW).reaped.running == 1
    assert Outcome.objects.get().result == "lost"


@pytest.mark.django_db
def test_a_tick_does_not_reap_right_after_an_outage() -> None:
    make_expired()

    assert tick(NOW, reconnected_at=database_now()).reaped.running == 0
    assert Job.objects.count() == 1


@pytest.mark.django_db
def test_a_step_that_breaks_is_named_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**options: Any) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(tick_module, "health_check_due", broken)
    make_due_person()

    report = tick(NOW)
    assert report.failed_steps == ["check"]
    assert report.made == 1
    assert TickBeat.objects.get().failed_steps == "check"


@pytest.mark.django_db
def test_a_step_that_has_to_give_way_is_no_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    def gives_way(**options: Any) -> int:
        raise deadlock()

    monkeypatch.setattr(tick_module, "jobs_dispatch", gives_way)
    report = tick(NOW)
    assert (report.worked, report.failed_steps) == (True, ["dispatch"])


@pytest.mark.django_db
def test_a_hold_that_has_run_out_is_lifted_and_the_person_synced_in_the_same_tick() -> None:
    person = make_connected_person()
    health_begin([person.pk], now=NOW - timedelta(days=3))
    hold_place(
        person=person,
        author_kind=HoldAuthor.OFFBOARDING,
        author=None,
        author_name="off-boarding feed",
        reason="Left, and came back",
        now=NOW - timedelta(days=2),
        ends_at=NOW,
    )
    assert tick(NOW - timedelta(seconds=1)).made == 0
    assert tick(NOW).made == 1
    assert Health.objects.get(person=person).status != "disabled"


@pytest.mark.django_db
def test_outcomes_past_retention_are_dropped_with_their_partition(settings: Any) -> None:
    partitions_ensure(NOW - timedelta(days=100))
    before = partition_names()
    tick(NOW)
    assert before <= partition_names()
    settings.OUTCOME_RETENTION_DAYS = 30
    tick(NOW)
    assert not before & partition_names()


def partition_names() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits "
            "WHERE inhparent = 'outcomes_outcome'::regclass"
        )
        return {name for (name,) in cursor.fetchall()} - {"outcomes_outcome_other"}


@pytest.mark.django_db
def test_workers_long_gone_are_forgotten() -> None:
    for worker, age in (("gone", 25), ("here", 1)):
        at = database_now() - timedelta(hours=age)
        WorkerBeat.objects.create(worker=worker, host="h", lane=Lane.SCHEDULE, at=at)
    tick(NOW)

    assert WorkerBeat.objects.get().worker == "here"


@pytest.mark.django_db
def test_a_tick_notes_how_people_stand_and_forgets_what_no_trend_reaches() -> None:
    acme = make_connected_person().organization
    for days in (1, 40):
        hour = NOW - timedelta(days=days)
        ClassHour.objects.create(organization=acme, hour=hour, outcome_class="success", outcomes=1)
    assert tick(NOW).failed_steps == []

    assert StatusSample.objects.get().at == NOW
    assert ClassHour.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_while_one_tick_works_another_stands_aside() -> None:
    make_due_person()
    working, done = Event(), Event()

    def work() -> None:
        with turn():
            working.set()
            done.wait(10)
        connections.close_all()

    other = Thread(target=work)
    other.start()
    working.wait(10)
    try:
        assert tick(NOW) == TickReport(worked=False)
        assert not Job.objects.exists()
        assert not TickBeat.objects.exists()
    finally:
        done.set()
        other.join()
    assert tick(NOW).made == 1


@pytest.mark.parametrize(
    ("queued", "slots", "bells"),
    [(0, 4, 0), (1, 4, 1), (200, 4, 1), (201, 4, 2), (1_000_000, 4, 4), (1_000_000, 0, 0)],
)
def test_doorbells_follow_the_queue_up_to_the_slots(queued: int, slots: int, bells: int) -> None:
    assert doorbell.doorbells_needed(queued, slots) == bells


@given(queued=st.integers(0, 10**7), slots=st.integers(0, 1_000))
def test_doorbells_are_enough_for_the_queue_or_all_slots(queued: int, slots: int) -> None:
    rung = doorbell.doorbells_needed(queued, slots)
    assert 0 <= rung <= slots
    assert rung * doorbell.JOBS_A_DOORBELL >= queued or rung == slots
    assert rung == 0 or (rung - 1) * doorbell.JOBS_A_DOORBELL < queued


def bells() -> list[str]:
    return sorted(OrmQ.objects.values_list("key", flat=True))


@pytest.mark.django_db(transaction=True)
def test_the_tick_rings_for_what_is_queued_and_not_again_while_unheard() -> None:
    make_due_person()
    tick(NOW)
    assert bells() == ["synccenter"]

    tick(NOW)
    assert bells() == ["synccenter"]


@pytest.mark.django_db(transaction=True)
def test_a_quiet_tick_rings_nobody() -> None:
    tick(NOW)
    assert bells() == []


@pytest.mark.django_db(transaction=True)
def test_an_admins_job_wakes_the_fast_cluster_too() -> None:
    make_job(lane=Lane.ADMIN)
    doorbell.ring(Lane.ADMIN)
    assert bells() == ["fast", "synccenter"]


@pytest.mark.django_db
def test_the_bell_rings_only_after_commit(django_capture_on_commit_callbacks) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        doorbell.ring(Lane.SCHEDULE)
        assert bells() == []
    assert len(callbacks) == 1


@pytest.mark.django_db(transaction=True)
def test_a_bell_that_cannot_be_rung_is_logged_and_not_raised(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unreachable(cluster: str) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(doorbell, "get_broker", unreachable)
    doorbell.ring(Lane.SCHEDULE)
    assert "could not be rung" in caplog.text


class LosingTicks:
    """Ticks of which the first few find the database away."""

    def __init__(self, failures: int, stop: Event, error: Exception | None = None) -> None:
        self.failures, self.stop = failures, stop
        self.error = error or OperationalError("connection refused\nIs the server running?")
        self.reconnected: list[datetime | None] = []

    def __call__(self, now: datetime, *, reconnected_at: datetime | None) -> TickReport:
        if self.failures:
            self.failures -= 1
            raise self.error
        self.reconnected.append(reconnected_at)
        self.stop.set()
        return TickReport()


@pytest.mark.django_db(transaction=True)
def test_a_tick_that_has_to_give_way_is_no_outage(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ticks = LosingTicks(1, Event(), deadlock())
    monkeypatch.setattr(clockwork, "tick", ticks)
    Clockwork(every=0.01, stop=ticks.stop).run()
    assert ticks.reconnected == [None]
    assert "the database is away" not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_the_loop_lives_through_an_outage_and_remembers_when_it_ended(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop = Event()
    ticks = LosingTicks(2, stop)
    monkeypatch.setattr(clockwork, "tick", ticks)
    before = database_now()
    Clockwork(every=0.01, stop=stop).run()

    (reconnected_at,) = ticks.reconnected
    assert reconnected_at is not None
    assert before <= reconnected_at <= database_now()
    assert "the database is away" in caplog.text
    assert "the database is back" in caplog.text
    assert "Is the server running?" not in caplog.text


@pytest.mark.django_db
def test_a_tick_forgets_unrecognised_errors_and_later_verdicts_with_their_outcomes(
    settings: Any,
) -> None:
    settings.OUTCOME_RETENTION_DAYS = 30
    partitions_ensure(NOW, since=NOW - timedelta(days=30))
    begins = log_begins()
    assert begins is not None
    assert begins < NOW - timedelta(days=30)
    organization = make_organization()
    verdict = interpret(RawError(**panic()), built_in_rules())
    unrecognised_note([seen(organization, minutes=-60 * 24 * 31)])
    unrecognised_note([seen(organization, minutes=-60 * 24 * 29, signature="lately")])
    for at in (begins - timedelta(seconds=1), begins, NOW):
        rejudgements_append([Rejudged(uuid4(), organization.pk, 1, verdict)], now=at)
    assert tick(NOW).failed_steps == []
    assert UnrecognisedError.objects.get().signature == "lately"
    assert list(Rejudgement.objects.order_by("id").values_list("at", flat=True)) == [begins, NOW]
