from __future__ import annotations

from datetime import timedelta

import pytest

from monitoring.alerts.acknowledging import alert_acknowledge, alert_unacknowledge
from monitoring.alerts.in_hand import is_in_hand
from monitoring.alerts.models import Alert, Recipient
from monitoring.alerts.unsubscribing import (
    recipient_digest_stop,
    recipient_resubscribe,
    recipient_unsubscribe,
)
from monitoring.audit.models import AuditEntry
from tests.factories import NOW, make_organization, make_user
from tests.monitoring.alerts.routing_makers import make_recipient
from tests.monitoring.console.alert_makers import make_alert, make_over

pytestmark = pytest.mark.django_db
WEEK = timedelta(days=7)


def entries() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.order_by("id").values_list("action", "author_name"))


def test_who_acknowledges_is_written_down_once() -> None:
    alert = make_alert(make_organization())
    assert alert_acknowledge(alert=alert, name="Casey", now=NOW, user=make_user())
    assert not alert_acknowledge(alert=alert, name="Bea", now=NOW)
    found = Alert.objects.get()
    assert (found.acknowledged_at, found.acknowledged_by_name) == (NOW, "Casey")
    assert entries() == [("alert.acknowledge", "Casey")]
    assert AuditEntry.objects.get().detail == {"alert": alert.pk}


def test_an_acknowledgement_can_be_taken_back_and_given_anew() -> None:
    alert = make_alert(make_organization())
    assert not alert_unacknowledge(alert=alert, name="Casey", now=NOW)
    alert_acknowledge(alert=alert, name="Casey", now=NOW)
    assert alert_unacknowledge(alert=alert, name="Bea", now=NOW)
    found = Alert.objects.get()
    assert (found.acknowledged_at, found.acknowledged_by_name) == (None, "")
    assert alert_acknowledge(alert=alert, name="Bea", now=NOW)
    assert [action for action, _ in entries()] == [
        "alert.acknowledge", "alert.unacknowledge", "alert.acknowledge",
    ]  # fmt: skip


def test_what_is_over_is_acknowledged_by_nobody() -> None:
    alert = make_over(make_organization())
    assert not alert_acknowledge(alert=alert, name="Casey", now=NOW)
    Alert.objects.update(acknowledged_at=NOW, acknowledged_by_name="Bea")
    assert not alert_unacknowledge(alert=alert, name="Casey", now=NOW)
    assert entries() == []


def test_an_alert_of_the_service_is_acknowledged_without_an_organization() -> None:
    assert alert_acknowledge(alert=make_alert(None), name="Support", now=NOW)
    assert AuditEntry.objects.get().organization is None


def test_who_unsubscribes_is_told_nothing_until_they_subscribe_again() -> None:
    recipient = make_recipient(make_organization(), name="Team box")
    assert recipient_unsubscribe(recipient=recipient, now=NOW)
    assert not recipient_unsubscribe(recipient=recipient, now=NOW)
    assert not Recipient.objects.reachable().exists()
    assert recipient_resubscribe(recipient=recipient, now=NOW)
    assert not recipient_resubscribe(recipient=recipient, now=NOW)
    assert Recipient.objects.reachable().get() == recipient
    assert entries() == [
        ("recipient.unsubscribe", "Team box"), ("recipient.resubscribe", "Team box"),
    ]  # fmt: skip


def test_a_link_names_the_recipient_and_no_user() -> None:
    user = make_user(email="casey@acme.example")
    fields = {"user": user, "name": "", "address": "casey@acme.example", "digest": "daily"}
    recipient = make_recipient(make_organization(), **fields)
    alert_acknowledge(alert=make_alert(recipient.organization), name="Casey", now=NOW)
    recipient_digest_stop(recipient=recipient, now=NOW)
    recipient_unsubscribe(recipient=recipient, now=NOW)
    for entry in AuditEntry.objects.all():
        assert (entry.author, entry.detail["by"]) == (None, "link")
    assert AuditEntry.objects.latest("id").author_name == "casey@acme.example"


def test_who_is_signed_in_is_named_as_the_author() -> None:
    user = make_user(email="casey@acme.example")
    recipient = make_recipient(make_organization(), user=user, name="")
    recipient_unsubscribe(recipient=recipient, now=NOW, user=user)
    entry = AuditEntry.objects.get()
    assert (entry.author, entry.author_name) == (user, "casey@acme.example")
    assert entry.detail == {"recipient": recipient.pk}


def test_who_was_removed_neither_unsubscribes_nor_comes_back() -> None:
    recipient = make_recipient(make_organization(), removed_at=NOW, unsubscribed_at=NOW)
    assert not recipient_resubscribe(recipient=recipient, now=NOW)
    assert not recipient_unsubscribe(recipient=recipient, now=NOW)
    assert entries() == []


def test_one_acknowledged_a_week_ago_may_be_acknowledged_anew() -> None:
    alert = make_alert(make_organization(), acknowledged_at=NOW - WEEK, acknowledged_by_name="Bea")
    assert not is_in_hand(alert, NOW)
    assert alert_acknowledge(alert=alert, name="Casey", now=NOW)
    found = Alert.objects.get()
    assert (found.acknowledged_at, found.acknowledged_by_name) == (NOW, "Casey")


def test_until_then_it_is_in_hand() -> None:
    late = NOW - WEEK + timedelta(seconds=1)
    alert = make_alert(make_organization(), acknowledged_at=late, acknowledged_by_name="Bea")
    assert is_in_hand(alert, NOW)
    assert not alert_acknowledge(alert=alert, name="Casey", now=NOW)
    assert Alert.objects.get().acknowledged_by_name == "Bea"
