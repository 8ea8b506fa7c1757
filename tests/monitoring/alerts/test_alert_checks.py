from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization, Person
from monitoring.alerts.alert_checks import (
    PACE,
    alerts_check,
    asleep_until,
    paced,
)
from monitoring.alerts.hours import Hours
from monitoring.alerts.last_checks import Leave
from monitoring.alerts.models import Alert, Message, Recipient
from monitoring.alerts.sending import messages_work
from monitoring.alerts.still_so import Claim, decisive, is_right
from monitoring.alerts.watch import Watched, alerts_watch
from tests.factories import NOW, make_member, make_organization, make_user
from tests.monitoring.alerts import makers
from tests.monitoring.alerts.engine_makers import (
    ACKNOWLEDGED,
    GONE,
    ONE_OVER,
    OVER,
    SILENCED,
    at,
    decided,
    heal,
    make_stalled,
    phases,
    sent,
    stall,
    subjects,
    watch,
)
from tests.monitoring.alerts.makers import make_message, make_silence
from tests.monitoring.alerts.post import Post
from tests.monitoring.alerts.routing_makers import make_recipient, make_route
from tests.monitoring.console.alert_makers import make_alert, make_told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_sources")]
ADA = "ada@acme.example"


def test_what_is_still_so_is_sent(acme: Organization) -> None:
    make_stalled(acme, 3)
    for minute in (1, 15):
        watch(minute)
    assert decided(16) == [Leave.SEND]


def test_what_healed_in_the_outbox_is_withdrawn(acme: Organization) -> None:
    people = make_stalled(acme, 3)
    for minute in (1, 15):
        watch(minute)
    heal(people)
    assert decided(16) == [Leave.SEND], "nobody has seen it yet"
    watch(16)
    assert decided(16) == [OVER]


def told_of_both(acme: Organization) -> tuple[list[Person], list[Person]]:
    """Queue one message of two alerts, the first of which is what it names in its subject."""
    both = make_stalled(acme, 3, cause="a"), make_stalled(acme, 2, cause="b")
    for minute in (1, 15):
        watch(minute)
    (subject,) = subjects()
    assert subject.startswith("2 alerts: ")
    assert "3 people" in subject
    return both


def test_what_is_left_of_a_message_is_planned_anew(acme: Organization) -> None:
    healed, _ = told_of_both(acme)
    heal(healed)
    watch(15.5)
    assert decided(16) == [ONE_OVER]
    Message.objects.update(state="withdrawn", ended_at=at(16))
    assert watch(16.5) == Watched(queued=1)
    assert decided(17) == [Leave.SEND]
    waiting = Message.objects.waiting().get()
    assert [each.alert.cause for each in waiting.notifications.all()] == ["b"]


def test_what_is_left_of_a_message_keeps_its_place_in_the_queue(acme: Organization) -> None:
    healed, _ = told_of_both(acme)
    behind = make_waiting("ben@acme.example", now=at(16))
    heal(healed)
    watch(20)
    Message.objects.exclude(pk=behind.pk).update(state="withdrawn", ended_at=at(240))
    assert watch(241) == Watched(queued=1)
    first, second = Message.objects.waiting().order_by("next_try_at")
    assert (first.recipient, first.next_try_at, first.created_at) == (ADA, at(15), at(241))
    assert second == behind


def test_a_place_that_was_lost_long_ago_is_nobodys(acme: Organization) -> None:
    told_of_both(acme)
    Message.objects.update(state="withdrawn", ended_at=at(20))
    assert watch(31) == Watched(queued=1)
    assert Message.objects.waiting().get().next_try_at == at(31)


def test_of_many_alerts_one_may_have_healed(acme: Organization) -> None:
    _, healed = told_of_both(acme)
    heal(healed)
    watch(16)
    assert decided(16) == [Leave.SEND]
    sent(16)
    assert watch(46) == Watched(queued=1)
    assert phases() == [("opened", 3), ("opened", 2), ("over", 2)]


def test_a_message_of_which_nothing_is_left_is_withdrawn(acme: Organization) -> None:
    for people in told_of_both(acme):
        heal(people)
    watch(16)
    assert decided(16) == [ONE_OVER]


def test_what_is_wholly_silenced_meanwhile_is_withdrawn(acme: Organization) -> None:
    people = make_stalled(acme, 3)
    for minute in (1, 15):
        watch(minute)
    silence = make_silence(acme, people[:1], now=at(15))
    watch(15.5)
    assert decided(16) == [Leave.SEND]
    make_silence(acme, people[1:], author=silence.author, now=at(16))
    watch(16)
    assert decided(16) == [SILENCED]


@pytest.mark.parametrize("field", ["unsubscribed_at", "removed_at"])
def test_who_wants_no_more_is_sent_no_more(acme: Organization, field: str) -> None:
    make_stalled(acme, 3)
    for minute in (1, 15):
        watch(minute)
    Recipient.objects.update(**{field: at(16)})
    assert decided(16) == [GONE]


def test_an_address_that_has_not_confirmed_is_sent_nothing(acme: Organization) -> None:
    make_route(acme, [make_recipient(acme)])
    make_stalled(acme, 3)
    for minute in (1, 15):
        watch(minute)
    Recipient.objects.update(confirmed_at=None)
    assert decided(16) == [GONE]


def test_whose_login_was_switched_off_is_sent_no_more(acme: Organization) -> None:
    make_stalled(acme, 3)
    for minute in (1, 15):
        watch(minute)
    user = acme.members.get().user
    user.is_active = False
    user.save()
    assert decided(16) == [GONE]


def test_who_left_the_organization_is_sent_no_more(acme: Organization) -> None:
    make_stalled(acme, 3)
    for minute in (1, 15):
        watch(minute)
    acme.members.get().delete()
    assert decided(16) == [GONE]


def test_who_belongs_to_the_support_staff_no_more_is_sent_no_more(acme: Organization) -> None:
    support = make_user(email="support@sync.example", is_staff=True)
    recipient = make_recipient(None, user=support)
    make_told(make_alert(acme), recipient, state="queued")
    assert decided(0) == [Leave.SEND]
    support.is_staff = False
    support.save()
    assert decided(0) == [GONE]


def test_a_reminder_is_withdrawn_when_somebody_has_it(acme: Organization) -> None:
    make_stalled(acme, 3)
    for minute in (1, 15):
        watch(minute)
    sent(16)
    watch(16 + 24 * 60)
    Alert.objects.update(acknowledged_at=at(1500))
    assert decided(1500) == [ACKNOWLEDGED]


def test_an_escalation_is_withdrawn_when_somebody_has_it(acme: Organization) -> None:
    make_route(acme)
    make_route(acme, recipients=[make_recipient(acme, address="boss@acme.example")], after=3_600)
    make_stalled(acme, 3)
    for minute in (1, 15):
        watch(minute)
    sent(16)
    assert watch(75) == Watched(queued=1)
    assert decided(75) == [Leave.SEND]
    Alert.objects.update(acknowledged_at=at(75))
    assert decided(75) == [ACKNOWLEDGED]


def test_an_end_is_sent_although_silenced(acme: Organization) -> None:
    people = make_stalled(acme, 3)
    for minute in (1, 15):
        watch(minute)
    sent(16)
    heal(people)
    for minute in (20, 50):
        watch(minute)
    make_silence(acme, people, now=at(50))
    watch(51)
    assert decided(52) == [Leave.SEND]
    assert phases() == [("opened", 3), ("over", 3)]


def test_one_that_is_of_no_alert_any_more_is_sent(acme: Organization) -> None:
    make_message(kind="alert", recipient=ADA)
    assert decided(0) == [Leave.SEND]


# Quiet hours


def sleeping(**overrides: Any) -> datetime:
    """Give everybody quiet hours from 12:20 on, and return when they end."""
    Recipient.objects.update(
        **{"quiet_from": time(12, 20), "quiet_until": time(7), "time_zone": "UTC"} | overrides
    )
    return NOW.replace(hour=7) + timedelta(days=1)


def test_what_waited_into_quiet_hours_waits_until_they_end(acme: Organization) -> None:
    make_stalled(acme, 3)
    for minute in (1, 15):
        watch(minute)
    morning = sleeping()
    assert decided(19) == [Leave.SEND]
    assert decided(20) == [morning]
    assert decided((morning - NOW) / timedelta(minutes=1)) == [Leave.SEND]


def test_quiet_hours_are_those_of_the_members_clock_and_days(acme: Organization) -> None:
    make_stalled(acme, 3)
    for minute in (1, 15):
        watch(minute)
    acme.members.update(time_zone="Europe/Berlin")
    # 12:20 UTC is 13:20 in Berlin on a Friday; seven o'clock on Monday there is six.
    sleeping(quiet_from=time(13, 20), working_days="12345")
    assert decided(19) == [Leave.SEND]
    assert decided(20) == [NOW.replace(day=23, hour=6)]


@pytest.mark.parametrize(("urgent_always", "is_sent"), [(True, True), (False, False)])
def test_what_is_urgent_is_sent_in_quiet_hours_to_who_wants_it(
    acme: Organization, urgent_always: bool, is_sent: bool
) -> None:
    for cause in "ab":
        make_stalled(acme, 3, cause=cause)
    for minute in (1, 15):
        watch(minute)
    morning = sleeping(urgent_always=urgent_always)
    Alert.objects.filter(cause="b").update(severity=3)
    assert decided(20) == [Leave.SEND if is_sent else morning]


def test_who_sleeps_takes_no_turn_of_the_pace(acme: Organization) -> None:
    asleep, awake = (make_recipient(make_organization(), address=ADA) for _ in range(2))
    for recipient in (asleep, awake):
        make_told(make_alert(recipient.organization), recipient, state="queued")
    morning = sleeping()
    Recipient.objects.filter(pk=awake.pk).update(quiet_from=None, quiet_until=None)
    assert decided(20) == [morning, Leave.SEND]


def test_who_is_awake_never_is_asked_again_a_day_later() -> None:
    claim = Claim(1, "opened", "stalled", 2, False, False, False, False, Hours(days=frozenset()))
    assert asleep_until([claim], NOW) == NOW + timedelta(days=1)
    assert asleep_until([], NOW) is None


# The pace


def make_waiting(address: str = ADA, **overrides: Any) -> Message:
    return makers.make_message(kind="alert", recipient=address, **overrides)


def test_of_several_to_one_address_the_first_goes_and_the_others_wait() -> None:
    make_waiting()
    make_waiting(ADA.upper())
    make_waiting("ben@acme.example")
    assert decided(0) == [Leave.SEND, NOW + PACE, Leave.SEND]


def test_who_was_sent_one_within_the_minute_waits_for_the_next() -> None:
    make_waiting(state="sent", sent_at=NOW - timedelta(seconds=40))
    make_waiting()
    assert decided(0) == [NOW + timedelta(seconds=20)]
    assert decided(0.5) == [Leave.SEND]


def test_what_another_sender_has_in_hand_counts_as_sent_now() -> None:
    in_hand = make_waiting(state="sending", lease_until=Now() + timedelta(minutes=1))
    waiting = make_waiting()
    assert alerts_check([waiting], NOW) == {waiting.pk: NOW + PACE}
    Message.objects.filter(pk=in_hand.pk).update(lease_until=Now() - timedelta(seconds=1))
    assert alerts_check([waiting], NOW) == {waiting.pk: Leave.SEND}


def test_other_kinds_of_mails_do_not_count() -> None:
    makers.make_message(recipient=ADA, state="sent", sent_at=NOW)
    make_waiting()
    assert decided(0) == [Leave.SEND]


def test_chats_are_each_a_place_of_their_own(acme: Organization) -> None:
    one, other = (make_recipient(acme, channel="chat", address="slack") for _ in range(2))
    for target in (one, other, one):
        make_waiting("slack", channel="chat", target=target)
    assert decided(0) == [Leave.SEND, Leave.SEND, NOW + PACE]


def test_a_batch_is_checked_in_few_statements(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(4):
        make_member(acme, user=make_user(email=f"user{number}@acme.example"))
    for cause in "abc":
        make_stalled(acme, 3, cause=cause)
    for minute in (1, 15):
        watch(minute)
    messages = list(Message.objects.all())
    assert len(messages) == 5
    with django_assert_num_queries(4):
        alerts_check(messages, at(16))


def test_nothing_said_is_right_and_nothing_waits_for_nobody() -> None:
    claim = Claim(1, "opened", "stalled", 2, False, False, False, False, Hours())
    assert is_right(claim)
    assert not is_right(claim._replace(is_over=True))
    assert is_right(claim._replace(is_over=True, kind="rule_change"))
    assert is_right(claim._replace(is_over=True, phase="over"))
    assert not is_right(claim._replace(phase="over"))
    assert not is_right(claim._replace(hours=None))
    assert paced([], {}, NOW) == {}


def test_what_is_grave_must_be_so_in_whatever_place() -> None:
    right = Claim(1, "opened", "stalled", 2, False, False, False, False, Hours())
    healed = right._replace(is_over=True)
    assert decisive([]) is None
    assert decisive([right, healed, right._replace(is_silenced=True)]) is None
    for first, second in (
        (healed, right),
        (healed, healed),
        (right, healed._replace(severity=3)),
        (right, right._replace(phase="over")),
        (right, right._replace(hours=None)),
    ):
        assert decisive([first, second])


def test_the_sender_asks_and_keeps_the_pace(post: Post, acme: Organization) -> None:
    wall = timezone.now()
    late = (NOW - wall).total_seconds() / -60
    for cause in "ab":
        stall_now = make_stalled(acme, 2, cause=cause)
        stall(stall_now, cause, minutes=late - 20)
    alerts_watch(wall - timedelta(minutes=16))
    alerts_watch(wall)
    assert Message.objects.count() == 1
    again = makers.make_message(kind="alert", recipient=ADA, now=wall)
    messages_work()
    assert post.recipients == [ADA]
    again.refresh_from_db()
    assert again.state == "queued"
    assert again.next_try_at > timezone.now() + timedelta(seconds=50)
