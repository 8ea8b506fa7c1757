from __future__ import annotations

from datetime import timedelta

import pytest

from monitoring.health.intervals import own_interval_set
from monitoring.incidents.detection import Thresholds
from monitoring.incidents.intake_watch import Frozen, intake_watch, intakes
from monitoring.incidents.models import Incident, Kind
from monitoring.jobs.tick import tick
from tests.factories import NOW, make_organization
from tests.monitoring.incidents.makers import (
    MINUTE,
    health_of,
    make_running_people,
    only_incident,
    report,
)

pytestmark = pytest.mark.django_db
THRESHOLDS = Thresholds()


def watch(minutes: float) -> Frozen:
    return intake_watch(now=NOW + minutes * MINUTE, thresholds=THRESHOLDS)


def test_while_people_are_heard_of_nothing_is_frozen() -> None:
    people = make_running_people(make_organization(), 6)
    report(people, NOW)
    assert watch(1) == Frozen()
    assert not Incident.objects.exists()


def test_many_late_at_once_freeze_the_clocks_verdicts_of_their_organization() -> None:
    acme, globex = make_organization(), make_organization()
    report(make_running_people(acme, 6), NOW)
    others = make_running_people(globex, 30)
    report(others, NOW)
    report(others, NOW + 110 * MINUTE)
    late = NOW + 160 * MINUTE
    tick(late)
    report(others, late)
    assert intake_watch(now=late, thresholds=THRESHOLDS) == Frozen(False, frozenset({acme.pk}))
    incident = only_incident()
    assert (incident.kind, incident.organization_id) == (Kind.INTAKE, acme.pk)


@pytest.mark.parametrize("size", [8, 60, 150])
def test_after_a_long_stop_nobody_is_called_silent_before_they_could_be_heard(size: int) -> None:
    people = make_running_people(make_organization(), size)
    report(people, NOW)
    later = timedelta(hours=7)
    report_of_tick = tick(NOW + later)
    assert (report_of_tick.frozen, report_of_tick.checked) == (True, 0)
    assert health_of(people[0]).status == "healthy"
    report(people, NOW + later + 2 * MINUTE)
    assert not tick(NOW + later + 3 * MINUTE).frozen
    assert only_incident().closed_at == NOW + later + 3 * MINUTE


def test_people_who_run_in_step_are_no_failure_of_the_intake() -> None:
    report(make_running_people(make_organization(), 150), NOW)
    assert [watch(minutes) for minutes in (16, 60, 110)] == [Frozen()] * 3


def test_who_runs_seldom_by_choice_is_not_expected_more_often() -> None:
    people = make_running_people(make_organization(), 30)
    report(people, NOW)
    own_interval_set(people=[each.pk for each in people[:28]], seconds=86_400, now=NOW)
    assert watch(160) == Frozen()
    (intake,) = intakes([], NOW + 160 * MINUTE, THRESHOLDS).values()
    window = THRESHOLDS.window
    assert intake.expected == pytest.approx(28 * window / 86_400 + 2 * window / 7_200)


def test_the_small_ones_together_are_seen_where_none_shows_it_alone() -> None:
    for _ in range(4):
        report(make_running_people(make_organization(), 2), NOW)
    assert watch(7 * 60) == Frozen(everybody=True)
    assert only_incident().organization_id is None


def test_the_silence_of_one_organization_freezes_no_other() -> None:
    gone, well = make_organization(), make_organization()
    report(make_running_people(gone, 30), NOW)
    people = make_running_people(well, 30)
    for minutes in range(0, 420, 105):
        report(people[1:] if minutes else people, NOW + minutes * MINUTE)
    assert tick(NOW + 330 * MINUTE).frozen
    assert health_of(people[0]).cause == "silent"
    assert only_incident().organization_id == gone.pk


def test_a_freeze_that_lasts_hides_nobody_for_ever() -> None:
    people = make_running_people(make_organization(), 30)
    report(people, NOW)
    assert tick(NOW + timedelta(hours=7)).frozen
    assert not tick(NOW + timedelta(hours=32)).frozen
    assert health_of(people[0]).cause == "silent"


def test_one_silent_person_of_many_is_still_found() -> None:
    people = make_running_people(make_organization(), 30)
    report(people, NOW)
    report(people[1:], NOW + 110 * MINUTE)
    report(people[1:], NOW + 220 * MINUTE)
    report(people[1:], NOW + 330 * MINUTE)
    tick(NOW + 331 * MINUTE)
    health = health_of(people[0])
    assert (health.status, health.cause) == ("stalled", "silent")
    assert not Incident.objects.exists()
