"""People who stall and heal, and the alerts that come of it, minute by minute."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from accounts.models import Organization, Person
from monitoring.alerts.alert_checks import alerts_check
from monitoring.alerts.last_checks import Decision, Withdrawal
from monitoring.alerts.models import Alert, Message, Notification
from monitoring.alerts.watch import Watched, alerts_watch
from monitoring.alerts.withdrawals import NOBODY
from monitoring.health.models import Health
from tests.factories import NOW, make_person

BROKEN = "salesforce-user-inactive"
REVOKED = "google-access-revoked"
OVER, SILENCED, FEWER, ACKNOWLEDGED, BACK = (
    Withdrawal(f"It {what}, so it is not sent.")
    for what in (
        "is over by now",
        "is silenced by now",
        "is about far fewer people by now",
        "is acknowledged by now",
        "came back",
    )
)
ONE_OVER, ONE_FEWER = (
    Withdrawal(each.reason.replace("It", "One of its alerts", 1)) for each in (OVER, FEWER)
)
GONE = Withdrawal(NOBODY)


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def watch(minutes: float) -> Watched:
    """Let the tick look after alerts so many minutes after NOW."""
    return alerts_watch(at(minutes))


def make_stalled(
    organization: Organization,
    number: int = 1,
    *,
    cause: str = BROKEN,
    minutes: float = 0,
    team: str = "",
) -> list[Person]:
    """People who have needed a human since so many minutes after NOW."""
    people = [make_person(organization, team=team) for _ in range(number)]
    stall(people, cause, minutes)
    return people


def stall(people: Collection[Person], cause: str = BROKEN, minutes: float = 0) -> None:
    since = at(minutes)
    Health.objects.filter(person__in=people).update(
        status="stalled", cause=cause, severity=0, status_since=since, unwell_since=since
    )


def heal(people: Collection[Person]) -> None:
    Health.objects.filter(person__in=people).update(
        status="healthy", cause="", severity=4, unwell_since=None
    )


def only_alert() -> Alert:
    return Alert.objects.get()


def phases() -> list[tuple[str, int]]:
    """Return what was told in the order of telling: phase, and of how many people."""
    told = Notification.objects.filter(muted="").order_by("at", "id")
    return list(told.values_list("phase", "people"))


def mutes() -> list[tuple[str, int]]:
    return list(Notification.objects.exclude(muted="").values_list("muted", "people"))


def subjects() -> list[str]:
    return list(Message.objects.order_by("id").values_list("subject", flat=True))


def decided(minutes: float) -> list[Decision]:
    """Return what is to be done with each alert's message that waits, the oldest first."""
    waiting = list(Message.objects.waiting().order_by("id"))
    decisions = alerts_check(waiting, at(minutes))
    return [decisions[message.pk] for message in waiting]


def sent(minutes: float = 0, *messages: Message) -> None:
    """Let messages that wait have gone out."""
    waiting = Message.objects.waiting()
    if messages:
        waiting = waiting.filter(pk__in=[message.pk for message in messages])
    waiting.update(state="sent", sent_at=at(minutes), token=None, lease_until=None)
