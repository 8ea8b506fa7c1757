from __future__ import annotations

import pytest

from accounts.models import Person
from monitoring.incidents.across_watch import incidents_find_across, incidents_follow_across
from monitoring.incidents.detection import Thresholds
from monitoring.incidents.models import Hit, Incident
from monitoring.incidents.watch import incidents_find, incidents_follow
from tests.factories import NOW, make_organization
from tests.monitoring.incidents.makers import MAINTENANCE, MINUTE, make_running_people, report

pytestmark = pytest.mark.django_db
THRESHOLDS = Thresholds()


def make_small_organizations(number: int, size: int = 2) -> list[list[Person]]:
    return [make_running_people(make_organization(), size) for _ in range(number)]


def find() -> list[Incident]:
    now = NOW + MINUTE
    return [*incidents_find(now=now), *incidents_find_across(now=now, thresholds=THRESHOLDS)]


def test_a_cause_none_could_show_alone_is_found_over_all_organizations() -> None:
    houses = make_small_organizations(5)
    for people in houses:
        report(people, NOW, MAINTENANCE)
    opened = find()
    assert {incident.organization_id for incident in opened} == {
        people[0].organization_id for people in houses
    }
    whole = Incident.objects.get(organization=None)
    assert {incident.part_of_id for incident in Incident.objects.exclude(organization=None)} == {
        whole.pk
    }
    assert Hit.objects.count() == 10
    assert find() == []


def test_chance_failures_here_and_there_are_no_cause() -> None:
    houses = make_small_organizations(40, size=5)
    for number, people in enumerate(houses):
        report(people[1:], NOW)
        report(people[:1], NOW, MAINTENANCE if number < 6 else None)
    assert find() == []


def test_an_organization_whose_people_get_through_is_left_out() -> None:
    houses = make_small_organizations(6)
    for people in houses[:5]:
        report(people, NOW, MAINTENANCE)
    report(houses[5], NOW)
    assert houses[5][0].organization_id not in {i.organization_id for i in find()}


def test_an_organization_that_found_it_first_becomes_part_of_the_whole() -> None:
    big = make_running_people(make_organization(), 10)
    report(big, NOW, MAINTENANCE)
    (own,) = incidents_find(now=NOW)
    for people in make_small_organizations(3):
        report(people, NOW, MAINTENANCE)
    find()
    own.refresh_from_db()
    assert own.part_of == Incident.objects.get(organization=None)


def test_the_whole_is_over_when_each_part_is() -> None:
    houses = make_small_organizations(5)
    for people in houses:
        report(people, NOW, MAINTENANCE)
    find()
    whole = Incident.objects.get(organization=None)
    later = NOW + 20 * MINUTE
    for people in houses[1:]:
        report(people, later)
    incidents_follow(now=later)
    incidents_follow_across(now=later)
    whole.refresh_from_db()
    assert (whole.state, whole.people_hit) == ("open", 10)
    report(houses[0], later)
    incidents_follow(now=later)
    incidents_follow_across(now=later)
    whole.refresh_from_db()
    assert whole.closed_at == later


def test_organizations_that_found_it_a_minute_apart_are_one_cause() -> None:
    houses = make_small_organizations(4, size=30)
    for number, people in enumerate(houses):
        at = NOW + number * MINUTE
        report(people, at, MAINTENANCE)
        incidents_find(now=at)
        incidents_find_across(now=at, thresholds=THRESHOLDS)
    whole = Incident.objects.get(organization=None)
    assert whole.parts.count() == 4


def test_a_cause_that_comes_back_is_the_same_whole() -> None:
    houses = make_small_organizations(5, size=3)
    for people in houses:
        report(people, NOW, MAINTENANCE)
    find()
    later = NOW + 20 * MINUTE
    for people in houses:
        report(people, later)
    incidents_follow(now=later)
    incidents_follow_across(now=later)
    again = later + 10 * MINUTE
    for people in houses:
        report(people, again, MAINTENANCE)
    incidents_find(now=again)
    incidents_find_across(now=again, thresholds=THRESHOLDS)
    incidents_follow_across(now=again)
    whole = Incident.objects.get(organization=None)
    assert (whole.state, whole.flaps, whole.parts.count()) == ("open", 1, 5)


def test_the_share_of_the_whole_is_that_of_those_who_run_in_its_open_parts() -> None:
    big, *small = [make_running_people(make_organization(), size) for size in (6, 2, 2)]
    report(big[:3], NOW, MAINTENANCE)
    report(big[3:], NOW)
    for people in small:
        report(people, NOW, MAINTENANCE)
    find()
    whole = Incident.objects.get(organization=None)
    assert whole.share == 0.7
    Incident.objects.filter(organization=small[0][0].organization_id).update(closed_at=NOW)
    incidents_follow_across(now=NOW + 2 * MINUTE)
    whole.refresh_from_db()
    assert whole.share == 0.62, "half of six and both of two"
