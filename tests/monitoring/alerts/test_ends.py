"""Ends, and what was withdrawn or given up before: what is told of them, and to whom."""

from __future__ import annotations

import pytest

from accounts.models import Organization
from monitoring.alerts import sources
from monitoring.alerts.findings import Finding
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Message, Notification, Recipient
from monitoring.alerts.watch import TOO_LATE, Watched, alerts_watch
from tests.factories import make_member, make_organization, make_user
from tests.monitoring.alerts.engine_makers import (
    at,
    heal,
    make_stalled,
    only_alert,
    phases,
    sent,
    watch,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_sources")]


def test_withdrawn_messages_are_planned_anew_and_failed_ones_are_not(acme: Organization) -> None:
    make_stalled(acme, 2)
    watch(1)
    watch(15)
    Message.objects.update(state="withdrawn")
    assert watch(16) == Watched(queued=1)
    assert Notification.objects.count() == 1
    Message.objects.filter(state="queued").update(state="failed")
    assert watch(17) == Watched()


def test_an_end_waits_for_what_is_still_in_the_outbox(acme: Organization) -> None:
    people = make_stalled(acme, 2)
    watch(1)
    watch(15)
    heal(people)
    watch(20)
    assert watch(60) == Watched()
    Message.objects.update(state="withdrawn")
    assert watch(61) == Watched()
    assert only_alert().is_settled


def test_the_end_of_what_nobody_got_is_not_told(acme: Organization) -> None:
    people = make_stalled(acme, 2)
    for minute in (1, 15):
        watch(minute)
    Message.objects.update(state="failed")
    heal(people)
    watch(20)
    assert watch(60) == Watched()
    assert only_alert().is_settled


def test_the_end_is_told_to_whom_only_the_beginning_did_not_reach(acme: Organization) -> None:
    people = make_stalled(acme, 2)
    for minute in (1, 15):
        watch(minute)
    Message.objects.update(state="failed")
    day = 24 * 60
    assert watch(15 + day) == Watched(queued=1)
    sent(16 + day)
    heal(people)
    watch(20 + day)
    assert watch(60 + day) == Watched(queued=1)


def test_an_event_is_no_news_to_who_comes_days_after_it(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Finding(AlertKind.RULE_CHANGE, acme.pk, "1", Severity.NOTICE)]
    changed = (frozenset({AlertKind.RULE_CHANGE}), lambda now: found)
    monkeypatch.setattr(sources, "_sources", {"changes": changed})
    watch(1)
    assert phases() == [("opened", 0)]
    sent(2)
    found.clear()
    day = 24 * 60
    watch(day)
    make_member(acme, user=make_user(email="ben@acme.example"))
    assert watch(4 * day + 1) == Watched()
    assert only_alert().is_settled


def test_an_end_that_must_wait_holds_up_no_other_organization(acme: Organization) -> None:
    globex = make_organization(name="Globex")
    make_member(globex, user=acme.members.get().user)
    people = make_stalled(acme, 2)
    for minute in (1, 15):
        watch(minute)
    heal(people)
    watch(20)
    make_stalled(globex, 3, minutes=60)
    watch(61)
    assert watch(76) == Watched(queued=1)
    assert phases() == [("opened", 2), ("opened", 3)]


def test_an_end_that_was_withdrawn_with_others_is_told_after_all(acme: Organization) -> None:
    people = make_stalled(acme, 2)
    for minute in (1, 15):
        watch(minute)
    sent(16)
    heal(people)
    watch(20)
    assert watch(50) == Watched(queued=1)
    watch(51)
    Message.objects.filter(state="queued").update(state="withdrawn")
    assert watch(52) == Watched(queued=1)


def test_an_end_that_nobody_could_be_told_of_is_left_after_some_days(acme: Organization) -> None:
    people = make_stalled(acme, 2)
    for minute in (1, 15):
        watch(minute)
    sent(16)
    Recipient.objects.update(unsubscribed_at=at(17))
    heal(people)
    watch(20)
    alerts_watch(at(20) + TOO_LATE)
    assert not only_alert().is_settled
    alerts_watch(at(21) + TOO_LATE)
    assert only_alert().is_settled
