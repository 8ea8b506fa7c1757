"""A sender of webhooks as a process of its own, killed while a server has one in its hands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from monitoring.alerts.models import Message
from monitoring.alerts.sending import webhooks_work
from monitoring.alerts.webhook_sender import webhook_id
from tests.monitoring.alerts.destination_makers import make_webhook, queue_webhook
from tests.monitoring.alerts.web import Web
from tests.monitoring.jobs.service import PROJECT, with_database

pytestmark = pytest.mark.django_db(transaction=True)
SEND = """
import django
django.setup()
from monitoring.alerts.sending import webhooks_work
webhooks_work()
"""


def sender(web: Web) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "synccenter.settings",
        "DATABASE_URL": with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"]),
        "ALERT_TARGETS_ALLOWED": web.host,
    }
    return subprocess.Popen([sys.executable, "-c", SEND], env=environment, cwd=PROJECT)


def test_killed_in_the_middle_of_a_webhook_it_is_sent_again_under_the_same_id(web: Web) -> None:
    hook = make_webhook(web.url())
    messages = [queue_webhook(hook) for _ in range(3)]
    first = sender(web)
    web.at_request = lambda: os.kill(first.pid, signal.SIGKILL)
    assert first.wait(30) == -signal.SIGKILL
    web.at_request = lambda: None
    states = Message.objects.order_by("id").values_list("state", "attempts")
    assert list(states) == [("sending", 1), ("sending", 0), ("sending", 0)]

    webhooks_work()
    assert len(web.taken) == 1, "the dead sender's lease has not ended yet"
    Message.objects.update(lease_until=Now() - timedelta(seconds=1))
    webhooks_work()
    assert set(Message.objects.values_list("state", flat=True)) == {"sent"}
    ids = [each.headers["webhook-id"] for each in web.taken]
    assert ids == [webhook_id(messages[0]), *map(webhook_id, messages)]
    assert len({each.body for each in web.taken[:2]}) == 1
