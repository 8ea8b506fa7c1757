"""Two connections at once: an incident that is opened while outcomes are being recorded."""

from __future__ import annotations

import pytest
from django.db import transaction

from monitoring.incidents.models import Hit, Incident
from monitoring.incidents.opening import hits_fold_anew
from monitoring.incidents.watch import incidents_find
from tests.factories import NOW, make_organization
from tests.monitoring.health.test_concurrency import begin
from tests.monitoring.incidents.makers import (
    INACTIVE,
    MINUTE,
    health_of,
    make_reported,
    make_running_people,
)
from tests.monitoring.intake.makers import record

pytestmark = pytest.mark.django_db(transaction=True)


def test_who_fails_while_the_incident_is_being_opened_is_hit_by_it() -> None:
    with transaction.atomic():
        people = make_running_people(make_organization(), 8)
    record([make_reported(person, NOW, INACTIVE) for person in people[:6]])
    raised: list[Exception] = []
    with transaction.atomic():
        # Recorded, not committed yet: whoever looks for those hit does not see these two.
        record([make_reported(person, NOW, INACTIVE) for person in people[6:]])
        opening = begin(lambda: incidents_find(now=NOW + MINUTE), raised)
        opening.join(0.5)
        assert opening.is_alive()
    opening.join(30)
    assert raised == []
    assert Hit.objects.count() == 8


def test_who_fails_right_after_it_was_opened_waits_for_it_and_is_held() -> None:
    with transaction.atomic():
        people = make_running_people(make_organization(), 8)
    record([make_reported(person, NOW, INACTIVE) for person in people[:6]])
    raised: list[Exception] = []
    with transaction.atomic():
        incidents_find(now=NOW + MINUTE)
        late = [make_reported(person, NOW + MINUTE, INACTIVE) for person in people[6:]]
        recording = begin(lambda: record(late), raised)
        recording.join(0.5)
        assert recording.is_alive()
    recording.join(30)
    hits_fold_anew(now=NOW + MINUTE)
    assert raised == []
    assert {health_of(person).cause for person in people} == {"incident"}
    assert Hit.objects.count() == 8


def test_two_ticks_open_one_incident() -> None:
    with transaction.atomic():
        people = make_running_people(make_organization(), 8)
    record([make_reported(person, NOW, INACTIVE) for person in people])
    raised: list[Exception] = []
    threads = [begin(lambda: incidents_find(now=NOW + MINUTE), raised) for _ in range(3)]
    for thread in threads:
        thread.join(30)
    assert raised == []
    assert Incident.objects.count() == 1
