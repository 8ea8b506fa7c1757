"""Chats and webhooks take turns: who has many messages waiting keeps no other from theirs."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from monitoring.alerts import claims, sending
from monitoring.alerts.claims import messages_claim, messages_wait
from monitoring.alerts.delivery import RESTS, SLOW, rest_after
from monitoring.alerts.models import Channel, Message, MessageState, Recipient
from monitoring.alerts.sending import webhooks_work
from tests.factories import make_organization
from tests.monitoring.alerts.destination_makers import make_webhook, queue_webhook
from tests.monitoring.alerts.makers import make_copies
from tests.monitoring.alerts.plans import most_rows
from tests.monitoring.alerts.web import Web, web_server

pytestmark = pytest.mark.django_db


def many(hook: Recipient, number: int, **fields: Any) -> None:
    """Let so many messages wait for a webhook, since an hour ago."""
    first = queue_webhook(hook, now=timezone.now() - timedelta(hours=1))
    Message.objects.filter(pk=first.pk).update(**fields)
    first.refresh_from_db()
    make_copies(first, number - 1)


def claimed(limit: int = 10, **options: Any) -> list[Message]:
    options = {"token": uuid4(), "now": timezone.now(), "channel": Channel.WEBHOOK} | options
    return messages_claim(limit=limit, **options)


def test_many_messages_to_one_target_keep_no_other_waiting(web: Web, settings: Settings) -> None:
    with web_server() as other:
        settings.ALERT_TARGETS_ALLOWED = [web.host, other.host]
        many(make_webhook(web.url()), 30)
        late = queue_webhook(make_webhook(other.url()))
        other.at_request = lambda: seen.append(len(web.taken))
        seen: list[int] = []
        webhooks_work()
    late.refresh_from_db()
    assert (late.state, seen) == ("sent", [1])
    assert len(web.taken) == 30, "with nobody else waiting it has all the turns"


def test_an_organization_has_one_turn_however_many_targets_it_has() -> None:
    one, other = make_organization(), make_organization()
    hooks = [make_webhook("https://hooks.example", one) for _ in range(12)]
    for hook in hooks:
        many(hook, 2)
    theirs = [queue_webhook(make_webhook("https://x.example", other)) for _ in range(2)]
    found = claimed(6)
    assert [each.organization_id for each in found[:4]] == [one.pk, other.pk] * 2
    assert set(theirs) <= set(found)
    targets = Counter(each.target_id for each in found)
    assert max(targets.values()) == 1, "the first of each target before the second of any"


def test_messages_of_one_target_keep_their_order() -> None:
    hook, now = make_webhook("https://hooks.example"), timezone.now()
    times = [now - timedelta(minutes=minute) for minute in (5, 9, 7)]
    messages = [queue_webhook(hook, now=at) for at in times]
    assert claimed() == [messages[1], messages[2], messages[0]]


def test_a_message_whose_target_is_gone_is_claimed_and_those_absent_are_not() -> None:
    gone, here = make_webhook("https://gone.example"), make_webhook("https://here.example")
    orphan, _ = queue_webhook(gone), queue_webhook(here)
    gone.delete()
    later = queue_webhook(here, next_try_at=timezone.now() + timedelta(hours=1))
    assert claimed(absent=[here.pk]) == [orphan]
    assert later not in claimed()


def test_with_very_many_waiting_a_claim_reads_a_few_of_each_target() -> None:
    for number in (2_000, 2_000, 1):
        many(make_webhook("https://hooks.example"), number)
    many(make_webhook("https://away.example"), 2_000, next_try_at=timezone.now() + timedelta(1))
    claim = {
        "token": uuid4(),
        "limit": 10,
        "now": timezone.now(),
        "lease": 60.0,
        "channel": "webhook",
        "absent": [],
    }
    assert most_rows(claims.IN_TURNS, claim) < 100


def test_a_slow_target_that_takes_its_messages_lets_others_go_first(
    web: Web, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]

    def thinks() -> None:
        clock[0] += SLOW

    with web_server() as other:
        settings.ALERT_TARGETS_ALLOWED = [web.host, other.host]
        slow, fine = make_webhook(web.url()), make_webhook(other.url())
        waits = [queue_webhook(slow) for _ in range(3)]
        web.at_request = thinks
        monkeypatch.setattr(sending, "monotonic", lambda: clock[0])
        before = timezone.now()
        theirs = [queue_webhook(fine) for _ in range(2)]
        sending.send_all(sending.WebhookSender(), lambda: True, Channel.WEBHOOK)
        assert (len(web.taken), len(other.taken)) == (1, 2)
    states = dict(Message.objects.values_list("pk", "state"))
    assert [states[each.pk] for each in waits] == ["sent", "queued", "queued"]
    assert {states[each.pk] for each in theirs} == {"sent"}
    for each in waits[1:]:
        each.refresh_from_db()
        assert each.next_try_at >= before + timedelta(seconds=RESTS * SLOW)
        assert (each.attempts, each.token) == (0, None)


@given(st.floats(0, 90))
def test_a_slow_target_takes_up_a_tenth_of_the_time_at_most(seconds: float) -> None:
    rest = rest_after(seconds).total_seconds()
    assert (rest == 0) == (seconds < SLOW)
    assert rest == 0 or seconds / (rest + seconds) < 0.1


def test_what_a_dead_sender_left_and_is_put_off_rings_no_bell_before_its_time() -> None:
    message = queue_webhook(make_webhook("https://hooks.example"))
    past, soon = timezone.now() - timedelta(1), timezone.now() + timedelta(minutes=5)
    lease = {"state": MessageState.SENDING, "token": uuid4(), "lease_until": past}
    Message.objects.filter(pk=message.pk).update(**lease, next_try_at=soon)
    assert not messages_wait(timezone.now(), Channel.WEBHOOK)
    assert claimed() == []
    assert messages_wait(soon, Channel.WEBHOOK)
    assert claimed(now=soon) == [message]
