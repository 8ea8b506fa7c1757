from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import Sum

from monitoring.incidents import housekeeping
from monitoring.incidents.detection import Thresholds
from monitoring.incidents.housekeeping import pulses_age, pulses_compact
from monitoring.incidents.models import Pulse, UsualHour
from monitoring.incidents.watch import incidents_find
from monitoring.incidents.windows import usual_of, windows_of
from tests.factories import NOW, make_organization
from tests.monitoring.incidents.makers import MAINTENANCE, MINUTE, make_running_people, report

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def test_old_counts_become_the_baseline_of_the_organization_and_of_all() -> None:
    acme = make_organization()
    people = make_running_people(acme, 8)
    report(people[:2], NOW, MAINTENANCE)
    report(people[2:], NOW)
    pulses_age(now=NOW + 3 * HOUR)
    assert not Pulse.objects.exists()
    usual = usual_of(acme.pk, NOW + 3 * HOUR)
    assert (usual.attempts, sum(usual.failed.values())) == (16, 2)
    of_all = UsualHour.objects.filter(organization=None).aggregate(n=Sum("attempts"))
    assert of_all["n"] == 16
    assert usual_of(acme.pk, NOW + timedelta(days=8)).attempts == 0


def test_failures_that_an_incident_explains_are_not_usual() -> None:
    acme = make_organization()
    people = make_running_people(acme, 10)
    report(people, NOW, MAINTENANCE)
    incidents_find(now=NOW)
    report(people[:2], NOW + 10 * MINUTE)
    report(people[2:], NOW + 10 * MINUTE, MAINTENANCE)
    pulses_age(now=NOW + 3 * HOUR)
    usual = usual_of(acme.pk, NOW + 3 * HOUR)
    assert (usual.attempts, usual.failed) == (12, {})


def test_folding_rows_together_changes_no_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "ENOUGH_TO_COMPACT", 20)
    acme = make_organization()
    people = make_running_people(acme, 30)
    for person in people:
        report([person], NOW, MAINTENANCE if person.pk % 2 else None)
    before = windows_of([acme.pk], NOW, Thresholds(), explained=True)
    attempts = Pulse.objects.aggregate(n=Sum("attempts"))
    rows = Pulse.objects.count()
    assert pulses_compact(now=NOW)
    assert Pulse.objects.count() < rows / 5
    assert windows_of([acme.pk], NOW, Thresholds(), explained=True) == before
    assert Pulse.objects.aggregate(n=Sum("attempts")) == attempts


def test_few_rows_are_left_as_they_are() -> None:
    report(make_running_people(make_organization(), 3), NOW)
    assert not pulses_compact(now=NOW)
