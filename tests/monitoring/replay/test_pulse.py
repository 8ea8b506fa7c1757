from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from monitoring.health.shields import Shield
from monitoring.incidents.detection import Thresholds, Usual, Window
from monitoring.replay.pulse import Pulse
from tests.factories import NOW

THRESHOLDS = Thresholds()
LENGTHS = (900, 1_800, 3_600, 7_200)
SIGNATURES = ("", "salesforce 503", "salesforce 401", "google 403")
# Minutes after NOW, person, signature.
Run = tuple[int, int, str]


@st.composite
def runs_in_order(draw: st.DrawFn) -> list[Run]:
    gaps = draw(st.lists(st.integers(0, 40), max_size=40))
    minute, runs = 0, []
    for gap in gaps:
        minute += gap
        runs.append(
            (minute, draw(st.integers(1, 8)), draw(st.sampled_from(SIGNATURES))),
        )
    return runs


def at(minute: float) -> datetime:
    return NOW + timedelta(minutes=minute)


def pulse_after(runs: list[Run], *shields: Shield, slides: bool = True) -> Pulse:
    pulse = Pulse(THRESHOLDS)
    for minute, person_id, signature in runs:
        if slides:
            pulse.slide(at(minute), shields)
        pulse.take(person_id, at(minute), signature)
    return pulse


def counted(runs: list[Run], length: int, now: int) -> Window:
    """Count the plain way: the latest run of each person, if it lies in the window."""
    latest = {person_id: (minute, signature) for minute, person_id, signature in runs}
    names = [name for minute, name in latest.values() if minute >= now - length // 60]
    return Window(len(names), Counter(name for name in names if name))


@given(runs_in_order(), st.integers(0, 200), st.booleans())
def test_each_person_counts_once_by_the_latest_run(
    runs: list[Run], later: int, slides: bool
) -> None:
    now = (runs[-1][0] if runs else 0) + later
    pulse = pulse_after(runs, slides=slides)
    pulse.slide(at(now), [])
    for length in LENGTHS:
        assert pulse.window(length, at(now)) == counted(runs, length, now)


@given(runs_in_order())
def test_longer_windows_hold_at_least_as_many(runs: list[Run]) -> None:
    now = at(runs[-1][0] if runs else 0)
    pulse = pulse_after(runs)
    for short, long in pairwise(LENGTHS):
        assert pulse.window(short, now).tried <= pulse.window(long, now).tried


@given(runs_in_order())
def test_who_is_calm_has_too_few_failing_for_an_incident(runs: list[Run]) -> None:
    now = at(runs[-1][0] if runs else 0)
    pulse = pulse_after(runs)
    failing = sum(pulse.window(7_200, now).failing.values())
    assert pulse.is_calm == (failing < THRESHOLDS.small_people)


def test_longer_windows_are_counted_only_where_few_tried() -> None:
    many = pulse_after([(0, person_id, "") for person_id in range(20)])
    few = pulse_after([(0, person_id, "") for person_id in range(19)])
    assert list(many.windows(at(1))) == [900]
    assert list(few.windows(at(1))) == list(LENGTHS)


@given(runs_in_order(), st.sets(st.integers(1, 8)))
def test_who_is_explained_counts_for_the_incident_and_not_for_another(
    runs: list[Run], explained: set[int]
) -> None:
    now = runs[-1][0] if runs else 0
    pulse = pulse_after(runs)
    latest = {person_id: name for _, person_id, name in runs}
    for person_id in explained & latest.keys():
        if latest[person_id]:
            pulse.explain(person_id)
            pulse.explain(person_id)
    others = [run for run in runs if not latest[run[1]] or run[1] not in explained]
    assert pulse.window(7_200, at(now)) == counted(runs, 7_200, now)
    for length, window in pulse.windows(at(now)).items():
        assert window == counted(others, length, now)


def test_a_run_may_come_in_explained() -> None:
    pulse = pulse_after([(0, 1, "")])
    pulse.take(2, at(0), "salesforce 503", explained=True)
    assert pulse.window(900, at(0)) == Window(2, {"salesforce 503": 1})
    assert pulse.windows(at(0))[900] == Window(1, {})


@given(runs_in_order())
def test_usual_counts_every_attempt_that_left_the_longest_window(runs: list[Run]) -> None:
    pulse = pulse_after(runs)
    now = (runs[-1][0] if runs else 0) + 60
    pulse.slide(at(now), [])
    left = [name for minute, _, name in runs if minute < now - 120]
    assert pulse.usual == Usual(len(left), Counter(name for name in left if name))


def test_usual_leaves_out_what_an_incident_explains_and_nothing_else() -> None:
    runs = [(0, 1, ""), (0, 2, "salesforce 503"), (0, 3, "google 403"), (30, 4, "salesforce 503")]
    shield = Shield("salesforce", at(-1), at(10))
    pulse = pulse_after(runs, shield)
    pulse.slide(at(200), [shield])
    assert pulse.usual == Usual(3, {"google 403": 1, "salesforce 503": 1})


def test_usual_forgets_after_a_week() -> None:
    pulse = pulse_after([(0, 1, "salesforce 503"), (24 * 60, 2, "")])
    pulse.slide(at(3 * 60 + 24 * 60), [])
    assert pulse.usual.attempts == 2
    pulse.slide(at(7 * 24 * 60 + 120), [])
    assert pulse.usual == Usual(1, {})


def test_a_late_run_is_an_attempt_but_not_the_latest() -> None:
    pulse = pulse_after([(10, 1, "")])
    pulse.take_late(at(5), "salesforce 503")
    assert pulse.window(900, at(10)) == Window(1, {})
    pulse.slide(at(200), [])
    assert pulse.usual == Usual(2, {"salesforce 503": 1})


def test_a_clock_that_goes_back_leaves_counts_that_are_not_negative() -> None:
    pulse = pulse_after([(0, 1, "salesforce 503"), (1, 2, "")])
    pulse.slide(at(180), [])
    pulse.slide(at(2), [])
    pulse.take(1, at(3), "")
    pulse.take(2, at(3), "salesforce 401")
    assert pulse.window(900, at(3)) == Window(2, {"salesforce 401": 1})


def test_runs_that_come_in_after_their_minute_has_left_are_counted_but_once() -> None:
    pulse = pulse_after([(0, 1, "salesforce 503")])
    pulse.slide(at(180), [])
    pulse.take(2, at(0), "google 403")
    pulse.take(1, at(179), "")
    pulse.take(2, at(179), "")
    assert pulse.window(7_200, at(180)) == Window(2, {})
    assert pulse.is_calm
