"""PostgreSQL crashes under a service at work, stays away, and comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.monitoring.jobs.own_server import OwnServer, own_server
from tests.monitoring.jobs.service import Service, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.django_db]

AWAY = 5.0


@pytest.fixture
def server(test_database: str) -> Iterator[OwnServer]:
    with own_server(test_database) as server:
        yield server


@pytest.fixture
def service(server: OwnServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    patient = {"JOB_DEADLINE": "30", "JOB_LEASE": "31"}
    service = Service(server.url, tmp_path_factory.mktemp("outage"), **patient)
    try:
        service.start("tick", "--loop")
        service.start("worker", "--workers", "1", "--fast", "0")
        service.sync_all(service.people("warm-up", 1), 30)
        yield service
    finally:
        service.stop()


def test_outcomes_made_while_the_database_is_away_arrive_and_the_service_recovers(
    server: OwnServer, service: Service
) -> None:
    people = service.people("outage", 20)
    service.hold()
    service.make_due(people)
    wait_until(lambda: len(service.running()) == 20, 10, "20 jobs run")
    attempts = service.running()

    server.crash()
    service.let_go()
    time.sleep(AWAY)
    server.start()

    wait_until(lambda: not service.running(), 15, "all 20 are closed")
    outcomes = service.sql(
        "SELECT attempt_id, result FROM outcomes_outcome WHERE attempt_id = ANY(%s)", [attempts]
    )
    assert sorted(outcomes) == [(attempt, "success") for attempt in sorted(attempts)]
    service.sync_all(people, 25)
    for process in service.processes.values():
        assert process.poll() is None
    assert "the database is back" in service.log("worker")
    assert "the database is back" in service.log("tick")
