"""A sender holds the batch it checks: nobody takes it up, and nobody waits for it in vain."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction

from accounts.models import Organization
from monitoring.alerts import sending
from monitoring.alerts.claims import message_keep_back, messages_claim
from monitoring.alerts.last_checks import Withdrawal
from monitoring.alerts.models import Message, Notification
from monitoring.alerts.outbox import messages_withdraw
from tests.factories import NOW
from tests.monitoring.alerts.engine_makers import at, heal, make_stalled, watch
from tests.monitoring.alerts.makers import make_message


@pytest.mark.django_db
@pytest.mark.usefixtures("own_sources")
def test_of_what_another_sender_took_up_nothing_is_noted(acme: Organization) -> None:
    people = make_stalled(acme, 6)
    for minute in (1, 15):
        watch(minute)
    heal(people[:4])
    watch(16)
    token = uuid4()
    batch = messages_claim(token=token, limit=10, now=at(16))
    Message.objects.update(token=uuid4())
    assert sending.checked(batch, token) == []
    assert Notification.objects.get().fewest is None
    assert Message.objects.get().state == "sending"


@pytest.mark.django_db
def test_the_others_of_a_batch_are_checked_in_their_order() -> None:
    messages = [make_message(now=NOW - timedelta(hours=hours)) for hours in (1, 3, 2)]
    token = uuid4()
    batch = messages_claim(token=token, limit=10, now=NOW)
    Message.objects.filter(pk=messages[2].pk).update(token=uuid4())
    assert sending.checked(batch, token) == [messages[1], messages[0]]


def withdraw(keys: Sequence[str]) -> int:
    try:
        with transaction.atomic():
            return messages_withdraw(keys=keys, now=NOW)
    finally:
        connection.close()


def wait_for_a_lock() -> None:
    """Return once somebody waits for a row that another has locked."""
    until = monotonic() + 20
    while monotonic() < until:
        with connection.cursor() as cursor:
            # In a transaction it would see the same ever again.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone() is not None:
                return
        sleep(0.01)
    raise AssertionError("nobody waits")


@pytest.mark.django_db(transaction=True)
def test_what_is_withdrawn_is_locked_in_the_order_of_ids() -> None:
    first, second = (make_message(key=f"letter/{number}") for number in (2, 1))
    # Where they lie, and in the index of their keys, it is the other way round.
    Message.objects.filter(pk=first.pk).update(next_try_at=NOW + timedelta(hours=1))
    of_second = Message.objects.filter(pk=second.pk).select_for_update(skip_locked=True)
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            Message.objects.select_for_update().get(pk=first.pk)
            withdrawing = threads.submit(withdraw, [first.key, second.key])
            wait_for_a_lock()
            assert list(of_second) == [second]
        assert withdrawing.result(30) == 2


@pytest.mark.django_db(transaction=True)
def test_who_withdraws_a_batch_while_it_is_checked_waits_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The first that was written is the last that is due.
    keys = [make_message(now=NOW - timedelta(hours=hours)).key for hours in (1, 2)]
    token, begun, go_on = uuid4(), Event(), Event()
    batch = messages_claim(token=token, limit=10, now=NOW)

    def slowly(**given: Any) -> None:
        message_keep_back(**given)
        begun.set()
        assert go_on.wait(30)

    def none(messages: Sequence[Message], now: datetime) -> dict[int, Withdrawal]:
        return dict.fromkeys([each.pk for each in messages], Withdrawal())

    def check() -> list[Message]:
        try:
            return sending.checked(batch, token)
        finally:
            connection.close()

    monkeypatch.setattr(sending, "message_keep_back", slowly)
    monkeypatch.setattr(sending, "decisions", none)
    with ThreadPoolExecutor(2) as threads:
        checking = threads.submit(check)
        assert begun.wait(30)
        withdrawing = threads.submit(withdraw, keys)
        try:
            wait_for_a_lock()
        finally:
            go_on.set()
        assert checking.result(30) == []
        assert withdrawing.result(30) == 0, "they were withdrawn already"
    assert set(Message.objects.values_list("state", flat=True)) == {"withdrawn"}
