from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_django import Settings

from monitoring.alerts.forgetting import alerts_forget, alerts_forget_step, messages_forget
from monitoring.alerts.models import Alert, Message, Notification
from tests.factories import NOW, make_member, make_organization
from tests.monitoring.alerts.engine_makers import at, heal, make_stalled, phases, sent, watch
from tests.monitoring.alerts.makers import make_message

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_sources")]
DAY = timedelta(days=1)


def test_what_ended_long_ago_is_forgotten_with_whom_was_told(settings: Settings) -> None:
    settings.MESSAGE_RETENTION_DAYS = 30
    acme = make_organization()
    make_member(acme)
    people = make_stalled(acme, 2)
    for minute in (1, 15):
        watch(minute)
    sent(16)
    heal(people)
    watch(20)
    alerts_forget_step(at(15) + 30 * DAY)
    assert Alert.objects.count() == Message.objects.count() == 1
    alerts_forget_step(at(16) + 30 * DAY)
    assert Alert.objects.count() == 1
    assert not Message.objects.exists()
    assert phases() == [("opened", 2)], "that it was told is known without the message"
    alerts_forget_step(at(21) + 30 * DAY)
    assert not Alert.objects.exists()
    assert not Notification.objects.exists()


def test_what_goes_on_or_waits_is_kept_however_old() -> None:
    make_stalled(make_organization(), 2)
    watch(1)
    make_message()
    make_message(state="sending")
    make_message(state="failed")
    assert alerts_forget(NOW + 900 * DAY) == 0
    assert messages_forget(NOW + 900 * DAY) == 1
    assert Message.objects.count() == 2


def test_a_bit_at_a_time_the_oldest_first() -> None:
    messages = [make_message(state="sent", now=NOW + number * DAY) for number in range(3)]
    assert messages_forget(NOW + 900 * DAY, limit=2) == 2
    assert Message.objects.get() == messages[-1]
    assert messages_forget(NOW) == 0
    assert messages_forget(NOW + 900 * DAY) == 1
    assert messages_forget(NOW + 900 * DAY) == 0
    fields = {"kind": "stalled", "severity": 1, "began_at": NOW, "changed_at": NOW}
    for number in range(3):
        Alert.objects.create(cause=f"cause {number}", ended_at=NOW + number * DAY, **fields)
    assert alerts_forget(NOW + 900 * DAY, limit=2) == 2
    assert Alert.objects.get().cause == "cause 2"
