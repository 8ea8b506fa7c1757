"""When it is told that an alert is over, as its page says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from monitoring.alerts.kinds import AlertKind
from monitoring.alerts.models import Alert, Message, Notification
from monitoring.alerts.plan_facts import Phase
from tests.factories import NOW
from tests.monitoring.console.alert_makers import HOUR, make_alert, make_over, make_told
from tests.monitoring.console.conftest import Cast
from tests.monitoring.console.markup import text

MINUTE = timedelta(minutes=1)
SOON = "That it is over is told at 13:20, if it does not come back before."
NOW_DUE = "That it is over is told within a minute, or when their quiet hours end."
BACK = "It came back. That it is over is told once what came back is over, too."


def ended(cast: Cast, minutes: float = 10) -> Alert:
    """An alert that somebody was told of, over for so many minutes."""
    alert = make_over(cast.acme, began_at=NOW - 5 * HOUR, ended_at=NOW - minutes * MINUTE)
    make_told(alert)
    return alert


def page_of(client: Client, alert: Alert) -> str:
    return text(client.get(f"/o/acme/alerts/{alert.pk}/"))


def test_when_its_end_is_told_is_said(cast: Cast, admin_client: Client) -> None:
    assert SOON in page_of(admin_client, ended(cast))
    assert NOW_DUE in page_of(admin_client, ended(cast, 31))


def test_one_that_came_back_is_said_to_have(cast: Cast, admin_client: Client) -> None:
    alert = ended(cast, 60)
    make_alert(cast.acme, began_at=NOW - 50 * MINUTE)
    assert BACK in page_of(admin_client, alert)


def test_what_came_back_and_went_puts_it_off(cast: Cast, admin_client: Client) -> None:
    alert = ended(cast, 60)
    make_over(cast.acme, began_at=NOW - 50 * MINUTE, ended_at=NOW - 10 * MINUTE)
    assert SOON in page_of(admin_client, alert)


@pytest.mark.parametrize(
    "why", ["going on", "told", "settled", "nobody heard", "unsent", "failed", "event"]
)
def test_of_others_nothing_is_said(cast: Cast, admin_client: Client, why: str) -> None:
    alert = ended(cast)
    match why:
        case "going on":
            Alert.objects.update(ended_at=None)
        case "told":
            make_told(alert, Notification.objects.get().recipient, phase=Phase.OVER)
        case "settled":
            Alert.objects.update(is_settled=True)
        case "nobody heard":
            Notification.objects.all().delete()
        case "unsent" | "failed":
            state = "queued" if why == "unsent" else "failed"
            Message.objects.update(state=state, sent_at=None)
        case "event":
            Alert.objects.update(kind=AlertKind.RULE_CHANGE, cause="rule change 7")
    assert "over is told" not in page_of(admin_client, alert)
