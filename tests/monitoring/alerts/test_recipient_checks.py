from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from monitoring.alerts.last_checks import Decision, Leave, Withdrawal, decisions
from monitoring.alerts.models import Message, Recipient
from monitoring.alerts.withdrawals import NOBODY, TOO_OLD
from tests.factories import NOW, make_member, make_organization, make_user
from tests.monitoring.alerts import makers
from tests.monitoring.alerts.routing_makers import make_recipient

pytestmark = pytest.mark.django_db
BOTH = pytest.mark.parametrize("kind", ["digest", "alert_test"])


def make_message(kind: str, recipient: Recipient, **overrides: Any) -> Message:
    key = f"{kind}/{recipient.pk}/2026-11-20"
    return makers.make_message(kind=kind, key=key, recipient=recipient.address, **overrides)


def make_later(kind: str, recipient: Recipient, **overrides: Any) -> Message:
    key = f"{kind}/{recipient.pk}/2026-11-21"
    return makers.make_message(kind=kind, key=key, recipient=recipient.address, **overrides)


def decided(message: Message) -> Decision:
    """Return what the sender does with a message half a day later."""
    return decisions([message], NOW + timedelta(hours=12))[message.pk]


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@BOTH
def test_who_is_there_and_wants_it_gets_it(acme: Organization, kind: str) -> None:
    user = make_member(acme, role="viewer").user
    for recipient in (
        make_recipient(acme, digest="daily"),
        make_recipient(acme, user=user, digest="weekly"),
        make_recipient(None, user=make_user(is_staff=True), digest="daily"),
    ):
        assert decided(make_message(kind, recipient)) == Leave.SEND


@BOTH
def test_who_left_gets_none(acme: Organization, kind: str) -> None:
    off = make_member(acme, user=make_user(is_active=False)).user
    for recipient in (
        make_recipient(acme, user=make_user(), digest="daily"),
        make_recipient(acme, user=make_user(is_staff=True), digest="daily"),
        make_recipient(acme, user=off, digest="daily"),
        make_recipient(None, user=make_user(), digest="daily"),
        make_recipient(acme, digest="daily", removed_at=NOW),
        make_recipient(acme, digest="daily", unsubscribed_at=NOW),
    ):
        assert decided(make_message(kind, recipient)) == Withdrawal(NOBODY)


def test_who_wants_no_digests_any_more_gets_none(acme: Organization) -> None:
    recipient = make_recipient(acme, digest="never")
    assert decided(make_message("digest", recipient)) == Withdrawal(NOBODY)
    assert decided(make_message("alert_test", recipient)) == Leave.SEND


def test_an_old_digest_is_sent_while_there_is_no_newer_one(acme: Organization) -> None:
    recipient = make_recipient(acme, digest="weekly")
    message = make_message("digest", recipient)
    make_later("digest", make_recipient(acme, digest="daily"))
    week = message.created_at + timedelta(days=7)
    assert decisions([message], week)[message.pk] == Leave.SEND
    later = make_later("digest", recipient, state="failed")
    assert decisions([message], week)[message.pk] == Leave.SEND
    Message.objects.filter(pk=later.pk).update(state="queued")
    assert decisions([message, later], week) == {
        message.pk: Withdrawal(TOO_OLD),
        later.pk: Leave.SEND,
    }


def test_a_digest_of_the_day_before_yesterday_is_not_sent_beside_a_newer_one(
    acme: Organization,
) -> None:
    recipient = make_recipient(acme, digest="daily")
    message = make_message("digest", recipient)
    make_later("digest", recipient)
    day = message.created_at + timedelta(days=1)
    assert decisions([message], day)[message.pk] == Leave.SEND
    assert decisions([message], day + timedelta(seconds=1))[message.pk] == Withdrawal(TOO_OLD)


def test_a_test_of_a_chat_is_sent_while_it_is_there(acme: Organization) -> None:
    chat = make_recipient(acme, channel="chat", address="slack")
    message = make_message("alert_test", chat, channel="chat", target=chat)
    assert decided(message) == Leave.SEND
    Recipient.objects.update(removed_at=NOW)
    assert decided(message) == Withdrawal(NOBODY)


@BOTH
def test_one_that_names_nobody_is_sent(kind: str) -> None:
    for key in ("by hand", f"{kind}/ada/1", "alert/7"):
        assert decided(makers.make_message(kind=kind, key=key)) == Leave.SEND


@BOTH
def test_many_are_checked_in_few_statements(
    acme: Organization, kind: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    messages = [make_message(kind, make_recipient(acme)) for _ in range(5)]
    # And two for the savepoint that each check has.
    with django_assert_max_num_queries(2 + 2):
        decided = decisions(messages, NOW)
    assert decided.keys() == {message.pk for message in messages}
