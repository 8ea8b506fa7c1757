"""A sender as a process of its own, killed while the mail server has a mail in its hands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from monitoring.alerts.models import Message
from monitoring.alerts.sending import messages_work
from tests.monitoring.alerts.makers import make_message
from tests.monitoring.alerts.post import Post
from tests.monitoring.jobs.service import PROJECT, with_database

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
SEND = """
import django
django.setup()
from monitoring.alerts.sending import messages_work
messages_work()
"""


def sender() -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "synccenter.settings",
        "DATABASE_URL": with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"]),
        "EMAIL_URL": f"smtp://127.0.0.1:{settings.EMAIL_PORT}",
    }
    return subprocess.Popen([sys.executable, "-c", SEND], env=environment, cwd=PROJECT)


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
