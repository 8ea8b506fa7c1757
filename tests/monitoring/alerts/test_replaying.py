from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from accounts.models import Role
from monitoring.alerts import replaying
from monitoring.alerts.models import Message, MessageState
from monitoring.alerts.outbox import MessageRefusedError
from monitoring.alerts.replaying import message_replay, messages_replay
from monitoring.alerts.sending import webhooks_work
from monitoring.alerts.webhook_sender import webhook_id
from monitoring.audit.models import AuditEntry
from tests.factories import make_organization
from tests.monitoring.alerts import makers
from tests.monitoring.alerts.destination_makers import make_access, make_webhook, queue_webhook
from tests.monitoring.alerts.web import Reply, Web

pytestmark = pytest.mark.django_db


def test_what_was_sent_goes_again_under_the_same_id_with_the_same_body(web: Web) -> None:
    hook = make_webhook(web.url())
    message = queue_webhook(hook)
    webhooks_work()
    access = make_access(hook.organization)
    again = message_replay(access=access, message=message, now=timezone.now())
    twice = message_replay(access=access, message=message, now=timezone.now())
    webhooks_work()
    thrice = message_replay(access=access, message=again, now=timezone.now())
    webhooks_work()
    assert len(web.taken) == 4
    assert len({each.headers["webhook-id"] for each in web.taken}) == 1
    assert len({each.body for each in web.taken}) == 1
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("sent", 1), "the first one stays as it was"
    assert {again.kind, twice.kind, thrice.kind} == {"replay"}
    entry = AuditEntry.objects.order_by("id").first()
    assert entry is not None
    assert entry.action == "message.replay"
    assert entry.detail == {"message": message.pk, "again": again.pk}


def test_what_was_given_up_goes_again(web: Web) -> None:
    web.replies = [Reply(410)]
    hook = make_webhook(web.url())
    message = queue_webhook(hook)
    webhooks_work()
    again = message_replay(
        access=make_access(hook.organization), message=message, now=timezone.now()
    )
    webhooks_work()
    again.refresh_from_db()
    message.refresh_from_db()
    assert (message.state, again.state) == ("failed", "sent")


@pytest.mark.parametrize(
    "state", [MessageState.QUEUED, MessageState.SENDING, MessageState.WITHDRAWN]
)
def test_what_is_still_to_be_sent_or_was_withdrawn_does_not(web: Web, state: str) -> None:
    hook = make_webhook(web.url())
    message = queue_webhook(hook, state=state)
    with pytest.raises(MessageRefusedError):
        message_replay(access=make_access(hook.organization), message=message, now=timezone.now())
    assert Message.objects.count() == 1


def test_mails_and_what_led_to_a_destination_that_is_gone_are_not_sent_anew(
    web: Web, now: datetime
) -> None:
    mail = makers.make_message(state=MessageState.SENT)
    with pytest.raises(MessageRefusedError, match="chat or a webhook"):
        message_replay(access=make_access(mail.organization), message=mail, now=now)
    hook = make_webhook(web.url(), removed_at=now)
    message = queue_webhook(hook, state=MessageState.SENT)
    with pytest.raises(MessageRefusedError, match="removed"):
        message_replay(access=make_access(hook.organization), message=message, now=now)


def test_strangers_and_who_may_only_look_replay_nothing(web: Web, now: datetime) -> None:
    hook = make_webhook(web.url())
    message = queue_webhook(hook, state=MessageState.SENT)
    for access in (make_access(), make_access(hook.organization, Role.VIEWER)):
        with pytest.raises(PermissionDenied):
            message_replay(access=access, message=message, now=now)
        with pytest.raises(PermissionDenied):
            messages_replay(access=access, recipient=hook, since=now, now=now)
    assert Message.objects.count() == 1


def test_all_since_a_time_goes_again_in_its_order_and_nothing_else(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "BATCH", 2)
    now = timezone.now()
    organization = make_organization()
    hook, other = make_webhook(web.url(), organization), make_webhook(web.url(), organization)
    told = [queue_webhook(hook, now=now - timedelta(hours=hours)) for hours in (9, 3, 2, 1)]
    queue_webhook(other, now=now - timedelta(hours=1))
    queue_webhook(hook, state=MessageState.WITHDRAWN)
    webhooks_work()
    access = make_access(organization)
    first = [webhook_id(each) for each in told]
    web.taken.clear()
    for _ in range(2):
        since = now - timedelta(hours=4)
        number = messages_replay(access=access, recipient=hook, since=since, now=timezone.now())
        assert number == 3
        webhooks_work()
    assert [each.headers["webhook-id"] for each in web.taken] == first[1:] * 2
    assert AuditEntry.objects.filter(action="recipient.replay").count() == 2


def test_while_some_wait_to_be_sent_anew_no_more_are_added(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, hook = timezone.now(), make_webhook(web.url())
    message = queue_webhook(hook)
    webhooks_work()
    replay: Any = {"access": make_access(hook.organization), "recipient": hook, "now": now}
    since = now - timedelta(hours=1)
    assert messages_replay(**replay, since=since) == 1
    with pytest.raises(MessageRefusedError, match="still wait"):
        messages_replay(**replay, since=since)
    monkeypatch.setattr(replaying, "MOST_WAITING", 2)
    message_replay(access=replay["access"], message=message, now=now)
    with pytest.raises(MessageRefusedError, match="still wait"):
        message_replay(access=replay["access"], message=message, now=now)
    other = make_webhook(web.url(), hook.organization)
    assert messages_replay(**replay | {"recipient": other}, since=since) == 0
    webhooks_work()
    assert messages_replay(**replay, since=since) == 1


def test_more_than_is_bearable_is_refused_and_nothing_is_nothing(
    web: Web, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "MOST_AGAIN", 1)
    hook = make_webhook(web.url())
    access = make_access(hook.organization)
    assert messages_replay(access=access, recipient=hook, since=now, now=now) == 0
    assert not AuditEntry.objects.exists()
    for _ in range(2):
        queue_webhook(hook, state=MessageState.SENT)
    with pytest.raises(MessageRefusedError, match="later time"):
        messages_replay(access=access, recipient=hook, since=now, now=now)
    hook.removed_at = now
    with pytest.raises(MessageRefusedError):
        messages_replay(access=access, recipient=hook, since=now, now=now)
