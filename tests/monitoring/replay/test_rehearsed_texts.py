"""What rehearsed messages say: what those said that were sent."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from accounts.access import Access
from accounts.models import Organization, Person, Role
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.mails import moment
from monitoring.alerts.models import Alert, Recipient
from monitoring.alerts.routing import RouteFacts
from monitoring.incidents.models import Incident
from monitoring.replay.rehearsal_words import mail_of
from tests.factories import NOW, make_member, make_organization, make_person
from tests.monitoring.alerts.makers import make_silence
from tests.monitoring.errors.makers import make_staff
from tests.monitoring.replay.rehearsal_makers import found, make_trouble

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]
HOUR = timedelta(hours=1)


def test_who_may_only_look_is_offered_nothing_to_acknowledge(
    organization: Organization, access: Access
) -> None:
    viewer = make_member(organization, role=Role.VIEWER).user
    make_trouble(organization)
    recipient = Recipient.objects.create(
        organization=organization, user=viewer, name="Vera", created_at=NOW
    )
    everybody = RouteFacts("Everybody", audience="chosen", recipients=frozenset({recipient.pk}))
    (theirs, *_) = found(access, routes=[everybody]).messages
    assert theirs.recipient == recipient.pk
    assert "Acknowledge" not in mail_of(theirs, organization).text


def test_a_message_says_who_had_it_in_hand_when_it_went_out(
    organization: Organization, access: Access
) -> None:
    make_trouble(organization)
    (told_first, *_) = found(access).messages
    acknowledged_at = told_first.at - HOUR / 6
    assert "Acknowledge:" in mail_of(told_first, organization).text
    (part,) = told_first.parts
    Alert.objects.create(
        organization=organization,
        kind=AlertKind.STALLED,
        cause=part.item.cause,
        severity=Severity.WARNING,
        people=1,
        began_at=part.item.began_at,
        changed_at=NOW,
        acknowledged_at=acknowledged_at,
        acknowledged_by_name="Ada",
    )
    (told_later,) = found(access).messages
    text = mail_of(told_later, organization).text
    assert f"In hand: Ada has acknowledged it: {moment(acknowledged_at, UTC)}." in text
    assert "Acknowledge:" not in text


def test_a_message_says_what_was_muted_when_it_went_out(
    organization: Organization, access: Access
) -> None:
    make_trouble(organization)
    others = Person.objects.filter(organization=organization).order_by("pk")[:2]
    silence = make_silence(organization, others, now=NOW - 40 * HOUR, ends_at=NOW - HOUR)
    lifted_at = found(access).messages[0].at + HOUR
    silence.members.filter(person=others[0]).update(lifted_at=lifted_at)
    said = [mail_of(each, organization).text for each in found(access).messages]
    for people, text in zip(("2 people", "1 person"), said, strict=True):
        assert f"1 silence is in force, muting alerts about {people}." in text


def make_incident(organization: Organization | None, **overrides: object) -> Incident:
    fields = {"provider": "salesforce", "signature": "salesforce - x", "people_hit": 40}
    times = {"began_at": NOW - 9 * HOUR, "opened_at": NOW - 9 * HOUR}
    return Incident.objects.create(organization=organization, **fields | times | overrides)


def test_an_incident_across_organizations_names_them(organization: Organization) -> None:
    make_silence(organization, [make_person(organization)], now=NOW - 20 * HOUR)
    whole = make_incident(None)
    make_incident(organization, part_of=whole)
    make_incident(make_organization(name="Globex"), part_of=whole, people_hit=60)
    Alert.objects.create(
        organization=None,
        kind=AlertKind.INCIDENT,
        cause=str(whole.pk),
        incident=whole,
        severity=Severity.CRITICAL,
        most_people=100,
        facts={"provider": "salesforce", "organizations": 2},
        began_at=NOW - 9 * HOUR,
        changed_at=NOW,
        ended_at=NOW - 5 * HOUR,
    )
    opened, over = found(make_staff(organization)).messages
    assert "Who: Globex, Acme\n" in mail_of(opened, organization).text
    assert "Who:" not in mail_of(over, organization).text
    assert "in force" not in mail_of(opened, organization).text, "silences are an organization's"
