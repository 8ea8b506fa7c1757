from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization, StaffTimeZone
from monitoring.alerts.items import item_alone, items_of, reader_of, readers_of
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.letters import alert_mail
from monitoring.alerts.models import Alert, Channel, Recipient
from monitoring.alerts.plan_facts import Message, Phase
from monitoring.alerts.tickets import read_acknowledge, read_unsubscribe
from monitoring.health.models import Health
from tests.factories import NOW, make_member, make_organization, make_user
from tests.monitoring.alerts.item_makers import a_reader
from tests.monitoring.alerts.makers import make_silence
from tests.monitoring.alerts.routing_makers import make_recipient, make_route
from tests.monitoring.console.alert_makers import make_alert, make_over, make_told
from tests.monitoring.console.incident_makers import make_hit_people, make_incident
from tests.monitoring.console.makers import make_unwell

pytestmark = pytest.mark.django_db
CAUSE = "google-access-revoked"
HOUR = timedelta(hours=1)
SITE = "http://127.0.0.1:8000"


@pytest.fixture
def acme() -> Organization:
    return make_organization(slug="acme")


def make_stalled(organization: Organization, *names: str, **overrides: Any) -> list[Any]:
    """People without a good run, the first for longest."""
    return [
        make_unwell(organization, "stalled", CAUSE, hours=50 - place, name=name, **overrides)
        for place, name in enumerate(names)
    ]


def item_for(alert: Alert, recipient: Recipient, phase: Phase = Phase.OPENED, **more: Any) -> Any:
    message = Message(alert.pk, recipient.pk, phase, **{"people": alert.people} | more)
    found = items_of([message], NOW, recipients={recipient.pk: recipient})
    assert found.keys() == {message.key}
    return found[message.key]


def test_an_item_says_who_why_and_since_when(acme: Organization) -> None:
    make_stalled(acme, *"ABCDEFG")
    alert, recipient = make_alert(acme, people=7), make_recipient(acme)
    item = item_for(alert, recipient)
    assert item.names == tuple("ABCDE")
    assert item.missing_since == NOW - 50 * HOUR
    assert item.title == "Google access was revoked"
    assert item.meaning
    assert item.next_step
    assert (item.people, item.organization_name, item.began_at) == (7, "Acme", alert.began_at)
    assert (item.kind, item.phase, item.severity) == ("reauthorize", "opened", Severity.WARNING)


def test_its_links_lead_to_its_people_its_page_and_its_button(acme: Organization) -> None:
    alert, recipient = make_alert(acme), make_recipient(acme)
    item = item_for(alert, recipient)
    assert item.people_link == f"{SITE}/o/acme/people/?alert={alert.pk}"
    assert item.alert_link == f"{SITE}/o/acme/alerts/{alert.pk}/"
    token = item.acknowledge_link.removeprefix(f"{SITE}/alert/").rstrip("/")
    assert read_acknowledge(token) == (alert.pk, recipient.pk)


def test_whom_it_is_not_about_is_not_named(acme: Organization) -> None:
    (hit,) = make_hit_people(make_incident(acme), 1)
    Health.objects.filter(person=hit).update(severity=0, status="stalled", cause=CAUSE)
    _, muted = make_stalled(acme, "Ada", "Muted")
    make_silence(acme, [muted])
    make_stalled(make_organization(), "Of others")
    make_unwell(acme, "degraded", CAUSE, name="Delayed")
    make_unwell(acme, "stalled", "silent", name="Of another cause")
    assert item_for(make_alert(acme), make_recipient(acme)).names == ("Ada",)


def test_who_is_told_of_teams_reads_names_of_those(acme: Organization) -> None:
    make_stalled(acme, "Ada", team="Sales")
    make_stalled(acme, "Ben", team="Research")
    make_stalled(acme, "Eve")
    make_stalled(acme, "Ada's neighbour", team="Sales")
    teams = {"Sales": 2, "Research": 1, "": 1}
    alert, recipient = make_alert(acme, people=4, teams=teams), make_recipient(acme)
    item = item_for(alert, recipient, teams=frozenset({"Sales"}), people=2)
    assert (set(item.names), item.people) == ({"Ada", "Ada's neighbour"}, 2)
    assert item.people_link.endswith(f"?alert={alert.pk}&teams=Sales")
    item = item_for(alert, recipient, teams=frozenset({"Sales", ""}), people=3)
    assert set(item.names) == {"Ada", "Ada's neighbour", "Eve"}
    assert item.people_link.endswith(f"?alert={alert.pk}&teams=%2CSales")


def test_where_all_are_counted_all_are_named(acme: Organization) -> None:
    make_stalled(acme, "Ada", team="Sales")
    make_stalled(acme, "Ben", team="Research")
    alert, recipient = make_alert(acme, people=2), make_recipient(acme)
    item = item_for(alert, recipient)
    assert (set(item.names), item.people) == ({"Ada", "Ben"}, 2)
    assert item.people_link.endswith(f"?alert={alert.pk}")


def test_of_more_teams_than_an_address_holds_it_leads_to_the_alert(acme: Organization) -> None:
    teams = frozenset(f"{number}{'ü' * 98}" for number in range(20))
    alert, recipient = make_alert(acme, teams=dict.fromkeys(teams, 1)), make_recipient(acme)
    item = item_for(alert, recipient, teams=teams)
    assert item.people_link == ""
    assert item.alert_link in alert_mail([item], a_reader()).text


def test_of_one_person_the_link_leads_to_them(acme: Organization) -> None:
    (ada,) = make_stalled(acme, "Ada")
    item = item_for(make_alert(acme, people=1), make_recipient(acme), people=1)
    assert item.people_link == f"{SITE}/o/acme/people/{ada.pk}/"
    assert item.is_one


def test_an_incident_names_who_waits_and_leads_to_its_page(acme: Organization) -> None:
    incident = make_incident(acme)
    people = make_hit_people(incident, 3, step=HOUR)
    facts = {"provider": "salesforce", "rule": incident.rule, "organizations": 0, "running": 9}
    alert = make_alert(
        acme, kind="incident", cause=str(incident.pk), incident=incident, people=3, facts=facts
    )
    item = item_for(alert, make_recipient(acme))
    assert item.names == tuple(person.name for person in people)
    assert item.missing_since == incident.began_at - 2 * HOUR
    assert item.people_link == f"{SITE}/o/acme/incidents/{incident.pk}/"
    assert item.title == "Salesforce is being maintained"


def test_an_incident_across_names_organizations_and_nobody(acme: Organization) -> None:
    whole = make_incident(None)
    for organization, people in ((acme, 2), (make_organization(slug="globex"), 3)):
        make_hit_people(make_incident(organization, part_of=whole), people)
    facts = {"provider": "salesforce", "rule": whole.rule, "organizations": 2, "running": 9}
    alert = make_alert(
        None, kind="incident", cause=str(whole.pk), incident=whole, people=5, facts=facts
    )
    staff = make_recipient(None, user=make_user(is_staff=True))
    item = item_for(alert, staff)
    assert item.names == ("Globex", "Acme")
    assert item.missing_since is None
    assert item.people_link == f"{SITE}/incidents/"
    assert item.alert_link == f"{SITE}/alerts/{alert.pk}/"
    assert (item.organization_name, item.organization_slug) == ("", "")


def test_the_end_counts_the_most_that_recipient_was_told_of(acme: Organization) -> None:
    alert, recipient = make_over(acme, most_people=40), make_recipient(acme)
    for phase, people in ((Phase.OPENED, 5), (Phase.GROWN, 30)):
        alert.people = people
        make_told(alert, recipient, phase=phase)
    alert.people = 40
    make_told(alert, make_recipient(acme))
    item = item_for(alert, recipient, Phase.OVER, people=0)
    assert item.people == 30
    assert (item.names, item.acknowledge_link, item.ended_at) == ((), "", alert.ended_at)


def test_what_somebody_has_in_hand_is_not_asked_for_again(acme: Organization) -> None:
    alert = make_alert(acme, acknowledged_at=NOW, acknowledged_by_name="Bea")
    item = item_for(alert, make_recipient(acme), Phase.GROWN, number=1)
    assert (item.acknowledged_by, item.acknowledge_link, item.number) == ("Bea", "", 1)


def test_an_event_is_not_acknowledged(acme: Organization) -> None:
    facts = {"change": 9, "rule": "x", "share": 0.5, "people": 4}
    alert = make_alert(acme, kind="rule_change", cause="9", facts=facts)
    item = item_for(alert, make_recipient(acme))
    assert item.acknowledge_link == ""
    assert item.people_link == f"{SITE}/o/acme/rules/changes/9/"


def test_who_may_only_look_is_given_no_link_to_acknowledge(acme: Organization) -> None:
    alert = make_alert(acme)
    viewer, admin = (make_member(acme, role=role).user for role in ("viewer", "admin"))
    off = make_member(acme, user=make_user(is_active=False)).user
    left, staff = make_user(), make_user(is_staff=True)
    for user in (viewer, off, left, staff):
        assert item_for(alert, make_recipient(acme, user=user)).acknowledge_link == ""
    assert item_for(alert, make_recipient(None, user=left)).acknowledge_link == ""
    for recipient in (
        make_recipient(acme, user=admin),
        make_recipient(None, user=staff),
        make_recipient(acme),
        make_recipient(acme, channel="chat"),
    ):
        assert item_for(alert, recipient).acknowledge_link


def test_a_route_for_later_escalates(acme: Organization) -> None:
    alert, recipient = make_alert(acme), make_recipient(acme)
    later, once = (make_route(acme, [recipient], after=after) for after in (3_600, 0))
    assert item_for(alert, recipient, route=later.pk).is_escalated
    assert not item_for(alert, recipient, route=once.pk).is_escalated
    assert not item_for(alert, recipient, Phase.REMINDER, route=later.pk).is_escalated


@pytest.mark.parametrize(
    ("kind", "link"),
    [
        (AlertKind.UNRECOGNISED, f"{SITE}/o/acme/errors/"),
        (AlertKind.COVERAGE, f"{SITE}/o/acme/people/?status=degraded"),
        (AlertKind.SERVICE, ""),
        (AlertKind.RULE_CHANGE, ""),
    ],
)
def test_other_kinds_lead_to_what_they_are_about(
    acme: Organization, kind: AlertKind, link: str
) -> None:
    alert = make_alert(acme, kind=kind, cause="x", people=0)
    item = item_for(alert, make_recipient(acme))
    assert (item.people_link, item.names) == (link, ())
    assert item.title


def test_where_most_were_switched_off_it_leads_to_those(acme: Organization) -> None:
    facts = {"delayed": 1, "off": 9, "share": 0.5, "before": 0.9}
    alert = make_alert(acme, kind="coverage", cause="coverage", facts=facts)
    link = item_for(alert, make_recipient(acme)).people_link
    assert link == f"{SITE}/o/acme/people/?status=disabled"


def test_an_alert_alone_names_nobody(acme: Organization) -> None:
    make_stalled(acme, "Ada")
    item = item_alone(make_alert(acme, people=3, silenced=1))
    assert (item.names, item.people, item.acknowledge_link) == ((), 2, "")
    over = item_alone(make_over(acme, most_people=4))
    assert (over.people, over.phase) == (4, "over")


def statements_for(number: int) -> int:
    """Return how many statements the items of so many organizations and their readers take."""
    recipients, messages = {}, []
    for _ in range(number):
        organization = make_organization()
        make_stalled(organization, "Ada")
        incident = make_incident(organization)
        make_hit_people(incident, 2)
        one = make_alert(organization)
        two = make_alert(organization, kind="incident", cause="i", incident=incident)
        over = make_over(organization)
        recipient = make_recipient(organization, user=make_member(organization).user)
        route = make_route(organization, [recipient])
        recipients[recipient.pk] = recipient
        messages += [
            Message(one.pk, recipient.pk, Phase.OPENED, 1, route=route.pk),
            Message(two.pk, recipient.pk, Phase.OPENED, 2, route=route.pk),
            Message(over.pk, recipient.pk, Phase.OVER, 0, route=route.pk),
        ]
    rows = Recipient.objects.select_related("user", "organization").in_bulk(list(recipients))
    with CaptureQueriesContext(
        connection,
    ) as captured:
        items = items_of(messages, NOW, recipients=rows)
        readers = readers_of(list(rows.values()))
    assert len(items) == 3 * number
    assert len(readers) == number
    return len(captured)


def test_many_take_as_many_statements_as_one() -> None:
    statements_for(1)
    assert statements_for(9) == statements_for(1) <= 9


def test_a_member_is_read_in_their_own_zone(acme: Organization) -> None:
    user = make_user(email="casey@acme.example", first_name="Casey", last_name="Admin")
    make_member(acme, user=user, time_zone="Europe/Berlin")
    recipient = make_recipient(acme, user=user, name="", address="old@acme.example")
    reader = reader_of(recipient)
    assert (reader.name, reader.address) == ("Casey Admin", "casey@acme.example")
    assert str(reader.zone) == "Europe/Berlin"
    assert reader.settings_link == f"{SITE}/o/acme/alerts/me/"
    assert reader.alerts_link == f"{SITE}/o/acme/alerts/"
    assert (reader.organization_name, reader.is_support) == ("Acme", False)
    token = reader.unsubscribe_link.removeprefix(f"{SITE}/unsubscribe/").rstrip("/")
    assert read_unsubscribe(token) == reader.recipient_id == recipient.pk


def test_support_staff_are_read_in_the_zone_they_chose() -> None:
    user = make_user(is_staff=True)
    StaffTimeZone.objects.create(user=user, time_zone="Asia/Tokyo")
    reader = reader_of(make_recipient(None, user=user))
    assert str(reader.zone) == "Asia/Tokyo"
    assert (reader.is_support, reader.organization_name) == (True, "")
    assert reader.settings_link == f"{SITE}/alerts/me/"
    assert reader.alerts_link == f"{SITE}/alerts/"


def test_a_mere_address_has_its_own_zone_and_no_settings(acme: Organization) -> None:
    reader = reader_of(make_recipient(acme, time_zone="America/Lima", address="team@acme.example"))
    assert (reader.address, str(reader.zone)) == ("team@acme.example", "America/Lima")
    assert reader.settings_link == ""
    assert reader.unsubscribe_link


@pytest.mark.parametrize("channel", [Channel.CHAT, Channel.WEBHOOK])
def test_only_mail_is_unsubscribed_from(acme: Organization, channel: Channel) -> None:
    assert reader_of(make_recipient(acme, channel=channel)).unsubscribe_link == ""


def test_nothing_to_say_asks_nothing() -> None:
    assert items_of([], NOW, recipients={}) == {}
    assert readers_of([]) == {}
