from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from monitoring.incidents.feeds import read_salesforce_status, unknown_status
from monitoring.incidents.models import Incident, PlannedMaintenance, StatusPage
from monitoring.incidents.planning import (
    PAGES_AT_ONCE,
    plans_are_due,
    plans_claim,
    plans_note,
)
from monitoring.incidents.polling import pages_are_due, statuses_poll
from simulator.running import SimulatorServer
from simulator.world import World
from tests.factories import NOW, make_organization, make_person

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def daily(settings: Any) -> None:
    settings.MAINTENANCE_ASK_HOURS = 24


@pytest.fixture
def pages(settings: Any) -> Iterator[SimulatorServer]:
    world = World(clock=lambda: NOW)
    world.add_organization("acme", domain="acme.example")
    with SimulatorServer.running(world) as simulator:
        settings.SALESFORCE_STATUS_URL = f"{simulator.base_url}/trust/v1"
        yield simulator


@pytest.fixture
def acme(db: None) -> Organization:
    acme = make_organization(slug="acme", salesforce_host="acme.my.salesforce.com")
    make_person(acme)
    return acme


def poll(at: datetime) -> None:
    with time_machine.travel(at, tick=False):
        statuses_poll()


def asked(pages: SimulatorServer) -> int:
    return len([each for each in pages.requests if each.operation.startswith("status.")])


def test_what_is_planned_is_kept_with_where_and_when(
    pages: SimulatorServer, acme: Organization
) -> None:
    number = pages.world.status_maintenance_plan(
        name="Winter release", starts=NOW + DAY, ends=NOW + DAY + 4 * HOUR
    )
    poll(NOW)
    plan = PlannedMaintenance.objects.get()
    assert (plan.organization, plan.provider, plan.name) == (acme, "salesforce", "Winter release")
    assert (plan.starts_at, plan.ends_at) == (NOW + DAY, NOW + DAY + 4 * HOUR)
    instance = pages.world.organizations["acme"].instance_key
    assert (plan.external_id, plan.instance) == (str(number), instance)
    assert plan.key == f"salesforce {number} 2026-11-21T12:00Z"


def test_a_page_is_asked_once_a_day_and_what_is_called_off_goes(
    pages: SimulatorServer, acme: Organization
) -> None:
    pages.world.status_maintenance_plan(name="One", starts=NOW + DAY, ends=NOW + 2 * DAY)
    poll(NOW)
    poll(NOW + DAY - HOUR)
    assert asked(pages) == 1
    pages.world.status.maintenances.clear()
    poll(NOW + DAY)
    assert asked(pages) == 2
    assert not PlannedMaintenance.objects.exists()


def test_how_often_is_a_setting(pages: SimulatorServer, acme: Organization, settings: Any) -> None:
    settings.MAINTENANCE_ASK_HOURS = 2
    poll(NOW)
    assert not plans_are_due(NOW + 2 * HOUR - timedelta(seconds=1))
    assert plans_are_due(NOW + 2 * HOUR)


def test_where_that_is_never_nothing_is_asked(
    pages: SimulatorServer, acme: Organization, settings: Any
) -> None:
    settings.MAINTENANCE_ASK_HOURS = 0
    assert not pages_are_due(NOW)
    poll(NOW)
    assert asked(pages) == 0


def test_the_page_of_an_open_incident_is_not_asked_again_for_it(
    pages: SimulatorServer, acme: Organization
) -> None:
    facts = {"provider": "salesforce", "signature": "salesforce 503"}
    Incident.objects.create(organization=acme, began_at=NOW, opened_at=NOW, **facts)
    pages.world.status_maintenance_plan(name="One", starts=NOW + DAY, ends=NOW + 2 * DAY)
    poll(NOW)
    assert (asked(pages), PlannedMaintenance.objects.count()) == (1, 1)


def test_a_page_that_does_not_answer_is_asked_again_within_the_hour_and_nothing_is_dropped(
    pages: SimulatorServer, acme: Organization
) -> None:
    pages.world.status_maintenance_plan(name="One", starts=NOW + 3 * DAY, ends=NOW + 4 * DAY)
    poll(NOW)
    pages.plan_fault(operation="status.*", status=500)
    poll(NOW + DAY)
    assert PlannedMaintenance.objects.get().name == "One"
    assert not plans_are_due(NOW + DAY + HOUR / 2)
    assert plans_are_due(NOW + DAY + HOUR)


def test_told_again_it_stays_one_and_postponed_it_is_another(acme: Organization) -> None:
    note(acme, NOW + DAY)
    PlannedMaintenance.objects.update(dismissed_at=NOW)
    note(acme, NOW + DAY, name="Renamed")
    plan = PlannedMaintenance.objects.get()
    assert (plan.name, plan.dismissed_at) == ("Renamed", NOW)
    note(acme, NOW + 2 * DAY)
    assert PlannedMaintenance.objects.get().dismissed_at is None


def test_one_without_an_id_goes_by_its_name(acme: Organization) -> None:
    note(acme, NOW + DAY, id=None)
    plan = PlannedMaintenance.objects.get()
    assert (plan.external_id, plan.key) == ("", "salesforce Release 2026-11-21T12:00Z")


def test_an_unread_page_says_nothing(acme: Organization) -> None:
    note(acme, NOW + DAY)
    plans_note(acme, unknown_status("salesforce", "It is away."), NOW)
    assert PlannedMaintenance.objects.count() == 1


def test_only_organizations_with_people_and_a_host_are_asked_about_each_by_one(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_organization()
    make_person(make_organization(salesforce_host=""))
    others = [make_person().organization for _ in range(PAGES_AT_ONCE)]
    with django_assert_num_queries(1):
        assert plans_are_due(NOW)
    assert pages_are_due(NOW)
    with django_assert_num_queries(2):
        first = plans_claim(NOW)
    second = plans_claim(NOW)
    assert {*first, *second} == {acme, *others}
    assert (len(first), len(second), plans_claim(NOW)) == (PAGES_AT_ONCE, 1, [])
    assert StatusPage.objects.filter(ask_at=NOW + HOUR).count() == PAGES_AT_ONCE + 1
    assert not pages_are_due(NOW)


def note(organization: Organization, start: datetime, **changes: Any) -> None:
    """Note a page on which one maintenance of two hours is planned."""
    plan = {
        "id": 7,
        "name": "Release",
        "plannedStartTime": start.isoformat(),
        "plannedEndTime": (start + 2 * HOUR).isoformat(),
    }
    page = {"key": "DEU1", "status": "OK", "Maintenances": [plan | changes]}
    plans_note(organization, read_salesforce_status(json.dumps(page).encode(), NOW), NOW)
