from __future__ import annotations

from datetime import timedelta

import pytest

from monitoring.health.covered import Covered, PeopleHours, people_hours
from monitoring.health.samples import samples_add
from tests.factories import NOW, make_organization

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def hours_of(*organizations: int) -> dict[int, Covered]:
    return people_hours(organizations or None, before=NOW - 2 * DAY, first=NOW - DAY, end=NOW)


def test_who_syncs_counts_of_all_who_ever_connected() -> None:
    acme = make_organization()
    samples_add(
        (acme.pk, NOW - place * HOUR / 2, group, people)
        for place in range(1, 49)
        for group, people in (
            ("healthy", 6), ("degraded", 1), ("stalled", 2), ("disabled", 1),
            ("never_connected", 90),
        )
    )  # fmt: skip
    covered = hours_of(acme.pk)[acme.pk]
    assert covered == Covered(PeopleHours(240.0, 144.0), PeopleHours())
    assert covered.now.share == 0.6
    assert covered.before.share is None


def test_a_sample_stands_for_the_time_up_to_the_next_three_hours_at_most() -> None:
    acme = make_organization()
    samples_add([
        (acme.pk, NOW - 40 * HOUR, "healthy", 10),
        (acme.pk, NOW - 12 * HOUR, "stalled", 10),
        (acme.pk, NOW - 11 * HOUR, "healthy", 10),
        (acme.pk, NOW - HOUR / 2, "healthy", 10),
    ])  # fmt: skip
    covered = hours_of(acme.pk)[acme.pk]
    assert covered.before == PeopleHours(30.0, 30.0)
    assert covered.now == PeopleHours(10 + 30 + 5, 30 + 5)


def test_where_nobody_syncs_nothing_is_covered() -> None:
    acme = make_organization()
    samples_add([(acme.pk, NOW - HOUR, "stalled", 3)])
    assert hours_of(acme.pk)[acme.pk].now.share == 0.0


def test_each_organization_has_its_own_and_all_can_be_asked_for() -> None:
    acme, globex, empty = (make_organization().pk for _ in range(3))
    samples_add([(acme, NOW - HOUR, "healthy", 3), (globex, NOW - HOUR, "stalled", 3)])
    assert hours_of(acme).keys() == {acme}
    assert hours_of().keys() == {acme, globex}
    assert empty not in hours_of()
