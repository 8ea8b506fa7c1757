"""Whole processes, killed. The tests of a running service share it, and leave it well."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from tests.monitoring.jobs.service import (
    Service,
    copy_of_database,
    descendants,
    kill,
    lives,
    parent_of,
    wait_until,
)

# The second mark is what has the test database made, of which the service gets a copy.
pytestmark = [pytest.mark.processes, pytest.mark.django_db]


@pytest.fixture(scope="module")
def database(test_database: str) -> Iterator[str]:
    with copy_of_database(test_database) as url:
        yield url


@pytest.fixture(scope="module")
def service(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(database, tmp_path_factory.mktemp("service"))
    try:
        service.start("tick", "--loop")
        service.manager()
        service.sync_all(service.people("warm-up", 1), 30)
        yield service
    finally:
        service.stop()


def test_a_worker_killed_at_20_jobs_leaves_one_outcome_each_and_all_are_synced_again(
    service: Service,
) -> None:
    people = service.people("killed", 20)
    service.hold()
    service.make_due(people)
    wait_until(lambda: len(service.running()) == 20, 10, "20 jobs run")
    attempts = service.running()

    kill(service.worker_pid())
    service.let_go()

    wait_until(lambda: service.successes(people) == 20, 25, "all 20 are synced again")
    outcomes = service.sql(
        "SELECT attempt_id, result FROM outcomes_outcome WHERE attempt_id = ANY(%s)", [attempts]
    )
    assert sorted(outcomes) == [(attempt, "lost") for attempt in sorted(attempts)]


def test_an_idle_worker_killed_with_the_queues_lock_in_its_hand_stops_nobody(
    service: Service,
) -> None:
    people = service.people("idle", 3)
    service.sync_all(people, 10)
    idle = service.worker_pid()
    sentinel = parent_of(idle)
    wait_until(lambda: not service.running(), 5, "the worker is idle")
    kill(idle)

    service.sync_all(people, 10)
    assert service.worker_pid() != idle
    assert parent_of(service.worker_pid()) == sentinel, "the probe had to help"


# Asks for syncs as the console does, a person a line; answers how long each took to start, by the
# database's clock.
ASK = """
import sys, time
from datetime import UTC, datetime
from django.db import transaction
from accounts.models import Person
from monitoring.jobs.doorbell import ring
from monitoring.jobs.queue import job_request
print("ready", flush=True)
for line in sys.stdin:
    with transaction.atomic():
        job = job_request(person=Person.objects.get(pk=int(line)), now=datetime.now(UTC))
        ring(job.lane)
    until = time.monotonic() + 10
    while job.state == 0 and time.monotonic() < until:
        time.sleep(0.02)
        job.refresh_from_db()
    print((job.started_at - job.created_at).total_seconds(), flush=True)
"""


def test_sync_now_starts_within_a_second_although_all_drains_are_busy(service: Service) -> None:
    busy, asking = service.people("busy", 40), service.people("asking", 3)
    with service.conversation("shell", "-v", "0", "-c", ASK) as say:
        assert say() == "ready"
        service.hold()
        service.make_due(busy)
        wait_until(lambda: len(service.running()) == 24, 10, "all threads are taken")
        periodic = service.running()
        waits = [float(say(person)) for person in asking]
        assert set(periodic) < set(service.running()), "the test was too slow to show anything"

    service.let_go()
    assert max(waits) < 1, waits
    wait_until(lambda: service.successes(busy + asking) == 43, 20, "all are synced")


def test_a_cluster_that_is_stopped_dead_is_killed_and_started_anew(service: Service) -> None:
    people = service.people("wedged", 3)
    service.sync_all(people, 10)
    sentinel = parent_of(service.worker_pid())
    kill(sentinel, signal.SIGSTOP)

    wait_until(lambda: not lives(sentinel), 15, "the wedged cluster is killed")
    why = "cluster synccenter: killed, because it has not reported"
    wait_until(lambda: why in service.log(), 5, "the log says why")
    service.sync_all(people, 20)


def test_a_worker_that_hears_no_bell_is_found_by_the_jobs_that_wait(service: Service) -> None:
    people = service.people("deaf", 3)
    service.sync_all(people, 10)
    worker = service.worker_pid()
    kill(worker, signal.SIGSTOP)
    service.make_due(people)

    wait_until(lambda: not lives(worker), 20, "the deaf worker is killed")
    why = "killed, because old jobs wait and none of its workers was at work"
    wait_until(lambda: why in service.log(), 5, "the log says why")
    wait_until(lambda: not service.count("jobs_job"), 20, "the jobs are done after all")


def test_told_to_stop_the_worker_finishes_its_passes_and_leaves_no_process(
    service: Service,
) -> None:
    people = service.people("stopping", 5)
    service.hold()
    service.make_due(people)
    wait_until(lambda: len(service.running()) == 5, 10, "5 jobs run")
    manager = service.manager()
    below = descendants(manager.pid)
    assert len(below) == 10

    manager.terminate()
    time.sleep(0.3)
    assert manager.poll() is None
    service.let_go()
    assert manager.wait(20) == 0
    assert service.outcomes(people, "success") == 5
    assert not [pid for pid in below if lives(pid)]


def test_a_killed_manager_takes_its_clusters_with_it(service: Service) -> None:
    manager = service.manager()
    service.sync_all(service.people("orphans", 3), 30)
    below = descendants(manager.pid)
    assert len(below) == 10

    manager.kill()
    manager.wait()
    wait_until(lambda: not [pid for pid in below if lives(pid)], 15, "no process is left")


def test_the_tick_stops_cleanly(service: Service) -> None:
    ticking = service.processes["tick"]
    ticking.send_signal(signal.SIGINT)
    assert ticking.wait(10) == 0
    assert "Traceback" not in service.log("tick")
