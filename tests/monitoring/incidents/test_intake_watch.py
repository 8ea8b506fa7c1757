from __future__ import annotations

from datetime import timedelta

import pytest

from monitoring.incidents.detection import Thresholds
from monitoring.incidents.intake_watch import Frozen, intake_watch
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


def test_everybody_unheard_of_freezes_all_verdicts_until_they_come_again() -> None:
    people = make_running_people(make_organization(), 150)
    report(people, NOW)
    assert watch(1) == Frozen()
    later = timedelta(hours=7)
    report_of_tick = tick(NOW + later)
    assert report_of_tick.frozen
    assert report_of_tick.checked == 0
    assert health_of(people[0]).status == "healthy"
    assert only_incident().organization_id is None
    report(people, NOW + later + 2 * MINUTE)
    assert not tick(NOW + later + 3 * MINUTE).frozen
    assert only_incident().closed_at == NOW + later + 3 * MINUTE


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
