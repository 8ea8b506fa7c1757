from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from threading import Barrier, Thread

import pytest
from django.db import connection, connections, transaction
from hypothesis import given
from hypothesis import strategies as st

from monitoring.health.models import HealthTally, StatusSample
from monitoring.health.samples import (
    AVERAGE,
    DENSE,
    EVERY,
    KEPT,
    is_kept,
    people_by_group,
    sample_time,
    samples_add,
    samples_take,
)
from tests.factories import NOW, make_organization, make_person
from tests.monitoring.console.makers import make_healthy, make_held, make_unwell

MINUTE = timedelta(minutes=1)
HOUR = 60 * MINUTE


@given(st.floats(1e9, 4e9), st.timezones())
def test_a_sample_bears_the_time_its_half_hour_began(seconds: float, zone: tzinfo) -> None:
    moment = datetime.fromtimestamp(seconds, zone)
    at = sample_time(moment)
    assert at.timestamp() % EVERY.total_seconds() == 0
    assert timedelta() <= moment - at < EVERY


@pytest.mark.django_db
def test_all_organizations_are_noted_with_who_was_never_connected_apart() -> None:
    acme, globex = make_organization(), make_organization()
    for _ in range(3):
        make_healthy(acme)
    make_unwell(acme, "stalled", "silent")
    make_unwell(acme, "degraded", "overdue")
    make_held(acme)
    make_person(acme)
    make_healthy(globex)
    assert samples_take(NOW + 7 * MINUTE)
    expected = {"healthy": 3, "stalled": 1, "degraded": 1, "disabled": 1, "never_connected": 1}
    found = people_by_group(acme.pk, [NOW], NOW + HOUR)
    assert found == {(NOW, group): people for group, people in expected.items()}
    assert people_by_group(globex.pk, [NOW], NOW + HOUR) == {(NOW, "healthy"): 1}


@pytest.mark.django_db
def test_a_half_hour_is_noted_once() -> None:
    acme = make_organization()
    make_healthy(acme)
    assert samples_take(NOW)
    make_healthy(acme)
    assert not samples_take(NOW + 29 * MINUTE)
    assert samples_take(NOW + 30 * MINUTE)
    edges = [NOW, NOW + EVERY]
    assert list(people_by_group(acme.pk, edges, NOW + HOUR).values()) == [1, 2]


@pytest.mark.django_db
def test_a_stretch_without_a_sample_stays_a_gap_and_of_several_the_average_counts() -> None:
    acme = make_organization()
    with transaction.atomic():
        samples_add(
            [
                (acme.pk, NOW, "healthy", 5),
                (acme.pk, NOW, "stalled", 1),
                (acme.pk, NOW + EVERY, "healthy", 6),
                (acme.pk, NOW + 3 * HOUR, "healthy", 7),
            ]
        )
    edges = [NOW + HOUR * hours for hours in range(4)]
    found = people_by_group(acme.pk, edges, NOW + 4 * HOUR)
    assert found == {
        (NOW, "healthy"): 5.5,
        (NOW, "stalled"): 0.5,
        (NOW + 3 * HOUR, "healthy"): 7,
    }


@pytest.mark.django_db
def test_old_samples_are_thinned_and_at_last_forgotten() -> None:
    acme = make_organization()
    make_healthy(acme)
    span = int((KEPT + timedelta(days=1)) / EVERY)
    times = [NOW - EVERY * place for place in range(1, span)]
    kept_before = [at for at in times if is_kept(at, NOW - EVERY)]
    with transaction.atomic():
        samples_add((acme.pk, at, "healthy", 1) for at in kept_before)
    assert samples_take(NOW)
    left = set(StatusSample.objects.values_list("at", flat=True))
    assert left == {NOW, *(at for at in times if is_kept(at, NOW))}
    assert len([at for at in left if at < NOW - DENSE]) < 200


@pytest.mark.django_db
def test_where_a_tick_was_away_the_first_sample_of_three_hours_stays() -> None:
    acme, globex = make_organization(), make_organization()
    make_healthy(acme)
    began = NOW - DENSE - 10 * HOUR
    marks = [began + EVERY * place for place in range(21)]
    # Three hours begin at 1, 4 and 7; when they began at 4, nothing was noted.
    noted = [at for at in marks if not began + 3 * HOUR <= at < began + 4.5 * HOUR]
    with transaction.atomic():
        samples_add((acme.pk, at, "healthy", 1) for at in noted)
        samples_add((acme.pk, at, "stalled", 1) for at in noted)
        # Another organization began in the middle of three hours.
        samples_add((globex.pk, at, "healthy", 1) for at in marks if at > began + 7 * HOUR)
    # Then there was no tick for nine days.
    assert samples_take(NOW)
    old = StatusSample.objects.filter(at__lt=NOW - DENSE).exclude(group="stalled")
    by_organization = [
        [(at - began) / HOUR for at in old.filter(organization=each).values_list("at", flat=True)]
        for each in (acme, globex)
    ]
    assert by_organization == [[0, 1, 4.5, 7], [7.5]]
    assert StatusSample.objects.filter(at__lt=NOW - DENSE, group="stalled").count() == 4


@pytest.mark.django_db
def test_the_trend_is_read_from_the_index() -> None:
    organizations = [make_organization() for _ in range(20)]
    with transaction.atomic():
        samples_add(
            (acme.pk, NOW - EVERY * place, "healthy", 1)
            for place in range(200)
            for acme in organizations
        )
    values = {
        "organization": organizations[3].pk,
        "edges": [NOW - 90 * HOUR],
        "first": NOW - 90 * HOUR,
        "end": NOW,
    }
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE health_statussample")
        cursor.execute(f"EXPLAIN {AVERAGE}", values)
        plan = " ".join(line for (line,) in cursor.fetchall())
    assert "status_sample_once" in plan
    assert "Seq Scan" not in plan


@pytest.mark.django_db(transaction=True)
def test_ticks_at_once_note_a_half_hour_once() -> None:
    acme = make_organization()
    HealthTally.objects.create(organization=acme, status="healthy", cause="", people=4)
    barrier, taken = Barrier(3), []

    def take() -> None:
        try:
            barrier.wait(10)
            taken.append(samples_take(NOW))
        finally:
            connections.close_all()

    threads = [Thread(target=take) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(taken) == 3
    assert sum(taken) >= 1
    assert [sample.people for sample in StatusSample.objects.all()] == [4]
