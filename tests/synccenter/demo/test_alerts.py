from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import Member, Role
from monitoring.alerts.delivery import KEPT_HERE
from monitoring.alerts.kinds import AlertKind
from monitoring.alerts.models import Alert, Message, Recipient
from monitoring.incidents.models import Incident
from monitoring.outcomes.partitions import partitions_ensure
from synccenter.demo.alerts import look, looks, outage_told, quiet_hours_set
from synccenter.demo.cast import HOUSES, LOGINS
from synccenter.demo.outage import outage_record
from tests.factories import NOW, make_connected_person, make_member, make_organization, make_user
from tests.monitoring.console.makers import set_health
from tests.synccenter.demo.test_outage import make_outage

HOUR = timedelta(hours=1)


def test_the_past_is_looked_at_in_order_and_a_few_dozen_times() -> None:
    found = looks(NOW)
    assert found == sorted(found)
    assert len(found) < 40
    assert NOW - timedelta(days=7) <= found[0] < found[-1] < NOW


@pytest.mark.django_db
def test_the_outage_is_told_when_it_had_lasted_and_once_it_was_over() -> None:
    partitions_ensure(NOW, since=NOW - timedelta(days=20))
    acme, globex = make_organization(slug="acme"), make_organization(slug="globex")
    for organization in (acme, globex):
        make_outage(organization, 8)
        make_member(organization)
    make_user(is_staff=True)
    incidents = outage_record(organizations=[acme, globex], now=NOW)
    before = list(Incident.objects.order_by("pk").values())
    outage_told(incidents)
    assert list(Incident.objects.order_by("pk").values()) == before
    assert Alert.objects.filter(kind=AlertKind.INCIDENT).exclude(ended_at=None).count() == 3
    messages = list(Message.objects.order_by("pk"))
    assert {message.answer for message in messages} == {KEPT_HERE}
    assert len({message.recipient for message in messages}) == 3
    assert len(messages) == 6
    assert all(message.created_at < message.sent_at < NOW for message in messages)


@pytest.mark.django_db
def test_the_admin_acknowledges_the_first_that_is_told_and_no_other() -> None:
    acme = make_organization(slug="acme")
    make_member(acme, user=make_user(email=LOGINS[0].email, first_name="Casey"))
    for cause in ("salesforce-user-inactive", "silent"):
        person = make_connected_person(acme)
        since = NOW - HOUR if cause == "silent" else NOW - 2 * HOUR
        health = {"status": "stalled", "cause": cause, "status_since": since, "check_at": None}
        set_health(person, **health)
    look(NOW)
    look(NOW + HOUR)
    names = Alert.objects.order_by("began_at").values_list("acknowledged_by_name", flat=True)
    assert list(names) == ["Casey", ""]
    assert Message.objects.get().subject.startswith("2 alerts")


@pytest.mark.django_db
def test_the_consultant_wants_to_hear_of_nothing_at_night() -> None:
    globex = make_organization(slug=HOUSES[1].slug)
    user = make_user(email=LOGINS[2].email)
    Member.objects.create(user=user, organization=globex, role=Role.ADMIN)
    quiet_hours_set(NOW)
    recipient = Recipient.objects.get()
    assert (recipient.user, recipient.quiet_from.hour, recipient.quiet_until.hour) == (user, 22, 6)
    assert recipient.urgent_always
