"""Alerts as they arrive: read back from a real mail server, and their links followed."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Organization
from monitoring.alerts import models
from monitoring.alerts.items import items_of, reader_of
from monitoring.alerts.letters import alert_mail, trial_mail
from monitoring.alerts.models import Alert, Recipient
from monitoring.alerts.outbox import message_queue
from monitoring.alerts.plan_facts import Message, Phase
from monitoring.alerts.sending import messages_work
from tests.factories import make_member, make_organization, make_user, serial
from tests.monitoring.alerts.post import Post
from tests.monitoring.alerts.routing_makers import make_recipient
from tests.monitoring.alerts.test_mails import HOSTILE
from tests.monitoring.console.alert_makers import make_alert
from tests.monitoring.console.incident_makers import make_hit_people, make_incident
from tests.monitoring.console.makers import make_unwell
from tests.monitoring.console.markup import Markup, text

pytestmark = pytest.mark.django_db
CAUSE = "google-access-revoked"
SITE = "http://127.0.0.1:8000"


@pytest.fixture
def acme() -> Organization:
    return make_organization(slug="acme")


@pytest.fixture
def casey(acme: Organization) -> Recipient:
    user = make_user(email="casey@acme.example", first_name="Casey")
    make_member(acme, user=user, time_zone="Europe/Berlin")
    return make_recipient(acme, user=user, name="", address=user.email)


def make_stalled(organization: Organization, *names: str) -> Alert:
    for name in names:
        make_unwell(organization, "stalled", CAUSE, name=name)
    return make_alert(organization, people=len(names), began_at=timezone.now())


def send(recipient: Recipient, *alerts: Alert, phase: Phase = Phase.OPENED) -> None:
    """Send one message about alerts to a recipient, an hour after the one before."""
    now = timezone.now()
    models.Message.objects.filter(state="sent").update(sent_at=now - timedelta(hours=1))
    messages = [Message(each.pk, recipient.pk, phase, each.people) for each in alerts]
    items = items_of(messages, now, recipients={recipient.pk: recipient})
    reader = reader_of(recipient)
    message_queue(
        organization=recipient.organization,
        kind="alert",
        key=f"alert/{next(serial)}",
        recipient=reader.address,
        recipient_name=reader.name,
        mail=alert_mail(list(items.values()), reader),
        now=now,
    )
    messages_work()


def arrived(post: Post) -> EmailMessage:
    (mail,) = post.mails
    return mail


def bodies(mail: EmailMessage) -> tuple[str, Markup]:
    plain, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    return plain.get_content().replace("\r\n", "\n"), Markup(html.get_content())


def link_in(mail: EmailMessage, beginning: str) -> str:
    """Return the path of the one link that begins so, which stands in both bodies."""
    plain, html = bodies(mail)
    (link,) = [link for link in html.links if link.startswith(f"{SITE}{beginning}")]
    assert link in plain
    return link.removeprefix(SITE)


def test_an_alert_arrives_as_text_and_html(
    post: Post, acme: Organization, casey: Recipient
) -> None:
    send(casey, make_stalled(acme, "Ada Lovelace", "Ben Moss"))
    mail = arrived(post)
    assert mail["Subject"] == "2 people must give access again: Google access was revoked (Acme)"
    assert mail["To"] == "Casey <casey@acme.example>"
    plain, html = bodies(mail)
    for said in (plain, html.text):
        assert "Ada Lovelace, Ben Moss" in said
        assert "(Europe/Berlin)" in said
        assert "Nobody is disabled by errors" in said


def test_the_link_to_the_people_shows_exactly_those_after_a_sign_in(
    post: Post, acme: Organization, casey: Recipient
) -> None:
    alert = make_stalled(acme, "Ada Lovelace", "Ben Moss")
    make_unwell(acme, "stalled", "silent", name="Of another cause")
    make_unwell(acme, "degraded", CAUSE, name="Delayed only")
    send(casey, alert)
    where, client = link_in(arrived(post), "/o/acme/people/"), Client()
    turned_away = client.get(where)
    assert urlsplit(turned_away.headers["Location"]).path == "/accounts/login/"
    client.force_login(casey.user)
    rows = client.get(where).context["rows"]
    assert {row.name for row in rows} == {"Ada Lovelace", "Ben Moss"}


def test_the_link_of_an_incident_opens_it(post: Post, acme: Organization, casey: Recipient) -> None:
    incident = make_incident(acme, began_at=timezone.now() - timedelta(minutes=9))
    make_hit_people(incident, 3)
    facts = {"provider": "salesforce", "rule": incident.rule, "organizations": 0, "running": 3}
    alert = make_alert(
        acme, kind="incident", cause=str(incident.pk), incident=incident, people=3, facts=facts
    )
    send(casey, alert)
    client = Client()
    client.force_login(casey.user)
    page = client.get(link_in(arrived(post), f"/o/acme/incidents/{incident.pk}/"))
    assert page.context["incident"] == incident


def test_the_button_acknowledges_without_a_sign_in(
    post: Post, acme: Organization, casey: Recipient
) -> None:
    alert = make_stalled(acme, "Ada Lovelace")
    send(casey, alert)
    where, client = link_in(arrived(post), "/alert/"), Client()
    assert "Nobody has acknowledged it yet." in text(client.get(where))
    assert "Casey acknowledged it" in text(client.post(where, follow=True))
    assert Alert.objects.get().acknowledged_by_name == "Casey"


def test_one_click_of_the_mail_program_unsubscribes(
    post: Post, acme: Organization, casey: Recipient
) -> None:
    send(casey, make_stalled(acme, "Ada Lovelace"))
    mail = arrived(post)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    header = mail["List-Unsubscribe"].strip()
    assert header == f"<{SITE}{link_in(mail, '/unsubscribe/')}>"
    client = Client(enforce_csrf_checks=True)
    where = header.strip("<>").removeprefix(SITE)
    assert client.post(where, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert Recipient.objects.get().unsubscribed_at is not None


def test_every_link_of_a_mail_leads_somewhere(
    post: Post, acme: Organization, casey: Recipient
) -> None:
    send(casey, make_stalled(acme, "Ada"), make_alert(acme, kind="coverage", cause="coverage"))
    client = Client()
    client.force_login(casey.user)
    links = bodies(arrived(post))[1].links
    assert len(links) == 6
    for link in links:
        assert client.get(link.removeprefix(SITE)).status_code == 200


def test_no_machine_answers(post: Post, acme: Organization, casey: Recipient) -> None:
    send(casey, make_stalled(acme, "Ada Lovelace"))
    mail = arrived(post)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "OOF, AutoReply"
    assert mail["Feedback-ID"] == "opened:reauthorize:alert:synccenter"


def test_a_test_arrives(post: Post, casey: Recipient) -> None:
    message_queue(
        organization=casey.organization,
        kind="alert_test",
        key=f"alert_test/{casey.pk}/1",
        recipient=casey.address,
        mail=trial_mail(reader_of(casey)),
        now=timezone.now(),
    )
    messages_work()
    assert arrived(post)["Subject"] == "Test: alerts of Acme arrive here"


def headers_of(mail: EmailMessage) -> list[str]:
    return sorted(mail.keys())


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_and_errors_come_out_as_text(
    post: Post, acme: Organization, casey: Recipient, name: str
) -> None:
    send(casey, make_stalled(acme, "Ada"))
    storable = name.replace("\x00", "").encode("utf-8", "ignore").decode()
    Organization.objects.update(name=storable)
    fields: dict[str, Any] = {"name": storable[:200]}
    Recipient.objects.update(**fields)
    reworded = make_alert(
        acme, kind="rule_change", cause="9",
        facts={"change": 9, "rule": storable, "author": storable, "what": storable},
    )  # fmt: skip
    make_unwell(acme, "stalled", CAUSE, name=storable)
    again = Recipient.objects.select_related("organization", "user").get()
    for alert in (Alert.objects.get(kind="reauthorize"), reworded):
        alert.refresh_from_db()
        send(again, alert)
    harmless, first, second = post.mails
    assert headers_of(first) == headers_of(harmless)
    assert set(headers_of(second)) <= set(headers_of(harmless))
    assert post.recipients == ["casey@acme.example"] * 3
    for mail in (first, second):
        plain, html = bodies(mail)
        assert all(link.startswith(f"{SITE}/") for link in html.links)
        assert "Bcc" not in mail
        assert len(plain.splitlines()) < 40
