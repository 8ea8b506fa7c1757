from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, ProgrammingError
from django.test import Client

from monitoring.jobs.beats import tick_beat


def test_the_process_answers_without_a_database(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_only_reading_is_allowed(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405


@pytest.mark.django_db
def test_the_service_is_not_ready_before_the_tick_has_run(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["problems"] == ["the tick has never run"]


@pytest.mark.django_db
def test_the_service_is_ready_when_the_tick_is_well(client: Client) -> None:
    tick_beat(failed_steps="")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert answer.json()["queued"] == 0


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (OperationalError("gone"), "no database"),
        (ProgrammingError("no table"), "the database is not migrated"),
    ],
)
def test_without_a_database_the_service_says_so(
    client: Client, monkeypatch: pytest.MonkeyPatch, error: Exception, problem: str
) -> None:
    def away(*arguments: Any) -> None:
        raise error

    monkeypatch.setattr("synccenter.service.queue_facts", away)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["problems"] == [problem]
