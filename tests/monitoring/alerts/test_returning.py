"""What comes back: it is not said to be over before what came back is over, too."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Organization
from monitoring.alerts.alert_checks import alerts_check
from monitoring.alerts.last_checks import Leave
from monitoring.alerts.models import Alert, AlertPolicy, Message, Notification
from monitoring.alerts.returning import Return, returns_of
from monitoring.alerts.watch import TOO_LATE, Watched
from tests.factories import make_organization
from tests.monitoring.alerts.engine_makers import (
    BACK,
    at,
    heal,
    make_stalled,
    mutes,
    phases,
    sent,
    stall,
    subjects,
    watch,
)
from tests.monitoring.alerts.makers import make_silence

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_sources")]
TOO_LATE_MINUTES = TOO_LATE.total_seconds() / 60


def alert(
    organization: Organization | None, began: float, ended: float | None, **fields: Any
) -> Alert:
    """An alert from one minute to another, told to nobody."""
    made = {"kind": "stalled", "cause": "x", "severity": 2, "changed_at": at(began)} | fields
    over = None if ended is None else at(ended)
    return Alert.objects.create(
        organization=organization, began_at=at(began), ended_at=over, **made
    )


def ticks(*minutes: float) -> None:
    """Let ticks pass, each followed by a sender that sends all."""
    for minute in minutes:
        watch(minute)
        sent(minute)


def test_five_who_stall_again_after_ten_minutes_are_not_said_to_be_well(
    acme: Organization,
) -> None:
    people = make_stalled(acme, 5)
    ticks(1, 15)
    heal(people)
    ticks(60)
    stall(people, minutes=70)
    ticks(70, 85, 90, 91, 200)
    assert phases() == [("opened", 5), ("opened", 5)]
    heal(people)
    ticks(210, 239)
    assert len(phases()) == 2
    ticks(240)
    assert phases()[2:] == [("over", 5), ("over", 5)]
    assert len(subjects()) == 3, "both ends are one message"
    ticks(241)
    assert not Alert.objects.filter(is_settled=False).exists()


def test_while_it_flaps_unheard_the_last_word_is_not_that_it_is_over(acme: Organization) -> None:
    people = make_stalled(acme, 5)
    ticks(1, 15)
    for minute in (20, 42, 64):
        heal(people)
        ticks(minute)
        stall(people, minutes=minute + 2)
        ticks(minute + 2, minute + 17)
    assert mutes() == [("flapping", 5)]
    told = phases()
    ticks(94, 100, 120)
    assert phases() == told
    assert "over" not in dict(told)
    ticks(126)
    assert phases()[-1] == ("opened", 5)
    heal(people)
    ticks(130, 160)
    assert [phase for phase, _ in phases()].count("over") == 4


def test_who_came_back_for_less_than_is_told_puts_the_end_off(acme: Organization) -> None:
    people = make_stalled(acme, 5)
    ticks(1, 15)
    heal(people)
    ticks(60)
    stall(people, minutes=70)
    ticks(70)
    heal(people)
    ticks(75, 76, 104)
    assert Alert.objects.filter(is_settled=True).count() == 1
    assert phases() == [("opened", 5)]
    ticks(105)
    assert phases() == [("opened", 5), ("over", 5)]


def test_an_end_that_waits_for_long_is_not_forgotten(acme: Organization) -> None:
    people = make_stalled(acme, 5)
    ticks(1, 15)
    heal(people)
    ticks(60)
    stall(people, minutes=70)
    much_later = 100 + 2 * TOO_LATE_MINUTES
    ticks(70, 85, much_later)
    assert not Alert.objects.filter(is_settled=True).exists()
    heal(people)
    ticks(much_later + 1, much_later + 31)
    assert [phase for phase, _ in phases()].count("over") == 2


def test_an_end_that_nobody_can_be_told_is_given_up_a_while_after_the_last_like_it(
    acme: Organization,
) -> None:
    people = make_stalled(acme, 5)
    ticks(1, 15)
    Message.objects.update(state="queued")
    heal(people)
    watch(60)
    stall(people, minutes=70)
    watch(70)
    heal(people)
    watch(75)
    Message.objects.update(state="sent")
    first = Alert.objects.earliest("pk")
    assert first.ended_at == at(60)
    acme.members.all().delete()
    watch(60 + TOO_LATE_MINUTES + 10)
    assert not Alert.objects.get(pk=first.pk).is_settled
    watch(75 + TOO_LATE_MINUTES + 1)
    assert Alert.objects.get(pk=first.pk).is_settled


def test_an_end_is_withdrawn_where_it_came_back_before_it_was_sent(acme: Organization) -> None:
    people = make_stalled(acme, 5)
    ticks(1, 15)
    heal(people)
    watch(60)
    assert watch(90) == Watched(queued=1)
    waiting = list(Message.objects.waiting())
    assert alerts_check(waiting, at(91)) == {waiting[0].pk: Leave.SEND}
    stall(people, minutes=92)
    watch(92)
    assert alerts_check(waiting, at(93)) == {waiting[0].pk: BACK}
    Message.objects.waiting().update(state="withdrawn", ended_at=at(93))
    ticks(94, 107)
    assert phases()[-1] == ("opened", 5)
    heal(people)
    ticks(120, 150)
    over = Notification.objects.filter(phase="over").exclude(message__state="withdrawn")
    assert over.count() == 2


def test_an_end_that_waits_is_withdrawn_where_it_came_back_and_went_a_moment_ago(
    acme: Organization,
) -> None:
    AlertPolicy.objects.create(organization=acme, over=3_600)
    people = make_stalled(acme, 5)
    ticks(1, 15)
    heal(people)
    watch(60)
    assert watch(120) == Watched(queued=1)
    waiting = list(Message.objects.waiting())
    stall(people, minutes=122)
    watch(122)
    heal(people)
    watch(125)
    assert alerts_check(waiting, at(184)) == {waiting[0].pk: BACK}
    assert alerts_check(waiting, at(185)) == {waiting[0].pk: Leave.SEND}
    Message.objects.waiting().update(state="withdrawn", ended_at=at(126))
    ticks(126, 184)
    assert not Message.objects.waiting().exists()
    assert watch(185) == Watched(queued=1)


def test_alike_are_those_of_one_place_and_incidents_of_one_provider(acme: Organization) -> None:
    globex = make_organization(slug="globex")
    salesforce, google = {"provider": "salesforce"}, {"provider": "google"}
    first = alert(acme, 0, 10)
    alert(acme, 20, None)
    again = alert(acme, 0, 10, cause="y")
    alert(acme, 20, 30, cause="y")
    alert(acme, 40, 50, cause="y")
    down = alert(acme, 0, 10, kind="incident", cause="1", facts=salesforce)
    alert(acme, 5, None, kind="incident", cause="2", facts=salesforce)
    alone = alert(acme, 0, 10, kind="incident", cause="3", facts=google)
    alert(globex, 20, None, kind="incident", cause="4", facts=google)
    alert(None, 20, None, kind="incident", cause="5", facts=google)
    queue = alert(None, 0, 10, kind="service", cause="queue")
    alert(None, 20, None, kind="service", cause="queue")
    alert(acme, 20, None, kind="reauthorize", cause="z")
    other_kind = alert(acme, 0, 10, cause="z")
    over = [first, again, down, alone, queue, other_kind]
    assert returns_of(over) == {
        first.pk: Return(is_back=True),
        again.pk: Return(until=at(50)),
        down.pk: Return(is_back=True),
        queue.pk: Return(is_back=True),
    }


def test_what_comes_back_silenced_puts_no_end_off(acme: Organization) -> None:
    people = make_stalled(acme, 5)
    ticks(1, 15)
    heal(people)
    ticks(60)
    stall(people[:1], minutes=62)
    make_silence(acme, people[:1], now=at(62), ends_at=at(29 * 1_440))
    ticks(62, 77, 89)
    assert phases() == [("opened", 5)]
    ticks(90)
    assert phases() == [("opened", 5), ("over", 5)]
    assert mutes() == [("silenced", 1)]


@pytest.mark.parametrize(
    ("people", "silenced", "ended", "expected"),
    [
        (3, 3, None, None),
        (3, 3, 30, None),
        (3, 2, None, Return(is_back=True)),
        (3, 2, 30, Return(until=at(30))),
        (0, 0, None, Return(is_back=True)),
    ],
)
def test_what_may_not_be_told_of_is_no_return(
    acme: Organization, people: int, silenced: int, ended: float | None, expected: Return | None
) -> None:
    first = alert(acme, 0, 10)
    alert(acme, 20, ended, people=people, silenced=silenced)
    assert returns_of([first]).get(first.pk) == expected


def test_one_that_began_before_does_not_keep_an_end(acme: Organization) -> None:
    facts = {"provider": "salesforce"}
    alert(acme, 0, None, kind="incident", cause="1", facts=facts)
    later = alert(acme, 5, 10, kind="incident", cause="2", facts=facts)
    assert returns_of([later]) == {}


def test_nothing_is_asked_where_nothing_is_over(
    acme: Organization, django_assert_num_queries: Any
) -> None:
    going_on = alert(acme, 0, None)
    with django_assert_num_queries(0):
        assert returns_of([going_on]) == {}
