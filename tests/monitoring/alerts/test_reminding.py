"""Reminders of what somebody has acknowledged: of more people than were told of, and in the end."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Organization
from monitoring.alerts.acknowledging import alert_acknowledge
from monitoring.alerts.alert_checks import alerts_check
from monitoring.alerts.last_checks import Leave
from monitoring.alerts.models import Message
from monitoring.alerts.outbox import mail_in
from monitoring.alerts.watch import Watched
from tests.monitoring.alerts.engine_makers import (
    ACKNOWLEDGED,
    REVOKED,
    at,
    heal,
    make_stalled,
    only_alert,
    phases,
    sent,
    watch,
)
from tests.monitoring.alerts.routing_makers import make_recipient, make_route

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_sources")]
DAY = 24 * 60


def acknowledge(minutes: float, name: str = "Ada") -> bool:
    return alert_acknowledge(alert=only_alert(), name=name, now=at(minutes))


def ticks(*minutes: float) -> None:
    for minute in minutes:
        watch(minute)
        sent(minute)


def decided(minutes: float) -> set[Any]:
    return set(alerts_check(list(Message.objects.waiting()), at(minutes)).values())


def test_who_joins_what_is_in_hand_is_told_of_within_a_day(acme: Organization) -> None:
    make_stalled(acme, 1, cause=REVOKED)
    ticks(1, 16)
    assert acknowledge(21)
    for day in range(1, 5):
        make_stalled(acme, 1, cause=REVOKED, minutes=day * DAY)
        ticks(day * DAY + 1, day * DAY + 20, day * DAY + 300)
    assert [people for _, people in phases()] == [1, 2, 3, 4, 5]


def test_what_is_in_hand_and_as_it_was_is_told_again_after_a_week(acme: Organization) -> None:
    make_stalled(acme, 6)
    ticks(1, 16)
    acknowledge(20)
    ticks(*(day * DAY for day in range(1, 7)), 7 * DAY + 19)
    assert phases() == [("opened", 6)]
    ticks(7 * DAY + 20)
    assert phases() == [("opened", 6), ("reminder", 6)]
    mail = mail_in(Message.objects.latest("pk")).text
    assert "Ada has acknowledged it: 2026-11-" in mail
    assert "Acknowledging tells the others" in mail
    ticks(8 * DAY + 21)
    assert phases()[2:] == [("reminder", 6)]
    assert acknowledge(8 * DAY + 22, "Bea")
    ticks(10 * DAY)
    assert len(phases()) == 3


def test_fewer_people_are_no_reminder(acme: Organization) -> None:
    people = make_stalled(acme, 6)
    ticks(1, 16)
    acknowledge(20)
    heal(people[:2])
    make_stalled(acme, 2, minutes=100)
    ticks(101, 2 * DAY)
    assert phases() == [("opened", 6)]


def test_a_reminder_of_more_people_is_sent_although_acknowledged_before(
    acme: Organization,
) -> None:
    make_stalled(acme, 6)
    ticks(1, 16)
    acknowledge(20)
    make_stalled(acme, 1, minutes=100)
    ticks(101)
    assert watch(DAY + 30) == Watched(queued=1)
    assert decided(DAY + 31) == {Leave.SEND}


def test_a_reminder_is_withdrawn_where_somebody_acknowledged_since_it_was_queued(
    acme: Organization,
) -> None:
    make_stalled(acme, 6)
    ticks(1, 16)
    assert watch(DAY + 30) == Watched(queued=1)
    acknowledge(DAY + 31)
    assert decided(DAY + 32) == {ACKNOWLEDGED}
    Message.objects.waiting().update(state="withdrawn", ended_at=at(DAY + 32))
    assert watch(DAY + 33) == Watched()


def test_what_nobody_took_care_of_for_a_week_escalates_level_by_level(acme: Organization) -> None:
    make_route(acme)
    make_route(acme, recipients=[make_recipient(acme, address="boss@acme.example")], after=3_600)
    make_route(acme, recipients=[make_recipient(acme, address="chief@acme.example")], after=14_400)
    make_stalled(acme, 6)
    ticks(1, 16)
    acknowledge(20)
    ticks(DAY, 7 * DAY + 19, 7 * DAY + 20, 7 * DAY + 79)
    assert phases() == [("opened", 6), ("reminder", 6)]
    watch(7 * DAY + 80)
    assert Message.objects.waiting().get().recipient == "boss@acme.example"
    assert decided(7 * DAY + 81) == {Leave.SEND}
    sent(7 * DAY + 81)
    watch(7 * DAY + 260)
    assert Message.objects.waiting().get().recipient == "chief@acme.example"
