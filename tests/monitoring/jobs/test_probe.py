from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitoring.jobs.probe import START_ALLOWANCE, Limits, Sighting, Watch

LIMITS = Limits(stat=15, beat=60)


def sighting(at: float, **overrides: Any) -> Sighting:
    return Sighting(**{"at": at, "stat": True, "neglect": False, "beat_age": None} | overrides)


def watched(*sightings: Sighting) -> Watch:
    watch = Watch()
    for seen in sightings:
        watch = watch.after(seen)
    return watch


def test_a_cluster_silent_for_too_long_is_to_be_started_anew() -> None:
    watch = watched(sighting(0), sighting(5, stat=False), sighting(10, stat=False))
    assert watch.verdict(19.9, LIMITS) is None
    assert watch.verdict(20, LIMITS) == "it has not reported for 15 s"


def test_one_report_ends_the_silence() -> None:
    watch = watched(sighting(0), sighting(5, stat=False), sighting(19), sighting(20, stat=False))
    assert watch.verdict(30, LIMITS) is None


def test_a_cluster_just_started_has_longer_to_show_itself() -> None:
    watch = watched(sighting(0, stat=False))
    assert watch.verdict(START_ALLOWANCE - 1, LIMITS) is None
    assert watch.verdict(START_ALLOWANCE, LIMITS) is not None


def test_jobs_may_wait_while_a_cluster_starts() -> None:
    watch = watched(sighting(0, stat=False, neglect=True), sighting(50, stat=False, neglect=True))
    assert watch.verdict(59, Limits(stat=15, beat=10)) is None


def test_neglected_jobs_tell_of_a_cluster_that_looks_well() -> None:
    watch = watched(sighting(0), *(sighting(at, neglect=True) for at in range(5, 65, 5)))
    assert watch.verdict(64, LIMITS) is None
    reason = watch.verdict(65, LIMITS)
    assert reason == "old jobs wait and none of its workers was at work for 60 s"


def test_a_full_queue_is_no_reproach_while_the_drains_work() -> None:
    busy = [sighting(at, neglect=True, beat_age=5) for at in range(0, 600, 5)]
    assert watched(*busy).verdict(600, LIMITS) is None


def test_a_drain_that_died_long_ago_is_no_excuse_and_no_charge() -> None:
    idle = [sighting(at, beat_age=10_000 + at) for at in range(0, 600, 5)]
    assert watched(*idle).verdict(600, LIMITS) is None

    neglected = [sighting(at, neglect=True, beat_age=10_000 + at) for at in range(600, 665, 5)]
    assert watched(*idle, *neglected).verdict(660, LIMITS) is not None


def test_what_could_not_be_seen_is_not_held_against_a_cluster() -> None:
    watch = watched(sighting(0), sighting(5, stat=False, neglect=True)).blinded()
    assert watch.verdict(1_000, LIMITS) is None
    assert watch.after(sighting(1_000, stat=False)).verdict(1_014, LIMITS) is None


looks = st.lists(
    st.builds(
        Sighting,
        at=st.floats(0, 1_000),
        stat=st.booleans(),
        neglect=st.booleans(),
        beat_age=st.none() | st.floats(0, 1_000),
    ),
    max_size=30,
).map(lambda found: sorted(found, key=lambda one: one.at))


@given(looks)
def test_a_cluster_that_reports_and_neglects_nobody_is_never_killed(found: list[Sighting]) -> None:
    well = sighting(1_000)
    assert watched(*found, well).verdict(1_000_000, LIMITS) is None


@given(looks, st.floats(1_000, 2_000))
def test_nobody_is_killed_before_a_limit_has_passed_since_it_was_last_well(
    found: list[Sighting], now: float
) -> None:
    watch = watched(sighting(0), *found)
    if watch.verdict(now, LIMITS) is not None:
        recent = [one for one in found if one.at > now - LIMITS.stat]
        assert not any(one.stat and not one.neglect for one in recent)
