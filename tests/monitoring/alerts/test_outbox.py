from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.test import override_settings
from django_q.models import OrmQ
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from accounts.models import Role
from monitoring.alerts.models import Message, MessageState
from monitoring.alerts.outbox import (
    WORK,
    Draft,
    MessageRefusedError,
    mail_in,
    message_queue,
    messages_queue,
    messages_withdraw,
)
from monitoring.alerts.sending_again import message_retry, messages_retry
from monitoring.audit.models import AuditEntry
from tests.factories import NOW, make_person
from tests.monitoring.alerts.makers import MAIL, make_message
from tests.monitoring.errors.makers import make_access

pytestmark = pytest.mark.django_db
SOON = NOW + timedelta(hours=1)


def test_a_mail_is_a_row_before_it_is_sent() -> None:
    person = make_person(name="Ada\nLovelace")
    message = make_message(person)
    assert (message.organization, message.person) == (person.organization, person)
    assert (message.state, message.attempts) == (MessageState.QUEUED, 0)
    assert (message.created_at, message.next_try_at) == (NOW, NOW)
    assert message.recipient_name == "Ada Lovelace"
    assert message.message_id.endswith("@localhost>")
    assert mail_in(message) == MAIL


def test_what_it_says_is_not_readable_in_the_database() -> None:
    assert b"it works" not in bytes(make_message().content)


@override_settings(DEFAULT_FROM_EMAIL="Sync <sync@mail.acme.example>")
def test_its_id_is_of_the_senders_domain() -> None:
    assert make_message().message_id.endswith("@mail.acme.example>")


def test_under_a_key_there_is_one_mail_for_ever() -> None:
    first = make_message(key="once", state=MessageState.SENT)
    again = message_queue(
        organization=None, kind="person_link", key="once", recipient="x@y.example", mail=MAIL,
        now=NOW,
    )  # fmt: skip
    assert again is None
    assert Message.objects.get() == first


def test_one_for_later_waits_until_then() -> None:
    assert make_message(not_before=SOON).next_try_at == SOON
    assert make_message(not_before=NOW - timedelta(days=1)).next_try_at == NOW


def test_an_occasion_that_nobody_named_is_refused() -> None:
    with pytest.raises(KeyError, match="KINDS"):
        make_message(kind="spam")


def drafts(number: int) -> list[Draft]:
    person = make_person()
    return [
        Draft(person.organization, person, "person_link", f"key {place}", person.email, "", MAIL)
        for place in range(number)
    ]


@pytest.mark.parametrize("number", [2, 50])
def test_many_are_queued_in_two_statements(
    django_assert_num_queries: DjangoAssertNumQueries, number: int
) -> None:
    many = drafts(number)
    # Two more are the transaction's.
    with django_assert_num_queries(4):
        queued = messages_queue(drafts=many, now=NOW)
    assert [message.key for message in queued] == [draft.key for draft in many]
    assert messages_queue(drafts=many, now=NOW) == []


def test_queueing_none_does_nothing() -> None:
    assert messages_queue(drafts=[], now=NOW) == []


def test_queueing_rings_for_the_sender_once(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        make_message()
        make_message()
    assert [bell.task["func"] for bell in OrmQ.objects.all()] == [WORK]


def test_a_mail_about_what_did_not_happen_is_not_there_either() -> None:
    with transaction.atomic():
        make_message()
        transaction.set_rollback(True)
    assert not Message.objects.exists()


def test_what_is_not_sent_can_be_withdrawn() -> None:
    waiting, failed = make_message(key="waiting"), given_up(key="failed")
    sending = make_message(key="sending", state=MessageState.SENDING)
    sent = make_message(key="sent", state=MessageState.SENT)
    other = make_message(key="other")
    keys = ["waiting", "failed", "sending", "sent", "unknown"]
    assert messages_withdraw(keys=keys, now=SOON) == 3
    states = dict(Message.objects.values_list("pk", "state"))
    assert {states[each.pk] for each in (waiting, failed, sending)} == {"withdrawn"}
    assert [states[each.pk] for each in (sent, other)] == ["sent", "queued"]
    assert Message.objects.get(pk=waiting.pk).ended_at == SOON


def given_up(**overrides: Any) -> Message:
    fields = {"state": MessageState.FAILED, "attempts": 12, "ended_at": NOW, "answer": "550 No"}
    return make_message(**fields | overrides)


def test_one_that_was_given_up_is_sent_again_as_if_it_were_new() -> None:
    message = given_up()
    access = make_access(message.organization)
    message_retry(access=access, message=message, now=SOON)
    stored = Message.objects.get()
    assert (stored.state, stored.attempts, stored.next_try_at) == ("queued", 0, SOON)
    assert (stored.ended_at, stored.message_id) == (None, message.message_id)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.person) == ("message.retry", message.person)
    assert entry.detail == {"message": message.pk}
    with pytest.raises(MessageRefusedError, match="not given up"):
        message_retry(access=access, message=message, now=SOON)
    assert AuditEntry.objects.count() == 1


def test_all_that_were_given_up_are_sent_again_and_nothing_else() -> None:
    person = make_person()
    failed = [given_up(person=person) for _ in range(3)]
    withdrawn = make_message(person, state=MessageState.WITHDRAWN)
    elsewhere = given_up()
    access = make_access(person.organization)
    assert messages_retry(access=access, now=SOON) == 3
    states = dict(Message.objects.values_list("pk", "state"))
    assert {states[each.pk] for each in failed} == {"queued"}
    assert (states[withdrawn.pk], states[elsewhere.pk]) == ("withdrawn", "failed")
    again = Message.objects.get(pk=failed[0].pk)
    assert (again.attempts, again.next_try_at, again.ended_at) == (0, SOON, None)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.detail) == ("message.retry_all", {"messages": 3})
    assert messages_retry(access=access, now=SOON) == 0
    assert AuditEntry.objects.count() == 1


def test_who_may_only_look_sends_nothing_again() -> None:
    message = given_up()
    with pytest.raises(PermissionDenied):
        messages_retry(access=make_access(message.organization, role=Role.VIEWER), now=SOON)
    assert Message.objects.get().state == "failed"


def test_who_may_only_look_or_belongs_elsewhere_is_refused() -> None:
    message = given_up()
    for access in (make_access(message.organization, role=Role.VIEWER), make_access()):
        with pytest.raises(PermissionDenied):
            message_retry(access=access, message=message, now=SOON)
    assert Message.objects.get().state == "failed"
