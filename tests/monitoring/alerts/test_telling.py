"""What is due becomes one message to each recipient, in the way of their channel."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.credentials import encrypt
from accounts.models import Organization
from monitoring.alerts import plan, telling
from monitoring.alerts.letters import ALERTS_TOLD
from monitoring.alerts.models import Channel, Message, Notification, Recipient
from monitoring.alerts.outbox import details_in, mail_in
from monitoring.alerts.watch import Watched
from monitoring.incidents.models import Incident
from tests.factories import make_member, make_organization, make_user
from tests.monitoring.alerts.destination_makers import make_chat, make_webhook
from tests.monitoring.alerts.engine_makers import (
    at,
    heal,
    make_stalled,
    only_alert,
    sent,
    watch,
)
from tests.monitoring.alerts.routing_makers import make_recipient, make_route

OTHER_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_sources")]


def test_of_very_many_recipients_some_are_told_at_each_tick_the_gravest_alerts_first(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "AT_ONCE", 2)
    monkeypatch.setattr(telling, "A_TICK", 4)
    for number in range(5):
        make_member(acme, user=make_user(email=f"{number}@acme.example"))
    globex = make_organization(name="Globex")
    make_member(globex, user=make_user(email="greta@globex.example"))
    make_stalled(acme, 2)
    Incident.objects.create(
        organization=globex, provider="salesforce", signature="x", began_at=at(0), opened_at=at(1)
    )
    watch(1)
    assert watch(15) == Watched(queued=4)
    assert Message.objects.order_by("pk")[0].recipient == "greta@globex.example"
    assert Recipient.objects.exclude(told_at=None).count() == 4
    assert watch(15.5) == Watched(queued=3)
    assert watch(16) == Watched()
    assert len(set(Message.objects.values_list("recipient", flat=True))) == 7


def test_a_tick_notes_whom_it_told_in_the_order_of_ids(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "AT_ONCE", 1)
    make_member(acme, user=make_user(email="ben@acme.example"))
    make_stalled(acme, 2)
    watch(1)
    with CaptureQueriesContext(connection) as queries:
        assert watch(15) == Watched(queued=2)
    locks = [each["sql"] for each in queries if "FOR NO KEY UPDATE" in each["sql"]]
    changes = [
        each["sql"] for each in queries if each["sql"].startswith('UPDATE "alerts_recipient"')
    ]
    assert len(locks) == len(changes) == 1
    assert locks[0].startswith('SELECT "alerts_recipient"."id"')
    assert "ORDER BY 1 ASC" in locks[0]


def test_many_causes_are_one_message_and_one_note_each(acme: Organization) -> None:
    for cause in ("a", "b", "c"):
        make_stalled(acme, 2, cause=cause)
    watch(1)
    assert watch(15) == Watched(queued=1)
    assert Notification.objects.filter(message=Message.objects.get()).count() == 3


def test_nobody_is_queued_two_messages_within_a_minute(acme: Organization) -> None:
    make_stalled(acme, 2, cause="a")
    make_stalled(acme, 2, cause="b", minutes=0.5)
    for half in range(2, 60):
        watch(half / 2)
    first, second = Message.objects.order_by("id")
    assert second.created_at - first.created_at >= timedelta(minutes=1)


def test_an_address_of_two_organizations_gets_one_at_a_time(acme: Organization) -> None:
    globex = make_organization(name="Globex")
    make_member(globex, user=acme.members.get().user)
    make_stalled(acme, 2)
    make_stalled(globex, 3)
    watch(1)
    assert watch(15) == Watched(queued=1)
    assert watch(15.5) == Watched()
    assert watch(16) == Watched(queued=1)
    assert sorted(message.organization_id or 0 for message in Message.objects.all()) == sorted(
        [acme.pk, globex.pk]
    )


def test_organizations_hear_of_their_own_people_only(acme: Organization) -> None:
    globex = make_organization(name="Globex")
    make_member(globex, user=make_user(email="greta@globex.example"))
    make_stalled(acme, 2)
    make_stalled(globex, 3)
    watch(1)
    assert watch(15) == Watched(queued=2)
    told = {message.recipient: message.subject for message in Message.objects.all()}
    assert "Acme" in told["ada@acme.example"]
    assert "Globex" in told["greta@globex.example"]


def test_a_message_that_cannot_be_written_keeps_nobody_else_waiting(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_member(acme, user=make_user(email="ben@acme.example"))
    make_stalled(acme, 2)
    watch(1)
    drafts_of = telling.drafts_of

    def broken(recipient: Recipient, *arguments: object, **options: object) -> object:
        if recipient.address == "ada@acme.example":
            raise ValueError("no words")
        return drafts_of(recipient, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(telling, "drafts_of", broken)
    assert watch(15) == Watched(queued=2)
    given_up, queued = Message.objects.order_by("recipient")
    assert (queued.recipient, queued.state) == ("ben@acme.example", "queued")
    assert (given_up.state, given_up.ended_at) == ("failed", at(15))
    assert given_up.answer == "This message could not be written (ValueError)."
    assert "/o/" in mail_in(given_up).text
    monkeypatch.setattr(telling, "drafts_of", drafts_of)
    assert watch(16) == Watched(), "it counts as told, and is shown"


@pytest.mark.parametrize("channel", ["chat", "webhook"])
def test_what_cannot_be_written_for_a_destination_is_given_up(
    acme: Organization, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = make_chat if channel == "chat" else make_webhook
    make_route(acme, [make("https://there.example/hook", acme)], audience="chosen")
    make_stalled(acme, 2)
    watch(1)

    def broken(*arguments: object, **options: object) -> object:
        raise ValueError("no words")

    monkeypatch.setattr(telling, "drafts_of", broken)
    assert watch(15) == Watched(queued=1)
    message = Message.objects.get()
    assert (message.state, message.channel, message.subject) == ("failed", channel, "1 alert")
    if channel == "webhook":
        told = json.loads(mail_in(message).text)
        alert = only_alert()
        assert told["data"]["alerts"] == [{"id": alert.pk, "phase": "opened"}]


def test_a_chat_of_which_nobody_knows_where_it_leads_is_given_up(
    acme: Organization, settings: Settings
) -> None:
    pager = make_chat("pagerduty://integration@apikey", acme)
    make_route(acme, [pager], audience="chosen")
    make_stalled(acme, 2)
    watch(1)
    known, settings.CREDENTIAL_KEYS = settings.CREDENTIAL_KEYS, [OTHER_KEY]
    assert watch(15) == Watched(queued=1)
    assert watch(17) == Watched(), "once an episode and phase"
    message = Message.objects.get()
    assert message.state == "failed"
    assert message.answer == "This message could not be written (CredentialUnreadableError)."
    settings.CREDENTIAL_KEYS = [OTHER_KEY, *known]
    assert len(details_in(message)["pages"]) == 1, "so that it can be sent once it is known"


def numbers_told() -> list[int]:
    """Return of how many alerts each message tells, and pages a service."""
    numbers = []
    for message in Message.objects.order_by("id"):
        numbers.append(message.notifications.count())
        assert len(details_in(message).get("pages", [])) in {0, numbers[-1]}
    return numbers


def test_a_paging_service_is_told_of_each_of_very_many_alerts(acme: Organization) -> None:
    pager = make_chat("pagerduty://integration@apikey", acme)
    chat = make_chat("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#x", acme)
    make_route(acme, [pager, chat], audience="chosen")
    people = [make_stalled(acme, 1, cause=f"cause {number}") for number in range(105)]
    watch(1)
    assert watch(15) == Watched(queued=7)
    assert sorted(numbers_told()) == [5, 20, 20, 20, 20, 20, 105]
    assert Message.objects.filter(target=chat).get().notifications.count() == 105
    sent(16)
    heal([person for some in people for person in some])
    watch(20)
    assert watch(51) == Watched(queued=7)
    over = Notification.objects.filter(recipient=pager, phase="over")
    assert over.values("alert").distinct().count() == 105
    assert over.values("message").distinct().count() == 6


def test_only_what_a_message_tells_is_looked_up_and_all_of_it_is_noted(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = make_recipient(acme, channel="webhook", address="https://hooks.example/in")
    make_route(acme, recipients=[make_recipient(acme, address="team@acme.example"), webhook])
    for number in range(ALERTS_TOLD + 3):
        make_stalled(acme, 1 + number, cause=f"cause {number}")
    looked_up, items_of = [], telling.items_of

    def counted(messages: Sequence[plan.Message], *arguments: Any, **options: Any) -> Any:
        looked_up.extend(messages)
        return items_of(messages, *arguments, **options)

    monkeypatch.setattr(telling, "items_of", counted)
    watch(1)
    assert watch(15) == Watched(queued=2)
    told = Notification.objects.order_by("-people").values_list("people", "message__channel")
    for channel, most in ((Channel.MAIL, ALERTS_TOLD), (Channel.WEBHOOK, ALERTS_TOLD + 3)):
        theirs = [people for people, through in told if through == channel]
        assert theirs == list(range(ALERTS_TOLD + 3, 0, -1))
        recipients = set(Recipient.objects.filter(channel=channel).values_list("pk", flat=True))
        found = [message.people for message in looked_up if message.recipient in recipients]
        assert sorted(found, reverse=True) == theirs[:most]
    mail = mail_in(Message.objects.get(channel=Channel.MAIL))
    assert "And 3 more: 3 warnings." in mail.text


def test_chats_and_webhooks_are_told_in_their_own_way(acme: Organization) -> None:
    chat = make_recipient(
        acme, channel="chat", secret=encrypt(json.dumps({"url": "ntfy://ntfy.example/sync"}))
    )
    webhook = make_recipient(acme, channel="webhook", address="https://hooks.example/in")
    make_route(acme, recipients=[chat, webhook])
    make_stalled(acme, 2)
    watch(1)
    assert watch(15) == Watched(queued=2)
    told = {message.channel: message.target for message in Message.objects.all()}
    assert told == {"chat": chat, "webhook": webhook}
