from __future__ import annotations

from datetime import time

import pytest

from accounts.access import Access, access_for
from accounts.models import Organization
from monitoring.alerts.models import Message, Recipient
from monitoring.alerts.routes import RouteWanted, route_add, route_change, route_remove
from tests.factories import NOW, make_member, make_organization, make_user
from tests.monitoring.alerts.engine_makers import at, heal, make_stalled, only_alert, sent, watch
from tests.monitoring.alerts.makers import make_silence
from tests.monitoring.alerts.routing_makers import make_recipient

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization(name="Acme")


@pytest.fixture
def access(acme: Organization) -> Access:
    member = make_member(acme, user=make_user(email="ada@acme.example"))
    return access_for(member.user, acme.slug)


@pytest.fixture
def boss(acme: Organization) -> Recipient:
    return make_recipient(acme, address="boss@acme.example")


def told() -> list[str]:
    return list(Message.objects.order_by("pk").values_list("recipient", flat=True))


def escalate(access: Access, boss: Recipient) -> str:
    wanted = RouteWanted("chosen", recipients=frozenset({boss.pk}), after=1_800)
    return str(route_add(access=access, wanted=wanted, now=NOW).pk)


def test_the_next_one_is_told_only_if_nobody_acknowledges(
    acme: Organization, access: Access, boss: Recipient
) -> None:
    escalate(access, boss)
    make_stalled(acme, 5)
    for minute in (1, 15, 44):
        watch(minute)
    assert told() == ["ada@acme.example"]
    watch(45)
    assert told() == ["ada@acme.example", "boss@acme.example"]
    assert Message.objects.get(recipient="boss@acme.example").subject.startswith("Not acknowledged")


def test_after_a_silence_the_first_have_their_time_to_answer(
    acme: Organization, access: Access, boss: Recipient
) -> None:
    escalate(access, boss)
    make_silence(acme, make_stalled(acme, 5), now=NOW, ends_at=at(600))
    for minute in (1, 16, 400, 601, 630):
        watch(minute)
    assert told() == ["ada@acme.example"]
    watch(631)
    assert told() == ["ada@acme.example", "boss@acme.example"]


def test_nobody_else_is_told_of_what_is_acknowledged(
    acme: Organization, access: Access, boss: Recipient
) -> None:
    escalate(access, boss)
    make_stalled(acme, 5)
    for minute in (1, 15):
        watch(minute)
    alert = only_alert()
    alert.acknowledged_at = at(20)
    alert.save()
    for minute in (45, 90):
        watch(minute)
    assert told() == ["ada@acme.example"]


def test_who_was_told_hears_of_the_end_though_their_route_is_gone(
    acme: Organization, access: Access, boss: Recipient
) -> None:
    key = escalate(access, boss)
    people = make_stalled(acme, 5)
    for minute in (1, 15, 45):
        watch(minute)
    sent(46)
    route_remove(access=access, key=key, now=at(50))
    heal(people)
    for minute in (60, 95, 97):
        watch(minute)
    assert told().count("boss@acme.example") == 2


def test_a_route_that_is_changed_decides_from_the_next_tick_on(
    acme: Organization, access: Access, boss: Recipient
) -> None:
    make_stalled(acme, 5)
    watch(1)
    wanted = RouteWanted("chosen", recipients=frozenset({boss.pk}))
    route_change(access=access, key="built-in-1", wanted=wanted, now=at(5))
    watch(15)
    assert told() == ["boss@acme.example"]


def test_what_can_wait_waits_for_the_end_of_the_quiet_hours(
    acme: Organization, access: Access, boss: Recipient
) -> None:
    Recipient.objects.filter(pk=boss.pk).update(quiet_from=time(11), quiet_until=time(14))
    wanted = RouteWanted("chosen", recipients=frozenset({boss.pk}))
    route_change(access=access, key="built-in-1", wanted=wanted, now=NOW)
    make_stalled(acme, 5)
    for minute in (1, 15, 119):
        watch(minute)
    assert told() == []
    watch(120)
    assert told() == ["boss@acme.example"]
