from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from monitoring.incidents.models import EventKind, Incident
from monitoring.incidents.polling import statuses_poll
from monitoring.incidents.watch import incidents_find
from simulator.running import SimulatorServer
from simulator.world import World
from tests.factories import NOW, make_organization
from tests.monitoring.incidents.makers import (
    MAINTENANCE,
    MINUTE,
    make_running_people,
    only_incident,
    report,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def pages(settings: Any) -> Iterator[SimulatorServer]:
    world = World(clock=lambda: NOW)
    world.add_organization("acme", domain="acme.example")
    with SimulatorServer.running(world) as simulator:
        settings.GOOGLE_STATUS_URL = f"{simulator.base_url}/appsstatus/dashboard"
        settings.SALESFORCE_STATUS_URL = f"{simulator.base_url}/trust/v1"
        yield simulator


@pytest.fixture
def incident(db: None) -> Incident:
    acme = make_organization(slug="acme", salesforce_host="acme.my.salesforce.com")
    report(make_running_people(acme, 8), NOW, MAINTENANCE)
    (found,) = incidents_find(now=NOW)
    return found


def poll(minutes: float) -> list[str]:
    with time_machine.travel(NOW + minutes * MINUTE, tick=False):
        statuses_poll()
    told = only_incident().events.filter(kind=EventKind.STATUS).order_by("id")
    return [text.partition(":")[0] for text in told.values_list("text", flat=True)]


def test_what_the_page_says_is_told_once_until_it_changes(
    pages: SimulatorServer, incident: Incident
) -> None:
    assert poll(0) == ["ok"]
    assert poll(6) == ["ok"]
    pages.world.status_incident_open(
        "salesforce", summary="Instances in Frankfurt", organization="acme"
    )
    assert poll(12) == ["ok", "trouble"]


def test_a_page_is_not_asked_again_within_five_minutes(
    pages: SimulatorServer, incident: Incident
) -> None:
    poll(0)
    poll(4)
    assert len([e for e in pages.requests if e.operation.startswith("status.")]) == 1


def test_a_page_that_does_not_answer_is_unknown_and_no_verdict(
    pages: SimulatorServer, incident: Incident
) -> None:
    pages.plan_fault(operation="status.*", status=500)
    assert poll(0) == ["unknown"]
    assert only_incident().state == "open"


def test_nothing_is_asked_without_an_open_incident(pages: SimulatorServer) -> None:
    statuses_poll()
    assert list(pages.requests) == []
