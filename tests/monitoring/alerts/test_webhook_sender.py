from __future__ import annotations

from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from monitoring.alerts import claims, guarded_http, sending, webhook_sender
from monitoring.alerts.claims import messages_wait
from monitoring.alerts.delivery import MOST_TRIES, wait_after
from monitoring.alerts.models import Channel, Message, MessageState, Recipient
from monitoring.alerts.outbox import WORK_OF
from monitoring.alerts.secrets import Key, Secret, new_key, rotated, secret_of, secret_stored
from monitoring.alerts.sending import messages_work, webhooks_work
from monitoring.jobs.tick import ring_doorbells
from tests.monitoring.alerts import makers
from tests.monitoring.alerts.destination_makers import make_item, make_webhook, queue_webhook
from tests.monitoring.alerts.post import Post
from tests.monitoring.alerts.test_sending import Killed, leases_end, then_killed
from tests.monitoring.alerts.web import Reply, Web, web_server

pytestmark = pytest.mark.django_db


def stored(message: Message) -> Message:
    return Message.objects.get(pk=message.pk)


def due(message: Message) -> None:
    Message.objects.filter(pk=message.pk).update(next_try_at=timezone.now())


def key_of(recipient: Recipient) -> str:
    return secret_of(recipient).keys[0].key


def test_a_webhook_arrives_signed_as_the_standard_says(web: Web) -> None:
    hook = make_webhook(web.url("/in?token=x"))
    message = queue_webhook(hook, [make_item()])
    webhooks_work()
    (taken,) = web.taken
    assert taken.path == "/in?token=x"
    assert taken.headers["content-type"] == "application/json"
    event = Webhook(key_of(hook)).verify(taken.body, taken.headers)
    assert event["type"] == "alert.opened"
    assert event["data"]["alerts"][0]["people"] == 5
    sent = stored(message)
    assert (sent.state, sent.attempts, sent.answer) == ("sent", 1, "200")
    hexadecimal = message.message_id.strip("<>").partition("@")[0]
    assert taken.headers["webhook-id"] == f"msg_{hexadecimal}"


def test_a_body_that_was_changed_or_another_key_is_found_out(web: Web) -> None:
    hook = make_webhook(web.url())
    queue_webhook(hook)
    webhooks_work()
    (taken,) = web.taken
    for key, body in [(new_key(), taken.body), (key_of(hook), taken.body + b" ")]:
        with pytest.raises(WebhookVerificationError):
            Webhook(key).verify(body, taken.headers)


def test_while_keys_are_changed_each_of_them_verifies_and_afterwards_the_new_one_alone(
    web: Web,
) -> None:
    hook, key, now = make_webhook(web.url()), new_key(), timezone.now()
    old = key_of(hook)
    hook.secret = secret_stored(rotated(secret_of(hook), key, now))
    hook.save()
    queue_webhook(hook)
    webhooks_work()
    (taken,) = web.taken
    assert taken.headers["webhook-signature"].count("v1,") == 2
    for each in (old, key):
        Webhook(each).verify(taken.body, taken.headers)
    assert secret_of(hook).keys_at(now + timedelta(days=1)) == [key]
    # Changed again at once: no more than two sign.
    assert len(rotated(secret_of(hook), new_key(), now).keys) == 2


def test_a_server_that_fails_is_asked_again_as_planned_under_the_same_id(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitoring.alerts.sending.random.random", lambda: 0.0)
    web.replies = [Reply(500, b"Oh\n dear"), Reply(503), Reply(200, b"ok")]
    message = queue_webhook(make_webhook(web.url()))
    for tries in (1, 2):
        before = timezone.now()
        webhooks_work()
        waiting = stored(message)
        assert (waiting.state, waiting.attempts) == ("queued", tries)
        wait = wait_after(tries, 0.0)
        assert wait is not None
        assert before + wait <= waiting.next_try_at <= timezone.now() + wait
        webhooks_work()
        assert len(web.taken) == tries, "it is not asked before its time"
        due(message)
    assert stored(message).answer == "503"
    webhooks_work()
    assert (stored(message).state, stored(message).attempts) == ("sent", 3)
    assert len({each.headers["webhook-id"] for each in web.taken}) == 1
    assert len({each.body for each in web.taken}) == 1


def test_each_try_bears_its_own_time(web: Web) -> None:
    web.replies = [Reply(500)]
    hook = make_webhook(web.url())
    message = queue_webhook(hook)
    webhooks_work()
    later = timezone.now() + timedelta(hours=3)
    with time_machine.travel(later, tick=True):
        webhooks_work()
        Webhook(key_of(hook)).verify(web.taken[-1].body, web.taken[-1].headers)
    assert stored(message).state == "sent"
    first, second = (int(each.headers["webhook-timestamp"]) for each in web.taken)
    assert second - first >= 3 * 3_600 - 1


def test_what_a_server_says_is_kept_on_one_short_line(web: Web) -> None:
    web.replies = [Reply(422, b"<h1>No</h1>\r\nSet-Cookie: x" + b"y" * 70_000)]
    message = queue_webhook(make_webhook(web.url()))
    webhooks_work()
    said = stored(message).answer
    assert said.startswith("422 <h1>No</h1> Set-Cookie: xyyy")
    assert len(said) == 500
    assert stored(message).state == "queued"


@pytest.mark.parametrize(
    ("status", "state"),
    [(200, "sent"), (204, "sent"), (299, "sent"), (302, "queued"), (400, "queued"),
     (401, "queued"), (404, "queued"), (429, "queued"), (500, "queued"), (410, "failed"),
     (413, "failed")],
)  # fmt: skip
def test_only_what_says_for_ever_ends_it_at_once(web: Web, status: int, state: str) -> None:
    web.replies = [Reply(status)]
    message = queue_webhook(make_webhook(web.url()))
    webhooks_work()
    assert stored(message).state == state


def test_no_error_ends_a_webhook_for_later_events(web: Web) -> None:
    web.replies = [Reply(410)]
    hook = make_webhook(web.url())
    gone = queue_webhook(hook)
    webhooks_work()
    later = queue_webhook(hook)
    webhooks_work()
    assert (stored(gone).state, stored(later).state) == ("failed", "sent")
    hook.refresh_from_db()
    assert (hook.removed_at, hook.unsubscribed_at) == (None, None)


def test_a_server_that_asks_for_peace_gets_it(web: Web) -> None:
    web.replies = [Reply(429, headers={"Retry-After": "1800"})]
    message = queue_webhook(make_webhook(web.url()))
    before = timezone.now()
    webhooks_work()
    assert stored(message).next_try_at >= before + timedelta(minutes=30)


def test_after_about_a_day_it_is_given_up(web: Web) -> None:
    web.replies = [Reply(500, b"still")]
    message = queue_webhook(make_webhook(web.url()), attempts=MOST_TRIES - 1)
    webhooks_work()
    assert (stored(message).state, stored(message).answer) == ("failed", "500 still")


def test_a_target_that_does_not_answer_is_asked_once_and_holds_up_no_other(
    web: Web, settings: Settings
) -> None:
    with web_server() as other:
        settings.ALERT_TARGETS_ALLOWED = [web.host, other.host]
        web.replies = [Reply(500)] * 5
        broken, fine = make_webhook(web.url()), make_webhook(other.url())
        messages = [queue_webhook(broken) for _ in range(3)]
        theirs = [queue_webhook(fine) for _ in range(3)]
        webhooks_work()
        assert (len(web.taken), len(other.taken)) == (1, 3)
    assert {stored(each).state for each in theirs} == {"sent"}
    waits = [stored(each).next_try_at for each in messages]
    assert waits == [waits[0]] * 3, "they wait as long as the one that was tried"
    assert [stored(each).attempts for each in messages] == [1, 0, 0]
    assert not Message.objects.exclude(token=None).exists()


def test_a_slow_target_delays_no_mail(
    web: Web, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the webhook's server thinks, the mails of the same moment arrive."""
    mail, arrived = makers.make_message(now=timezone.now()), []

    def meanwhile() -> None:
        arrived.append(list(post.taken))

    queue_webhook(make_webhook(web.url()))
    taken = webhook_sender.call

    def slow(*arguments: Any, **options: Any) -> Any:
        messages_work()
        meanwhile()
        return taken(*arguments, **options)

    monkeypatch.setattr(webhook_sender, "call", slow)
    webhooks_work()
    assert [len(each) for each in arrived] == [1]
    assert stored(mail).state == "sent"
    assert len(web.taken) == 1


@pytest.mark.parametrize(
    ("reply", "state"),
    [(Reply(after=8.0), "queued"), (Reply(drips=80), "sent"),
     (Reply(drips=80, headers={"Content-Length": "80"}), "sent")],
)  # fmt: skip
def test_a_call_is_cut_off_in_time_however_slowly_it_answers(
    web: Web, monkeypatch: pytest.MonkeyPatch, reply: Reply, state: str
) -> None:
    monkeypatch.setattr(webhook_sender, "WITHIN", 0.5)
    web.replies = [reply]
    message = queue_webhook(make_webhook(web.url()))
    begun = monotonic()
    webhooks_work()
    assert monotonic() - begun < 6
    assert stored(message).state == state
    assert stored(message).answer


def test_a_silent_server_is_not_waited_for(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded_http, "TIMEOUTS", (0.3, 0.3))
    web.replies = [Reply(after=1.0)]
    message = queue_webhook(make_webhook(web.url()))
    webhooks_work()
    assert stored(message).answer == "The server did not answer in time."


def test_a_lease_outlasts_the_slowest_call() -> None:
    assert webhook_sender.WITHIN + guarded_http.TIMEOUTS[0] < claims.longest_send(Channel.WEBHOOK)


def test_what_was_removed_or_cannot_be_read_is_not_called(web: Web, settings: Settings) -> None:
    removed = queue_webhook(make_webhook(web.url(), removed_at=timezone.now()))
    gone = queue_webhook(make_webhook(web.url()))
    assert gone.target is not None
    gone.target.delete()
    webhooks_work()
    assert [stored(each).state for each in (removed, gone)] == ["failed", "failed"]
    unreadable = queue_webhook(make_webhook(web.url()))
    settings.CREDENTIAL_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]
    webhooks_work()
    assert stored(unreadable).state == "queued"
    assert "CREDENTIAL_KEYS" in stored(unreadable).answer
    assert web.taken == []


def test_no_secret_is_printed() -> None:
    key = new_key()
    secret = Secret("https://hooks.example/in?token=hidden", (Key(key),))
    assert "hidden" not in repr(secret)
    assert key not in repr(secret)
    assert b"hidden" not in secret_stored(secret)


def test_the_bell_rings_for_the_channel_that_waits(
    now: datetime, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        queue_webhook(make_webhook("https://hooks.example"), now=now)
    assert [messages_wait(now, channel) for channel in Channel] == [False, False, True]
    (bell,) = OrmQ.objects.all()
    assert bell.task["func"] == WORK_OF[Channel.WEBHOOK]
    longest = sending.SHORT_BUDGET + claims.longest_send(Channel.WEBHOOK)
    assert longest < bell.task["timeout"] < settings.Q_CLUSTER["retry"]
    OrmQ.objects.all().delete()
    with django_capture_on_commit_callbacks(execute=True):
        ring_doorbells()
    assert [bell.task["func"] for bell in OrmQ.objects.all()] == [WORK_OF[Channel.WEBHOOK]]


@pytest.mark.parametrize("killed_after", ["call", "message_begin"])
def test_killed_at_any_step_it_goes_out_again_under_one_id(
    web: Web, monkeypatch: pytest.MonkeyPatch, killed_after: str
) -> None:
    module: Any = webhook_sender if killed_after == "call" else sending
    messages = [queue_webhook(make_webhook(web.url())) for _ in range(2)]
    with monkeypatch.context() as patched:
        patched.setattr(module, killed_after, then_killed(getattr(module, killed_after)))
        with pytest.raises(Killed):
            webhooks_work()
    webhooks_work()
    first = webhook_sender.webhook_id(messages[0])
    assert [each.headers["webhook-id"] for each in web.taken].count(first) < 2
    leases_end()
    webhooks_work()
    assert {stored(each).state for each in messages} == {"sent"}
    ids = [each.headers["webhook-id"] for each in web.taken]
    assert set(ids) == {webhook_sender.webhook_id(each) for each in messages}


@pytest.mark.parametrize(("workers", "taken"), [(1, 1), (2, 1), (3, 1), (16, 1)])
def test_one_sender_of_webhooks_is_enough_and_leaves_workers_to_others(
    web: Web, settings: Settings, workers: int, taken: int
) -> None:
    settings.WORKERS = workers
    hook = make_webhook(web.url())
    queue_webhook(hook)
    webhooks_work()
    assert len(web.taken) == taken
    lease = {"token": uuid4(), "lease_until": Now() + timedelta(minutes=1)}
    queue_webhook(hook, state=MessageState.SENDING, **lease)
    queue_webhook(hook)
    webhooks_work()
    assert len(web.taken) == taken
