from __future__ import annotations

from threading import Event

from monitoring.jobs.crew import Crew
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
