"""What the demo's second organization shows: alerts told in one mail, and one that flaps."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

import pytest

from accounts.models import Organization
from monitoring.alerts.delivery import KEPT_HERE
from monitoring.alerts.models import Alert, Message, Notification
from monitoring.alerts.outbox import mail_in
from monitoring.console.alert_words import labels_of
from synccenter.demo.cast import HOUSES, LOGINS
from synccenter.demo.past import moved_at
from synccenter.demo.seed import demo_seed
from synccenter.demo.world import build_world
from tests.factories import NOW

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
AT_NIGHT = NOW + 15 * HOUR


def globex_at(now: datetime) -> Organization:
    """The second organization of a demo that is started now."""
    random = Random(1)
    demo_seed(world=build_world(now, random), now=now, random=random, say=str)
    return Organization.objects.get(slug=HOUSES[1].slug)


def test_what_happened_to_two_people_in_a_night_is_told_in_one_mail_each_morning() -> None:
    globex = globex_at(AT_NIGHT)
    causes = ["google-service-off-for-user", "salesforce-api-off-for-user"]
    alerts = Alert.objects.filter(organization=globex, cause__in=causes)
    assert sorted(alerts.values_list("cause", flat=True)) == causes
    began, over = Message.objects.filter(notifications__alert__in=alerts).distinct().order_by("pk")
    morning = moved_at(AT_NIGHT).replace(hour=6)
    for mail, at in ((began, morning), (over, morning + 24 * HOUR)):
        assert timedelta() <= mail.created_at - at <= timedelta(minutes=2)
        assert (mail.recipient, mail.answer) == (LOGINS[2].email, KEPT_HERE)
        assert mail.notifications.count() == 2
    assert began.subject.startswith("2 alerts: ")
    assert over.subject.startswith("2 alerts over: ")
    text = mail_in(began).text
    for words in ("Kathleen Booth", "Mary Shaw", "Google Calendar is switched off"):
        assert words in text, words


def test_whose_laptop_is_opened_now_and_then_has_a_flapping_alert() -> None:
    globex = globex_at(NOW)
    alerts = list(Alert.objects.filter(organization=globex, cause="silent").order_by("began_at"))
    assert [alert.flaps for alert in alerts] == [0, 1, 2, 3, 4]
    *earlier, last = alerts
    assert all(alert.ended_at for alert in earlier)
    assert (last.ended_at, labels_of(last)) == (None, ["flapping: came back 4 times within a day"])
    told = Notification.objects.filter(alert__in=alerts).exclude(message=None)
    assert set(told.values_list("alert", flat=True)) == {alert.pk for alert in alerts[:2]}
    muted = Notification.objects.filter(alert__in=alerts, message=None)
    assert list(muted.order_by("alert__began_at").values_list("alert", "muted")) == [
        (alert.pk, "flapping") for alert in alerts[3:]
    ]
    assert list(Alert.objects.filter(organization=globex).muted()) == [last]
