from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from monitoring.jobs.beats import tick_beat, worker_beat
from monitoring.jobs.models import JobState, Lane, TickBeat, WorkerBeat
from monitoring.jobs.readiness import (
    QueueFacts,
    WorkerFacts,
    queue_facts,
    queue_object,
    queue_problems,
)
from tests.monitoring.jobs.makers import database_now, make_job


def facts(**overrides: Any) -> QueueFacts:
    values = {
        "tick_age": 5.0,
        "failed_steps": "",
        "queued": 0,
        "running": 0,
        "oldest_queued_age": None,
        "workers": (),
    }
    return QueueFacts(**values | overrides)


def worker(age: float) -> WorkerFacts:
    return WorkerFacts("host:1", "host", Lane.SCHEDULE, 3, age)


@pytest.mark.django_db
def test_the_facts_of_an_empty_service_say_that_nothing_is_there() -> None:
    found = queue_facts()
    assert found == facts(tick_age=None)
    assert queue_problems(found, tick_seconds=30) == ["the tick has never run"]


@pytest.mark.django_db
def test_the_facts_tell_ages_by_the_databases_clock(django_assert_num_queries) -> None:
    tick_beat(failed_steps="reap")
    TickBeat.objects.update(at=database_now() - timedelta(seconds=12))
    worker_beat(lane=Lane.SCHEDULE, in_flight=7)
    WorkerBeat.objects.update(at=database_now() - timedelta(seconds=3))
    make_job(created_at=database_now() - timedelta(seconds=40), lane=Lane.ADMIN)
    make_job(created_at=database_now() - timedelta(seconds=90))
    make_job(created_at=database_now() - timedelta(seconds=900), state=JobState.RUNNING)

    with django_assert_num_queries(2):
        found = queue_facts()
    assert (found.tick_age, found.failed_steps) == (12, "reap")
    assert (found.queued, found.running, found.oldest_queued_age) == (2, 1, 90)
    (beat,) = found.workers
    assert (beat.lane, beat.in_flight, beat.age) == (Lane.SCHEDULE, 7, 3)
    assert queue_facts(Lane.ADMIN).oldest_queued_age == 40


@pytest.mark.parametrize(
    ("found", "problems"),
    [
        (facts(), []),
        (facts(oldest_queued_age=50.0), []),
        (facts(oldest_queued_age=70.0, workers=(worker(20),)), []),
        (facts(tick_age=91.0), ["the tick last ran 91 s ago"]),
        (facts(failed_steps="reap"), ["steps of the last tick failed: reap"]),
        (
            facts(oldest_queued_age=70.0, workers=(worker(100),)),
            ["jobs wait for 70 s and no worker is at work"],
        ),
    ],
)
def test_problems_are_named_in_plain_words(found: QueueFacts, problems: list[str]) -> None:
    assert queue_problems(found, tick_seconds=30) == problems


def test_only_what_works_now_counts_as_in_flight() -> None:
    answer = queue_object(facts(workers=(worker(5), worker(500))))
    assert answer["in_flight"] == 3
    assert "host" not in str(answer)
