from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.tasks import async_task

from monitoring.alerts.mails import Mail
from monitoring.alerts.models import Alert, Message, Recipient
from monitoring.alerts.outbox import WORK, message_queue
from monitoring.alerts.standby import AT_ONCE, standby_step
from monitoring.jobs.beats import worker_beat
from monitoring.jobs.doorbell import MAIN
from monitoring.jobs.models import Lane, WorkerBeat
from tests.factories import make_organization, make_user, serial
from tests.monitoring.alerts.post import SILENCE, Post
from tests.monitoring.jobs.makers import make_job
from tests.monitoring.jobs.service import PROJECT, SHORT, wait_until, with_database

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)
MAIL = Mail("No worker is at work", "Start them.\n", "<p>Start them.</p>")


def due(minutes: float = 3, **overrides: Any) -> Message:
    """Queue a message about the service that has been due for so long."""
    fields = {"organization": None, "kind": "alert", "recipient": "ops@support.example"}
    message = message_queue(
        **fields | {"key": f"alert/{next(serial)}", "mail": MAIL}
        | {"now": timezone.now() - minutes * MINUTE} | overrides
    )  # fmt: skip
    assert message is not None
    return message


def sent() -> list[str]:
    return list(Message.objects.filter(state="sent").values_list("key", flat=True))


def step() -> None:
    """Step, and wait for the thread that sends."""
    standby_step(timezone.now())
    for thread in threading.enumerate():
        if thread.name == "standby":
            thread.join(30)


def test_what_no_worker_sends_the_tick_does(post: Post) -> None:
    message = due()
    step()
    assert sent() == [message.key]
    assert [mail["Subject"] for mail in post.mails] == [MAIL.subject]
    assert not WorkerBeat.objects.exists(), "the tick is no worker"


def test_a_few_at_a_time_are_sent(post: Post) -> None:
    for place in range(AT_ONCE + 2):
        due(recipient=f"ops{place}@support.example")
    step()
    assert len(sent()) == AT_ONCE
    step()
    assert len(sent()) == AT_ONCE + 2


def in_hand(message: Message, lease: timedelta) -> Message:
    """Let a sender have claimed a message, and died."""
    Message.objects.filter(pk=message.pk).update(
        state="sending", token=uuid4(), lease_until=timezone.now() + lease
    )
    return message


def test_what_a_sender_had_in_hand_that_died_is_sent_when_its_lease_has_ended(post: Post) -> None:
    message = in_hand(due(minutes=30), MINUTE)
    step()
    assert post.taken == []
    in_hand(message, -MINUTE)
    step()
    assert sent() == [message.key]
    assert len(post.taken) == 1


@pytest.mark.parametrize(
    "message",
    [
        lambda: due(minutes=1),
        lambda: in_hand(due(minutes=1), -MINUTE),
        lambda: due(organization=make_organization()),
        lambda: due(kind="alert_test"),
    ],
    ids=["not for long", "not for long, and claimed", "of an organization", "of another kind"],
)
def test_everything_else_waits_for_a_worker(post: Post, message: Callable[[], Message]) -> None:
    message()
    step()
    assert post.taken == []


def test_a_worker_that_is_at_work_is_left_to_send(post: Post) -> None:
    due()
    get_broker(MAIN).purge_queue()  # it has heard
    worker_beat(lane=Lane.SCHEDULE, in_flight=0)
    step()
    assert post.taken == []


def test_a_bell_that_no_worker_hears_is_as_good_as_no_worker(post: Post) -> None:
    due()
    worker_beat(lane=Lane.SCHEDULE, in_flight=0)
    get_broker(MAIN).purge_queue()
    async_task(WORK, cluster=MAIN)
    step()
    assert len(sent()) == 1


def test_what_has_become_wrong_is_not_sent(post: Post) -> None:
    from monitoring.alerts.models import Notification

    now = timezone.now()
    alert = Alert.objects.create(
        kind="service", cause="workers", severity=3, began_at=now, changed_at=now, ended_at=now
    )
    recipient = Recipient.objects.create(
        address="ops@support.example", created_at=now, confirmed_at=now
    )
    message = due()
    Notification.objects.create(
        alert=alert, recipient=recipient, phase="opened", at=now, message=message
    )
    step()
    assert post.taken == []
    message.refresh_from_db()
    assert message.state == "withdrawn"


def test_a_mail_server_that_is_silent_holds_up_no_tick(post: Post, settings: Any) -> None:
    settings.EMAIL_TIMEOUT = 1
    message = due()
    post.to_data[message.recipient] = [SILENCE]
    begun = monotonic()
    standby_step(timezone.now())
    standby_step(timezone.now())
    assert monotonic() - begun < 0.9
    assert [thread.name for thread in threading.enumerate()].count("standby") == 1
    step()
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("queued", 1)
    assert message.next_try_at > timezone.now()
    assert message.token is None


@contextmanager
def ticking() -> Iterator[None]:
    """Run the tick and nothing else, as a process."""
    environment = {
        **os.environ,
        **SHORT,
        "DJANGO_SETTINGS_MODULE": "synccenter.settings",
        "DATABASE_URL": with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"]),
        "EMAIL_URL": f"smtp://127.0.0.1:{settings.EMAIL_PORT}",
    }
    command = [sys.executable, PROJECT / "manage.py", "tick", "--loop"]
    process = subprocess.Popen(command, env=environment, cwd=PROJECT)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)
        connections.close_all()


@pytest.mark.processes
def test_with_all_workers_dead_support_is_told_of_it_by_mail(post: Post) -> None:
    staff = make_user(is_staff=True, email="casey@support.example")
    make_job(
        created_at=timezone.now() - 20 * MINUTE, lease_until=timezone.now() + timedelta(hours=1)
    )
    with ticking():
        wait_until(lambda: post.taken, 60, "the mail arrives although nobody works")
    (mail,) = post.mails[:1]
    assert post.recipients[0] == staff.email
    assert "No worker is at work" in mail["Subject"]
    body = mail.get_body(("plain",))
    assert body is not None
    assert "Start the workers" in body.get_content()
    assert Alert.objects.get(kind="service").cause == "workers"
