from __future__ import annotations

import threading
import time
from collections.abc import Callable
from threading import Event

import pytest

from monitoring.jobs.crew import Crew, stuck_threads
from tests.monitoring.jobs.makers import SUCCESS, make_claim


def test_a_crew_uses_its_threads_again_and_never_reports_an_abandoned_pass() -> None:
    release = Event()
    crew = Crew(lambda work, deadline: (work or release.wait(10)) and SUCCESS)
    quick, stuck = (make_claim().attempt_id for _ in range(2))
    crew.start(quick, True, 0)
    finished = crew.next(5)
    assert finished is not None
    assert finished.key == quick

    crew.start(stuck, False, 0)
    crew.abandon(stuck)
    release.set()
    assert crew.next(0.3) is None
    crew.dismiss()


def came_true(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + 5
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()


@pytest.mark.parametrize("looked", [True, False])
def test_a_pass_left_behind_just_after_it_reported_keeps_no_thread(looked: bool) -> None:
    before = set(threading.enumerate())
    crew = Crew(lambda work, deadline: SUCCESS)
    late, following = (make_claim().attempt_id for _ in range(2))
    crew.start(late, None, 0)
    assert came_true(lambda: not crew._results.empty())
    crew.abandon(late)
    assert stuck_threads() == 0
    if looked:
        assert crew.next(5) is None
        crew.start(following, None, 0)
        finished = crew.next(5)
        assert finished is not None
        assert finished.key == following
        assert len(set(threading.enumerate()) - before) == 1
    crew.dismiss()
    assert came_true(lambda: set(threading.enumerate()) <= before)


def test_a_pass_that_comes_back_after_it_was_left_behind_ends_its_thread() -> None:
    before = set(threading.enumerate())
    begun, release = Event(), Event()
    crew = Crew(lambda work, deadline: (begun.set(), release.wait(10)) and SUCCESS)
    stuck = make_claim().attempt_id
    crew.start(stuck, None, 0)
    assert begun.wait(5)
    crew.abandon(stuck)
    assert stuck_threads() == 1
    release.set()
    assert came_true(lambda: stuck_threads() == 0)
    assert set(threading.enumerate()) <= before
    assert crew.next(0) is None
