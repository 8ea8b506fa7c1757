from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Organization, Person
from monitoring.alerts.incident_alerts import incidents_found
from monitoring.alerts.models import Alert, Message
from monitoring.alerts.watch import Watched
from monitoring.incidents.models import Incident
from monitoring.incidents.watch import incidents_find, incidents_follow
from tests.factories import NOW, make_organization, make_user
from tests.monitoring.alerts.engine_makers import (
    at,
    make_stalled,
    mutes,
    phases,
    sent,
    stall,
    watch,
)
from tests.monitoring.alerts.makers import make_silence
from tests.monitoring.alerts.routing_makers import make_recipient, make_route
from tests.monitoring.incidents.makers import (
    MAINTENANCE,
    make_running_people,
    only_incident,
    report,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_sources")]


def make_incident(organization: Organization | None, **overrides: Any) -> Incident:
    fields = {
        "provider": "salesforce",
        "signature": "salesforce - x",
        "began_at": NOW,
        "opened_at": NOW,
        "people_hit": 20,
        "people_running": 40,
        "share": 0.5,
    }
    return Incident.objects.create(organization=organization, **fields | overrides)


def test_an_open_incident_is_found_with_its_numbers(acme: Organization) -> None:
    incident = make_incident(acme, rule="salesforce-maintenance")
    (finding,) = incidents_found(NOW)
    assert (finding.organization_id, finding.cause) == (acme.pk, str(incident.pk))
    assert (finding.people, finding.weight, finding.incident_id) == (20, 0.5, incident.pk)
    assert finding.began_at == NOW
    assert finding.facts == {
        "provider": "salesforce",
        "rule": "salesforce-maintenance",
        "organizations": 0,
        "running": 40,
    }


def test_others_than_failures_and_those_long_closed_are_not_found(acme: Organization) -> None:
    make_incident(acme, kind="intake", provider="service")
    make_incident(acme, closed_at=NOW)
    assert incidents_found(NOW) == []


def test_its_end_is_found_with_its_time_while_the_alert_is_open(acme: Organization) -> None:
    make_incident(acme)
    watch(1)
    Incident.objects.update(closed_at=at(40), people_hit=25)
    (finding,) = incidents_found(at(41))
    assert finding.ended_at == at(40)
    watch(41)
    alert = Alert.objects.get()
    assert (alert.ended_at, alert.people, alert.most_people) == (at(40), 25, 25)
    assert incidents_found(at(42)) == []


def test_an_outage_is_told_once_and_again_when_it_is_over(acme: Organization) -> None:
    people = make_running_people(acme, 30)
    report(people, NOW, MAINTENANCE)
    incidents_find(now=at(1))
    for minute in (1, 15, 16):
        watch(minute)
    sent(17)
    assert phases() == [("opened", 30)]
    report(people, at(20))
    incidents_follow(now=at(21))
    assert only_incident().closed_at == at(21)
    for minute in (21, 50, 51):
        watch(minute)
    assert phases() == [("opened", 30), ("over", 30)]


def test_people_who_stall_in_an_outage_are_told_of_with_it_alone(acme: Organization) -> None:
    people = make_running_people(acme, 30)
    report(people, NOW, MAINTENANCE)
    incidents_find(now=at(1))
    stall(people[:9], minutes=2)
    make_stalled(acme, 1, cause="silent")
    watch(3)
    kinds = set(Alert.objects.values_list("kind", "cause", "people"))
    assert kinds == {("incident", str(only_incident().pk), 30), ("stalled", "silent", 1)}


def test_it_grows_by_the_share_of_those_who_fail(acme: Organization) -> None:
    incident = make_incident(acme, share=0.3)
    for minute in (1, 15):
        watch(minute)
    Incident.objects.filter(pk=incident.pk).update(people_hit=200)
    assert watch(120) == Watched(), "more people of the same share are no news"
    Incident.objects.filter(pk=incident.pk).update(share=0.95)
    assert watch(121) == Watched(queued=1)
    assert phases() == [("opened", 20), ("grown", 200)]


def test_what_comes_back_before_its_end_was_told_goes_on(acme: Organization) -> None:
    incident = make_incident(acme)
    for minute in (1, 15):
        watch(minute)
    sent(16)
    Incident.objects.filter(pk=incident.pk).update(closed_at=at(60))
    watch(61)
    again = {"closed_at": None, "came_back_at": at(80), "flaps": 1}
    Incident.objects.filter(pk=incident.pk).update(**again)
    watch(81)
    watch(100)
    assert phases() == [("opened", 20)]
    assert Alert.objects.get().ended_at is None
    Incident.objects.filter(pk=incident.pk).update(closed_at=at(120))
    for minute in (121, 150):
        watch(minute)
    assert phases() == [("opened", 20), ("over", 20)]


def test_outages_of_one_provider_that_come_and_go_are_kept_back(acme: Organization) -> None:
    for start in range(0, 560, 70):
        incident = make_incident(acme, began_at=at(start), opened_at=at(start))
        for minute in (start + 1, start + 16):
            watch(minute)
        sent(start + 17)
        Incident.objects.filter(pk=incident.pk).update(closed_at=at(start + 20))
        for minute in (start + 21, start + 51):
            watch(minute)
        sent(start + 53)
    assert phases() == [("opened", 20), ("over", 20)] * 3
    assert mutes() == [("flapping", 20)] * 5
    assert [each.flaps for each in Alert.objects.order_by("pk")] == list(range(8))
    make_incident(acme, began_at=at(560), opened_at=at(560), provider="google")
    make_incident(make_organization(), began_at=at(560), opened_at=at(560))
    watch(561)
    assert [each.flaps for each in Alert.objects.open()] == [0, 0]


def test_support_hears_of_the_whole_and_admins_of_their_part(acme: Organization) -> None:
    make_user(is_staff=True, email="sam@service.example")
    whole = make_incident(None, people_hit=50)
    make_incident(acme, part_of=whole)
    globex = make_organization()
    make_incident(globex, part_of=whole, people_hit=30)
    watch(1)
    assert Alert.objects.get(organization=None).facts["organizations"] == 2
    assert watch(15) == Watched(queued=2)
    told = {message.recipient: message.organization for message in Message.objects.all()}
    assert told == {"ada@acme.example": acme, "sam@service.example": None}
    assert sorted(phases()) == [("opened", 20), ("opened", 50)]


def test_the_silenced_are_left_out(acme: Organization) -> None:
    people = make_running_people(acme, 30)
    report(people, NOW, MAINTENANCE)
    incidents_find(now=at(1))
    make_silence(acme, people[:12], now=at(1))
    for minute in (1, 15):
        watch(minute)
    assert phases() == [("opened", 18)]


def test_whom_it_hit_is_counted_by_team_where_a_route_asks_for_it(acme: Organization) -> None:
    make_route(acme, recipients=[make_recipient(acme)], teams=["Sales"])
    people = make_running_people(acme, 30)
    Person.objects.filter(pk__in=[person.pk for person in people[:7]]).update(team="Sales")
    report(people, NOW, MAINTENANCE)
    incidents_find(now=at(1))
    for minute in (1, 15):
        watch(minute)
    assert Alert.objects.get().teams == {"Sales": 7, "": 23}
    assert phases() == [("opened", 7)]
