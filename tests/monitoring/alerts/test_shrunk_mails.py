"""People recover, or are silenced, while the message about them waits in the outbox."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import Organization
from monitoring.alerts import sending
from monitoring.alerts.alert_checks import alerts_check
from monitoring.alerts.last_checks import Decision, Leave
from monitoring.alerts.models import Alert, Message, Notification
from monitoring.alerts.sending import messages_work
from monitoring.alerts.watch import Watched
from monitoring.incidents.models import Incident
from synccenter.demo.processes import free_port
from tests.factories import make_member, make_user
from tests.monitoring.alerts.clock import Clock
from tests.monitoring.alerts.engine_makers import (
    FEWER,
    ONE_FEWER,
    SILENCED,
    at,
    decided,
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
from tests.monitoring.alerts.post import Post
from tests.monitoring.alerts.routing_makers import make_recipient, make_route
from tests.monitoring.console.incident_makers import make_hits, make_incident

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_sources")]
ADA = "ada@acme.example"
DAY = 24 * 60


def decided_after(minutes: float) -> list[Decision]:
    """Let the tick look, and ask half a minute later."""
    watch(minutes)
    return decided(minutes + 0.5)


def test_more_than_half_may_go_as_they_were_told_and_half_may_not(acme: Organization) -> None:
    people = make_stalled(acme, 6)
    for minute in (1, 15):
        watch(minute)
    heal(people[:2])
    assert decided_after(16) == [Leave.SEND]
    heal(people[:3])
    assert decided(16.5) == [Leave.SEND], "nobody has seen it yet"
    assert decided_after(17) == [FEWER]
    Message.objects.update(state="withdrawn", ended_at=at(17.5))
    assert watch(18) == Watched(queued=1)
    assert phases() == [("opened", 3)]
    assert decided(18) == [Leave.SEND]
    anew = Message.objects.waiting().get()
    assert anew.subject.startswith("3 people")
    assert anew.next_try_at == at(15)


def test_what_was_left_when_it_was_withdrawn_is_kept(acme: Organization) -> None:
    people = make_stalled(acme, 6)
    for minute in (1, 15):
        watch(minute)
    heal(people[:3])
    assert decided_after(16) == [FEWER]
    assert list(Notification.objects.values_list("people", "fewest")) == [(6, 3)]
    Message.objects.update(state="withdrawn", ended_at=at(16.5))
    stall(people)
    watch(17)
    assert list(Notification.objects.values_list("people", "fewest")) == [(6, 3)]
    heal(people[:3])
    assert decided_after(18) == [Leave.SEND], "a number that swings is told all the same"
    heal(people[:5])
    assert decided_after(19) == [FEWER]


def test_a_growth_hours_after_one_was_withdrawn_is_judged_by_itself(acme: Organization) -> None:
    people = make_stalled(acme, 6)
    for minute in (1, 15):
        watch(minute)
    sent(16)
    more = make_stalled(acme, 30, minutes=20)
    watch(90)
    heal(more)
    assert decided_after(91) == [FEWER]
    Message.objects.waiting().update(state="withdrawn", ended_at=at(92))
    many = make_stalled(acme, 60, minutes=600)
    watch(601)
    grown = Notification.objects.get(phase="grown")
    assert (grown.people, grown.fewest) == (66, None)
    heal(many)
    heal(people[:2])
    assert decided_after(602) == [FEWER], "66 would be told of, and 4 are left"


@pytest.mark.parametrize(("silenced_for", "fewest"), [(5, 3), (60, None)])
def test_what_was_left_is_forgotten_while_it_is_silenced_for_long(
    acme: Organization, silenced_for: float, fewest: int | None
) -> None:
    people = make_stalled(acme, 6)
    for minute in (1, 15):
        watch(minute)
    heal(people[:3])
    assert decided_after(16) == [FEWER]
    Message.objects.update(state="withdrawn", ended_at=at(17))
    silence = make_silence(acme, people, now=at(17))
    watch(17)
    assert mutes() == [("silenced", 3)]
    silence.delete()
    make_stalled(acme, 10)
    watch(17 + silenced_for)
    assert list(Notification.objects.values_list("people", "fewest")) == [(13, fewest)]


def test_that_it_is_withdrawn_and_what_was_left_are_kept_together(
    acme: Organization, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = make_stalled(acme, 6)
    for minute in (1, 15):
        watch(minute)
    heal(people[:4])
    watch(16)
    clock.minute = 16

    def killed(**_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sending, "message_keep_back", killed)
    with pytest.raises(KeyboardInterrupt):
        messages_work()
    assert Notification.objects.get().fewest is None


@pytest.mark.parametrize("left", [0, 1])
def test_whom_an_incident_absorbs_meanwhile_is_not_told_of(acme: Organization, left: int) -> None:
    people = make_stalled(acme, 5)
    for minute in (1, 15):
        watch(minute)
    make_hits(make_incident(acme, began_at=at(15.5)), people[left:])
    watch(16)
    alert = Alert.objects.get(kind="stalled")
    assert alert.people - alert.silenced == left
    assert decided(16.5) == [FEWER if left else SILENCED]
    Message.objects.update(state="withdrawn", ended_at=at(16.5))
    watch(17)
    told = Notification.objects.filter(alert=alert)
    expected = ("", 1, 1) if left else ("absorbed", 5, None)
    assert list(told.values_list("muted", "people", "fewest")) == [expected]


def test_who_is_silenced_meanwhile_is_not_told_of(acme: Organization) -> None:
    people = make_stalled(acme, 5)
    for minute in (1, 15):
        watch(minute)
    silence = make_silence(acme, people[:2], now=at(15))
    assert decided_after(16) == [Leave.SEND]
    make_silence(acme, people[2:4], author=silence.author, now=at(16))
    assert decided_after(17) == [FEWER]
    Message.objects.update(state="withdrawn", ended_at=at(17.5))
    watch(18)
    assert (phases(), mutes()) == ([("opened", 1)], [])


def test_each_recipient_is_told_of_the_people_of_their_teams(acme: Organization) -> None:
    sales, both = (make_recipient(acme, address=f"{name}@acme.example") for name in ("s", "b"))
    make_route(acme)
    make_route(acme, [sales, both], teams=["Sales"])
    make_route(acme, [both], teams=["Desk"])
    healed = make_stalled(acme, 4, team="Sales")
    make_stalled(acme, 6, team="Desk")
    for minute in (1, 15):
        watch(minute)
    assert sorted(people for _, people in phases()) == [4, 10, 10]
    heal(healed[:3])
    watch(16)
    decisions = dict(
        zip(Message.objects.order_by("id").values_list("recipient", flat=True), decided(16.5),
            strict=True)
    )  # fmt: skip
    assert decisions == {
        "s@acme.example": FEWER, ADA: Leave.SEND, "b@acme.example": Leave.SEND
    }  # fmt: skip
    heal(healed)
    assert decided_after(17).count(FEWER) == 1, "of theirs nobody is left"
    Message.objects.filter(recipient="s@acme.example").update(state="withdrawn", ended_at=at(17))
    assert watch(18) == Watched()


def test_of_several_alerts_the_one_in_the_subject_must_be_about_right(acme: Organization) -> None:
    first, second = make_stalled(acme, 9, cause="a"), make_stalled(acme, 8, cause="b")
    for minute in (1, 15):
        watch(minute)
    assert "9 people" in subjects()[0]
    heal(second[:6])
    assert decided_after(16) == [Leave.SEND]
    heal(first[:8])
    assert decided_after(17) == [ONE_FEWER]
    Message.objects.update(state="withdrawn", ended_at=at(17.5))
    assert watch(18) == Watched(queued=1)
    assert sorted(people for _, people in phases()) == [1, 2]
    assert "2 people" in subjects()[1]


def test_a_reminder_says_who_is_left_and_growth_that_is_gone_nothing(acme: Organization) -> None:
    people = make_stalled(acme, 6)
    for minute in (1, 15):
        watch(minute)
    sent(16)
    more = make_stalled(acme, 30, minutes=20)
    watch(90)
    assert phases() == [("opened", 6), ("grown", 36)]
    heal(more)
    assert decided_after(91) == [FEWER]
    Message.objects.waiting().update(state="withdrawn", ended_at=at(92))
    assert watch(93) == Watched(), "there are no more than were told"
    assert watch(16 + DAY) == Watched(queued=1)
    heal(people[1:])
    assert decided_after(17 + DAY) == [FEWER]
    Message.objects.waiting().update(state="withdrawn", ended_at=at(18 + DAY))
    assert watch(19 + DAY) == Watched(queued=1)
    assert phases()[-1] == ("reminder", 1)


def test_an_incident_says_whom_it_hit_however_many_are_through(acme: Organization) -> None:
    incident = make_incident(acme, people_hit=40, people_waiting=40)
    for minute in (1, 15):
        watch(minute)
    Incident.objects.filter(pk=incident.pk).update(people_waiting=1)
    assert decided_after(16) == [Leave.SEND]


def test_what_shrank_costs_one_statement_more(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(3):
        make_member(acme, user=make_user(email=f"{number}@acme.example"))
    people = make_stalled(acme, 6)
    for minute in (1, 15):
        watch(minute)
    heal(people[:4])
    watch(16)
    messages = list(Message.objects.all())
    with django_assert_num_queries(3):
        decisions = alerts_check(messages, at(16.5))
    assert list(decisions.values()) == [FEWER] * 4


def test_a_mail_that_waited_for_its_server_for_an_hour_says_how_many_are_left(
    acme: Organization, post: Post, clock: Clock, settings: Settings
) -> None:
    there, settings.EMAIL_PORT = settings.EMAIL_PORT, free_port()
    people = make_stalled(acme, 212)
    for minute in range(0, 120, 2):
        clock.minute = minute
        if minute == 40:
            heal(people[3:])
        if minute == 76:
            settings.EMAIL_PORT = there
        watch(minute)
        messages_work()
    assert subjects()[0].startswith("212 people")
    (mail,) = post.mails
    assert mail["Subject"].startswith("3 people stopped syncing")
    states = Message.objects.order_by("id").values_list("state", flat=True)
    assert list(states) == ["withdrawn", "sent"]
