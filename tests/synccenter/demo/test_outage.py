from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import Member, Organization
from monitoring.health.models import Health
from monitoring.incidents.models import EventKind, Hit, Incident
from monitoring.jobs.tick import tick
from monitoring.outcomes.partitions import partitions_ensure
from synccenter.demo.cast import LOGINS
from synccenter.demo.outage import outage_record
from synccenter.demo.past import OUTAGE, OUTAGE_LASTED, OUTAGE_STARTED
from tests.factories import NOW, make_connected_person, make_organization, make_user
from tests.monitoring.incidents.makers import report

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
BEGAN = NOW - OUTAGE_STARTED
ENDED = BEGAN + OUTAGE_LASTED


@pytest.fixture(autouse=True)
def log(db: None) -> None:
    partitions_ensure(NOW, since=NOW - timedelta(days=20))


def make_outage(organization: Organization, number: int) -> list[Any]:
    """People who were synced before and after, and failed twice in between."""
    people = [make_connected_person(organization) for _ in range(number)]
    for place, person in enumerate(people):
        at = BEGAN + (place + 1) * 4 * MINUTE
        report([person], at - timedelta(hours=2))
        report([person], at, OUTAGE)
        report([person], at + 5 * MINUTE, OUTAGE)
        report([person], ENDED + (place + 1) * 4 * MINUTE)
    return people


def times(incident: Incident) -> list[datetime | None]:
    return [incident.began_at, incident.opened_at, incident.closed_at, incident.recovered_at]


def test_the_outage_is_made_of_what_was_recorded() -> None:
    organization = make_organization(slug="acme")
    people = make_outage(organization, 8)
    (incident,) = outage_record(organizations=[organization], now=NOW)
    assert (incident.state, incident.provider) == ("over", "salesforce")
    assert (incident.people_hit, incident.people_running, incident.people_waiting) == (8, 8, 0)
    assert incident.rule == "salesforce-maintenance"
    assert incident.signature.startswith("salesforce")
    assert times(incident) == sorted(times(incident))
    assert incident.began_at == BEGAN + 4 * MINUTE
    first = Hit.objects.get(person=people[0])
    assert first.last_failed_at - first.first_failed_at == 5 * MINUTE
    assert first.first_failed_at - first.gap_since == timedelta(hours=2)
    assert first.recovered_at == ENDED + 4 * MINUTE
    assert not Hit.objects.waiting().exists()


def test_the_timeline_is_in_order_and_its_numbers_fit() -> None:
    organization = make_organization(slug="acme")
    admin = make_user(email=LOGINS[0].email, first_name="Casey", last_name="Admin")
    Member.objects.create(user=admin, organization=organization, role="owner")
    make_outage(organization, 8)
    (incident,) = outage_record(organizations=[organization], now=NOW)
    events = list(incident.events.order_by("id"))
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert [event.kind for event in events if event.people is not None] == [
        EventKind.OPENED,
        EventKind.GREW,
        EventKind.GREW,
        EventKind.CLOSED,
    ]
    assert [event.people for event in events if event.people is not None] == [3, 4, 8, 5]
    assert {event.author_name for event in events} == {"", "Casey Admin"}
    assert Incident.objects.get().owner_name == "Casey Admin"
    assert events[-1].kind == EventKind.RECOVERED


def test_organizations_hit_together_are_part_of_one_and_few_people_are_none() -> None:
    acme, globex, initech = (make_organization() for _ in range(3))
    make_outage(acme, 8)
    make_outage(globex, 4)
    make_outage(initech, 2)
    parts = outage_record(organizations=[acme, globex, initech], now=NOW)
    whole = Incident.objects.get(organization=None)
    assert [part.organization for part in parts] == [acme, globex]
    assert set(whole.parts.all()) == set(parts)
    assert (whole.state, whole.people_hit) == ("over", 12)


def test_the_tick_leaves_it_alone() -> None:
    organization, other = make_organization(), make_organization()
    make_outage(organization, 8)
    make_outage(other, 4)
    outage_record(organizations=[organization, other], now=NOW)
    before = list(Incident.objects.order_by("pk").values())
    health = list(Health.objects.order_by("pk").values("pk", "interval", "in_incident"))
    report_ = tick(NOW)
    assert report_.failed_steps == []
    assert (report_.closed, report_.folded, report_.recovering) == (0, 0, 0)
    assert list(Incident.objects.filter(kind="failures").order_by("pk").values()) == before
    assert list(Health.objects.order_by("pk").values("pk", "interval", "in_incident")) == health
