from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, connections
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization
from monitoring.alerts import sources
from monitoring.alerts.findings import Finding
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Alert, Message, Notification, Recipient
from monitoring.alerts.watch import Watched, alerts_watch
from tests.factories import NOW, make_member, make_organization, make_person
from tests.monitoring.alerts.engine_makers import (
    BROKEN,
    at,
    heal,
    make_stalled,
    mutes,
    only_alert,
    phases,
    sent,
    stall,
    watch,
)
from tests.monitoring.alerts.makers import make_silence
from tests.monitoring.alerts.routing_makers import make_recipient, make_route

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_sources")]


def test_with_nothing_wrong_nothing_is_begun_or_told(acme: Organization) -> None:
    assert watch(0) == Watched()
    assert not Alert.objects.exists()


def test_people_who_stall_are_told_of_once_when_it_has_lasted(acme: Organization) -> None:
    make_stalled(acme, 5)
    assert watch(1) == Watched(begun=1)
    alert = only_alert()
    assert (alert.organization, alert.kind, alert.cause) == (acme, "stalled", BROKEN)
    assert (alert.people, alert.most_people, alert.severity) == (5, 5, Severity.WARNING)
    assert alert.began_at == NOW
    assert watch(14) == Watched()
    assert watch(15) == Watched(queued=1)
    assert watch(16) == Watched()
    message = Message.objects.get()
    assert (message.recipient, message.kind) == ("ada@acme.example", "alert")
    assert message.organization == acme
    assert "5 people" in message.subject
    assert Recipient.objects.get().told_at == at(15)


def test_what_heals_before_it_has_lasted_is_never_told(acme: Organization) -> None:
    people = make_stalled(acme, 5)
    watch(1)
    heal(people)
    assert watch(10) == Watched(ended=1)
    assert watch(60) == Watched()
    assert only_alert().ended_at == at(10)
    assert only_alert().is_settled
    assert not Message.objects.exists()


def test_an_end_is_told_with_how_long_it_lasted_once_it_has_settled(acme: Organization) -> None:
    people = make_stalled(acme, 5)
    watch(1)
    watch(15)
    sent(16)
    heal(people)
    watch(120)
    assert watch(149) == Watched()
    assert watch(150) == Watched(queued=1)
    sent(151)
    assert watch(155) == Watched()
    assert phases() == [("opened", 5), ("over", 5)]
    assert only_alert().is_settled


def test_it_grows_instead_of_being_told_again(acme: Organization) -> None:
    make_stalled(acme, 5)
    for minute in (1, 15):
        watch(minute)
    make_stalled(acme, 12, minutes=20)
    watch(30)
    assert only_alert().people == 17
    assert Alert.objects.count() == Message.objects.count() == 1
    assert watch(75) == Watched(queued=1)
    assert phases() == [("opened", 5), ("grown", 17)]


def test_getting_graver_is_told_by_itself(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Finding(AlertKind.COVERAGE, acme.pk, "", Severity.WARNING, people=4, weight=4)]
    coverage = (frozenset({AlertKind.COVERAGE}), lambda now: found)
    monkeypatch.setattr(sources, "_sources", {"coverage": coverage})
    for minute in (1, 16):
        watch(minute)
    found[0] = replace(found[0], severity=Severity.CRITICAL)
    for minute in (20, 22):
        watch(minute)
    assert phases() == [("opened", 4), ("grown", 4)]
    assert list(Notification.objects.order_by("pk").values_list("severity", flat=True)) == [2, 3]


def test_what_goes_on_is_reminded_of_daily_until_somebody_has_it(acme: Organization) -> None:
    make_stalled(acme, 5)
    watch(1)
    watch(15)
    day = 24 * 60
    assert watch(15 + day) == Watched(queued=1)
    assert watch(16 + day) == Watched()
    Alert.objects.update(acknowledged_at=at(20 + day), acknowledged_by_name="Ada")
    assert watch(15 + 3 * day) == Watched()
    assert phases() == [("opened", 5), ("reminder", 5)]


def test_failing_healing_and_failing_again_are_two_alerts(acme: Organization) -> None:
    people = make_stalled(acme, 5)
    for minute in (1, 15):
        watch(minute)
    sent(16)
    heal(people)
    watch(60)
    watch(90)
    stall(people, minutes=200)
    for minute in (200, 215):
        watch(minute)
    sent(216)
    heal(people)
    for minute in (300, 330):
        watch(minute)
    assert phases() == [("opened", 5), ("over", 5)] * 2
    first, second = Alert.objects.order_by("id")
    assert (first.began_at, first.ended_at) == (NOW, at(60))
    assert (second.began_at, second.ended_at) == (at(200), at(300))
    assert (first.flaps, second.flaps) == (0, 1)


def test_what_flaps_is_kept_back_and_seen_until_it_lasts(acme: Organization) -> None:
    people = make_stalled(acme, 5)
    for round_ in range(3):
        stall(people, minutes=10 * round_)
        watch(10 * round_)
        heal(people)
        watch(10 * round_ + 5)
    stall(people, minutes=30)
    watch(30)
    assert Alert.objects.open().get().flaps == 3
    assert watch(46) == Watched()
    assert mutes() == [("flapping", 5)]
    assert watch(47) == Watched()
    assert watch(90) == Watched(queued=1)
    assert mutes() == []
    assert phases() == [("opened", 5)]


def test_a_silence_keeps_the_beginning_back_and_never_the_end(acme: Organization) -> None:
    people = make_stalled(acme, 3)
    watch(1)
    silence = make_silence(acme, people, now=at(2))
    assert watch(15) == Watched()
    assert (only_alert().people, only_alert().silenced) == (3, 3)
    assert mutes() == [("silenced", 3)]
    silence.ended_at = at(20)
    silence.save()
    assert watch(21) == Watched(queued=1)
    assert mutes() == []
    sent(22)
    make_silence(acme, people, now=at(30))
    heal(people)
    watch(60)
    assert watch(90) == Watched(queued=1)
    assert phases() == [("opened", 3), ("over", 3)]


def test_who_is_not_silenced_is_told_of(acme: Organization) -> None:
    people = make_stalled(acme, 3)
    make_silence(acme, people[:2], now=NOW)
    watch(1)
    assert watch(15) == Watched(queued=1)
    assert phases() == [("opened", 1)]


def failing(now: datetime) -> Iterable[Finding]:
    raise ValueError("this source is broken")


def breaking_the_transaction(now: datetime) -> Iterable[Finding]:
    Alert.objects.create(kind="stalled", cause="x", severity=1, began_at=now, changed_at=None)
    return []


def giving_way(now: datetime) -> Iterable[Finding]:
    """Wait for something for too long, as for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '10ms'")
        cursor.execute("SELECT pg_sleep(60)")
    return []


@pytest.mark.parametrize("source", [failing, breaking_the_transaction, giving_way])
def test_a_source_that_fails_ends_nothing_and_stops_no_other(
    acme: Organization, source: sources.Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_stalled(acme, 2)
    watch(1)
    registered = dict(sources._sources)
    broken = (registered["stalled"][0], source)
    other = Finding(AlertKind.COVERAGE, acme.pk, "", Severity.WARNING, people=4)
    monkeypatch.setattr(
        sources,
        "_sources",
        {"stalled": broken, "other": (frozenset({AlertKind.COVERAGE}), lambda now: [other])},
    )
    assert watch(2) == Watched(begun=1)
    assert Alert.objects.open().count() == 2
    assert watch(15) == Watched(queued=1), "what it knew is told all the same"
    monkeypatch.setattr(sources, "_sources", registered)


def test_teams_are_kept_for_as_long_as_their_source_fails(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    sales = make_recipient(acme, address="sales@acme.example")
    make_route(acme, recipients=[sales], audience="chosen", teams=["Sales"])
    make_stalled(acme, 2, team="Support")
    watch(1)
    monkeypatch.setitem(sources._sources, "stalled", (sources._sources["stalled"][0], failing))
    assert watch(15) == Watched()


@pytest.mark.django_db(transaction=True)
def test_of_two_ticks_at_once_one_decides(acme: Organization) -> None:
    make_stalled(acme, 2)
    watch(1)
    start = Barrier(4)

    def decide(_: int) -> Watched:
        try:
            start.wait(10)
            return watch(15)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        watched = list(pool.map(decide, range(4)))
    assert sum(each.queued for each in watched) == 1
    assert Message.objects.count() == 1
    assert Notification.objects.count() == 1


def test_the_database_lets_no_alert_be_open_twice(acme: Organization) -> None:
    make_stalled(acme, 2)
    watch(1)
    again = only_alert()
    again.pk = None
    with pytest.raises(IntegrityError):
        again.save()


def test_a_clock_that_was_set_back_tells_nothing_twice(acme: Organization) -> None:
    make_stalled(acme, 2)
    for minute in (1, 15, 16, 15.5, 10, 17):
        watch(minute)
    assert phases() == [("opened", 2)]


def test_a_quiet_tick_asks_the_same_however_many_people_and_organizations() -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            alerts_watch(NOW)
        return len(queries)

    few = statements()
    for _ in range(3):
        organization = make_organization()
        make_member(organization)
        for _ in range(5):
            make_person(organization)
    assert statements() == few


@pytest.mark.parametrize("minutes", [1, 15])
def test_statements_do_not_grow_with_the_alerts_that_are_begun_and_told(minutes: float) -> None:
    def statements(organizations: int) -> int:
        for _ in range(organizations):
            organization = make_organization()
            make_member(organization)
            make_stalled(organization, 2, cause="a")
            make_stalled(organization, 2, cause="b")
        if minutes > 1:
            watch(1)
        with CaptureQueriesContext(connection) as queries:
            watch(minutes)
        Alert.objects.all().delete()
        Recipient.objects.all().delete()
        return len(queries)

    assert statements(2) == statements(6)
