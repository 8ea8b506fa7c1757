from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from django.contrib.auth import get_user_model
from django.db.models import Count

from accounts.access import access_for
from accounts.models import Member, Role
from monitoring.alerts.delivery import KEPT_HERE
from monitoring.alerts.kinds import AlertKind
from monitoring.alerts.models import Alert, Message, Recipient
from monitoring.alerts.outbox import mail_in
from monitoring.health.models import StatusSample
from monitoring.incidents.models import Incident
from monitoring.outcomes.partitions import partitions_ensure
from monitoring.replay.rehearsal_result import from_json
from monitoring.replay.rehearsal_words import mail_of
from monitoring.replay.rehearsals import rehearsal_ask
from monitoring.replay.working import back_tests_work
from synccenter.demo.alerts import look, outage_told, quiet_hours_set
from synccenter.demo.cast import HOUSES, LOGINS
from synccenter.demo.digest import digest_due
from synccenter.demo.outage import outage_record
from synccenter.demo.seed import demo_seed
from synccenter.demo.world import build_world
from tests.factories import NOW, make_connected_person, make_member, make_organization, make_user
from tests.monitoring.console.makers import set_health
from tests.monitoring.replay.rehearsal_makers import said
from tests.synccenter.demo.test_outage import make_outage

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.django_db
def test_a_rehearsal_of_the_demo_finds_the_mails_of_its_outbox() -> None:
    random = Random(1)
    demo_seed(world=build_world(NOW, random), now=NOW, random=random, say=str)
    rehearsal_is_outbox(HOUSES[0].slug, LOGINS[0].email)
    rehearsal_is_outbox(HOUSES[1].slug, LOGINS[2].email)
    digest_is_whole()


def rehearsal_is_outbox(slug: str, login: str) -> None:
    """To the moment and the word, but for digests and for links that only a sent mail can have."""
    access, since = access_for(get_user_model().objects.get(email=login), slug), NOW - 6 * DAY
    run = rehearsal_ask(access=access, starts_at=since, days=6, change=None, routes=None, now=NOW)
    back_tests_work()
    run.refresh_from_db()
    house, played = access.organization, from_json(run.result).messages
    sent = Message.objects.filter(organization=house, created_at__gte=since)
    sent = list(sent.exclude(kind="digest").order_by("created_at", "pk"))
    assert len(sent) > 3
    assert [(each.recipient, each.created_at, each.subject) for each in sent] == [
        (each.address, each.at, each.subject) for each in played
    ]
    for one, two in zip(sent, played, strict=True):
        assert said(mail_of(two, house), house) == said(mail_in(one), house)


def digest_is_whole() -> None:
    """The outbox has the admin's digest of the last morning, and the next is to come."""
    digest = Message.objects.get(kind="digest")
    assert (digest.recipient, digest.answer) == (LOGINS[0].email, KEPT_HERE)
    assert timedelta() <= digest.created_at - digest_due(NOW) <= timedelta(minutes=2)
    mail = mail_in(digest)
    assert "% of people-hours covered" in mail.text
    assert "2 people need you" in mail.subject
    assert "Google access was revoked" in mail.text
    (picture,) = mail.pictures
    assert picture.png.startswith(b"\x89PNG")
    recipient = Recipient.objects.get(user__email=LOGINS[0].email)
    assert recipient.digest_at == digest_due(NOW) + timedelta(days=1)
    lately = StatusSample.objects.filter(at__gt=NOW - timedelta(days=1))
    assert lately.aggregate(times=Count("at", distinct=True)) == {"times": 48}


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
