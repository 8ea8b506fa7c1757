"""The few database connections of a worker process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, connections
from django.test import override_settings

from accounts.models import Person
from simulator.keys import KeyPair
from simulator.running import SimulatorServer
from syncing.gate import DatabaseUnavailableError, Gate
from syncing.models import EventLink
from syncing.reports import PassResult
from syncing.runner import EngineRunner, Equipment, equipment
from syncing.store import load_work
from tests.syncing.interference import at_request
from tests.syncing.rig import ADA, BEN, MovableClock, Rig, adopt_organization, at, make_world


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate(threads=2)
    yield made
    made.close()


def backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_many_callers_share_a_few_connections(gate: Gate) -> None:
    pids: list[int] = []

    def call() -> None:
        pids.extend(gate.run(backend) for _ in range(5))
        assert not connections["default"].connection, "the caller holds no connection"

    callers = [threading.Thread(target=call) for _ in range(20)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(pids) == 100
    assert len(set(pids)) <= 2
    assert backend() not in pids


@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_is_replaced_and_the_function_run_again(gate: Gate) -> None:
    lost: list[int] = []

    def lose_the_first() -> int:
        mine = backend()
        if not lost:
            lost.append(mine)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return mine

    assert gate.run(lose_the_first) != lost[0]


def test_a_database_that_stays_away_is_reported_in_time(gate: Gate) -> None:
    tries = []

    def fail() -> None:
        tries.append(time.monotonic())
        raise OperationalError("the database system is starting up")

    begun = time.monotonic()
    with pytest.raises(DatabaseUnavailableError):
        gate.run_within(0.5, fail)
    assert time.monotonic() - begun < 2
    assert len(tries) >= 2


def test_an_error_of_the_function_is_the_callers(gate: Gate) -> None:
    def fail() -> None:
        raise IntegrityError("twice")

    with pytest.raises(IntegrityError):
        gate.run(fail)
    assert gate.run(lambda: "still there") == "still there"


def test_a_closed_gate_has_no_threads_left(gate: Gate) -> None:
    gate.run(lambda: None)
    gate.close()
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("database-gate")]


@pytest.mark.django_db(transaction=True)
def test_the_runner_syncs_people_in_threads_without_a_connection(key_pair: KeyPair) -> None:
    """As a drain does it: load here, run there."""
    clock = MovableClock(datetime.now(UTC))
    world = make_world(clock, key_pair)
    for email in (ADA, BEN):
        world.google_create(email, summary="Board", start=at(24))
    with SimulatorServer.running(world) as simulator:
        people = adopt_organization(simulator)
        equipment.cache_clear()
        with override_settings(
            GOOGLE_API_ROOT=simulator.base_url,
            GOOGLE_TOKEN_URL=f"{simulator.base_url}/token",
            SALESFORCE_LOGIN_URL=simulator.base_url,
        ):
            reports = run_in_threads(EngineRunner(), people)
    assert [report.result for report in reports] == [PassResult.SUCCESS] * 2
    assert EventLink.objects.filter(state="active").count() == 2


def test_a_clock_that_is_set_back_gives_a_pass_no_more_time(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.world.google_create(ADA, summary="Late", start=at(24))
    runner = EngineRunner()
    monkeypatch.setattr(runner, "_equipment", Equipment(Gate(), rig.providers))
    monkeypatch.setattr(runner, "_store", rig.store)
    monkeypatch.setattr("syncing.runner.utc_now", rig.clock)
    ticks = SimpleNamespace(now=100.0)
    monkeypatch.setattr("syncing.runner.time", SimpleNamespace(monotonic=lambda: ticks.now))

    def freeze_and_set_back() -> None:
        ticks.now += 60
        rig.clock.advance(hours=-1)

    work = load_work([rig.people[ADA].pk])[rig.people[ADA].pk]
    with at_request(3, freeze_and_set_back):
        report = runner.run(work, ticks.now + 20)
    assert report.error is not None
    assert "DeadlineReached" in report.error.body
    assert not rig.writes()


def run_in_threads(runner: EngineRunner, people: dict[str, Person]) -> list[Any]:
    reports: list[Any] = []

    def run(work: Any) -> None:
        reports.append(runner.run(work, time.monotonic() + 20))
        assert not connections["default"].connection, "the pass holds no connection"

    work = runner.load([person.pk for person in people.values()])
    threads = [threading.Thread(target=run, args=(each,)) for each in work.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for shared in (runner._equipment.gate, runner._equipment.providers):
        shared.close()
    equipment.cache_clear()
    return reports


def test_a_pass_without_a_database_ends_in_a_failure(
    rig: Rig,
) -> None:
    """Whatever the provider said by then, nothing of it can be kept."""
    rig.world.google_create(ADA, summary="Board", start=at(24))
    rig.sync()

    def gone(seconds: float, function: Any) -> Any:
        raise DatabaseUnavailableError("no database")

    rig.world.google_create(ADA, summary="Second", start=at(25))
    report = rig.sync(store=type(rig.store)(gone))
    assert report.result is PassResult.FAILURE
    assert report.error is not None
    assert "DatabaseUnavailable" in report.error.body
    rig.settle()
    assert rig.google() == rig.salesforce()
