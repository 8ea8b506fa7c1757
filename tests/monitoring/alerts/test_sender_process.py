"""A sender as a process of its own, and one that decides about alerts, killed at every step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from monitoring.alerts.models import Message, Notification
from monitoring.alerts.sending import messages_work
from monitoring.alerts.watch import alerts_watch
from tests.factories import NOW, make_member, make_organization, make_user
from tests.monitoring.alerts.engine_makers import make_stalled, stall
from tests.monitoring.alerts.makers import make_message
from tests.monitoring.alerts.post import Post
from tests.monitoring.jobs.service import PROJECT, with_database

pytestmark = pytest.mark.django_db(transaction=True)
SEND = """
import django
django.setup()
from monitoring.alerts.sending import messages_work
messages_work()
"""
# Kills itself as kill -9 does, right before or after a function is called.
KILLED = """
import os, signal
import django
django.setup()
from datetime import datetime
from monitoring.alerts import sending, telling, watch

def dying(module, name, when):
    function = getattr(module, name)
    def call(*arguments, **options):
        if when == "after":
            function(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(module, name, call)

dying({module}, {name!r}, {when!r})
{work}
"""


def killed(module: str, name: str, when: str, work: str) -> None:
    """Do the work in a process that is killed before or after it calls a function."""
    code = KILLED.format(module=module, name=name, when=when, work=work)
    assert process(code).wait(60) == -signal.SIGKILL


def sender() -> subprocess.Popen[bytes]:
    return process(SEND)


def process(code: str) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "synccenter.settings",
        "DATABASE_URL": with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"]),
        "EMAIL_URL": f"smtp://127.0.0.1:{settings.EMAIL_PORT}",
    }
    return subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=PROJECT)


def test_killed_in_the_middle_of_a_mail_it_is_sent_again_under_the_same_id(post: Post) -> None:
    messages = [make_message(now=timezone.now()) for _ in range(3)]
    first = sender()
    post.at_data = lambda: os.kill(first.pid, signal.SIGKILL)
    assert first.wait(30) == -signal.SIGKILL
    post.at_data = lambda: None
    states = Message.objects.order_by("id").values_list("state", "attempts")
    assert list(states) == [("sending", 1), ("sending", 0), ("sending", 0)]

    messages_work()
    assert len(post.taken) == 1, "the dead sender's lease has not ended yet"
    Message.objects.update(lease_until=Now() - timedelta(seconds=1))
    messages_work()
    assert set(Message.objects.values_list("state", flat=True)) == {"sent"}
    ids = [mail["Message-ID"] for mail in post.mails]
    assert ids == [messages[0].message_id, *(message.message_id for message in messages)]


STEPS = [
    ("sending", "messages_claim", "after"),
    ("sending", "checked", "after"),
    ("sending", "message_begin", "after"),
    ("sending.Sender", "open", "after"),
    ("sending.Sender", "hand_over", "after"),
    ("sending", "message_settle", "before"),
    ("sending", "message_settle", "after"),
    ("sending", "messages_hand_back", "before"),
]


@pytest.mark.parametrize(("module", "name", "when"), STEPS)
def test_killed_at_any_step_no_mail_is_lost_and_each_keeps_its_id(
    post: Post, module: str, name: str, when: str
) -> None:
    messages = [make_message(now=timezone.now()) for _ in range(2)]
    killed(module, name, when, "sending.messages_work()")
    Message.objects.filter(state="sending").update(lease_until=Now() - timedelta(seconds=1))
    messages_work()
    assert set(Message.objects.values_list("state", flat=True)) == {"sent"}
    ids = [mail["Message-ID"] for mail in post.mails]
    assert set(ids) == {message.message_id for message in messages}
    assert len(ids) <= len(messages) + 1, "only the one in hand can go twice"


# Deciding about alerts

DECIDE = "watch.alerts_watch(datetime.fromisoformat({at!r}))"
DECISIONS = [
    ("watch", "found_at", "after"),
    ("watch", "alerts_store", "after"),
    ("telling", "planned", "after"),
    ("telling", "messages_queue", "before"),
    ("telling", "messages_queue", "after"),
    ("telling", "notifications_write", "after"),
    ("watch", "alerts_tell", "after"),
]


@pytest.mark.parametrize(("module", "name", "when"), DECISIONS)
def test_killed_between_decision_and_commit_an_alert_is_told_once_all_the_same(
    post: Post, module: str, name: str, when: str
) -> None:
    acme = make_organization()
    make_member(acme, user=make_user(email="ada@acme.example"))
    now = timezone.now()
    stall(make_stalled(acme, 3), minutes=minutes_to(now) - 16)
    alerts_watch(now - timedelta(minutes=10))
    killed(module, name, when, DECIDE.format(at=now.isoformat()))
    assert not Message.objects.exists()
    assert not Notification.objects.exists()
    assert alerts_watch(now).queued == 1
    assert alerts_watch(now + timedelta(seconds=30)).queued == 0
    messages_work()
    assert post.recipients == ["ada@acme.example"]


def test_killed_after_the_commit_it_is_told_and_not_decided_again(post: Post) -> None:
    acme = make_organization()
    make_member(acme, user=make_user(email="ada@acme.example"))
    now = timezone.now()
    stall(make_stalled(acme, 3), minutes=minutes_to(now) - 16)
    alerts_watch(now - timedelta(minutes=10))
    killed("watch", "alerts_watch", "after", DECIDE.format(at=now.isoformat()))
    assert alerts_watch(now + timedelta(seconds=90)).queued == 0
    messages_work()
    assert post.recipients == ["ada@acme.example"]


def minutes_to(moment: datetime) -> float:
    return (moment - NOW).total_seconds() / 60
