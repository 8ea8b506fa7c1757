from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError

from monitoring.intake.delivery import PATIENCE, delivery_ingest, lines_of, persist
from monitoring.intake.schema import MAX_LINE, Refusal
from monitoring.outcomes.models import Outcome
from tests.factories import NOW, make_person
from tests.monitoring.intake.makers import as_array, as_lines, make_line


def stream(body: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(body))


def test_an_over_long_line_is_refused_and_the_next_one_read() -> None:
    body = b'{"a":1}\n' + b"x" * (3 * MAX_LINE) + b'\n\n{"b":2}'
    (first, second, third) = lines_of(stream(body))
    assert first == (1, b'{"a":1}\n')
    assert second[0] == 2
    assert isinstance(second[1], Refusal)
    assert third == (4, b'{"b":2}')


def test_a_line_of_just_the_length_allowed_is_read() -> None:
    line = b"x" * (MAX_LINE - 1) + b"\n"
    assert list(lines_of(stream(line))) == [(1, line)]


def test_a_stream_may_be_an_array() -> None:
    array = as_array({"a": 1}, {"b": 2})
    assert [n for n, _ in lines_of(stream(array))] == [1, 2]
    assert [n for n, _ in lines_of(stream(b"\n \t" + array))] == [1, 2]


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> Any:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("monitoring.intake.delivery.time.sleep", clock.sleep)
    return clock


@pytest.mark.django_db
def test_work_is_tried_again_until_the_database_is_back(clock: Clock) -> None:
    tries = []

    def work() -> None:
        tries.append(clock())
        if len(tries) < 40:
            raise OperationalError("away")

    persist(work, clock)
    assert len(tries) == 40
    assert timedelta(seconds=60) < tries[-1] - NOW < PATIENCE


@pytest.mark.django_db
def test_patience_has_an_end(clock: Clock) -> None:
    def work() -> None:
        raise OperationalError("away for good")

    with pytest.raises(OperationalError, match="for good"):
        persist(work, clock)
    assert clock.now - NOW >= PATIENCE


@pytest.mark.django_db
def test_a_mistake_of_ours_is_not_tried_again(clock: Clock) -> None:
    def work() -> None:
        raise ValueError("a mistake")

    with pytest.raises(ValueError, match="a mistake"):
        persist(work, clock)
    assert clock.now == NOW


@pytest.mark.django_db
def test_a_delivery_of_several_batches_reports_them_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("monitoring.intake.delivery.BATCH", 2)
    person = make_person()
    lines = [make_line(person, n) for n in range(-5, 0)]
    body = as_lines(*lines, make_line("nobody@acme.example"), lines[0])
    report = delivery_ingest(
        lines_of(stream(body)),
        organization=person.organization,
        source="a test",
        clock=lambda: NOW,
    )
    assert (report.accepted, report.duplicate, len(report.rejected)) == (5, 1, 1)
    assert Outcome.objects.count() == 5
