from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitoring.actions.invitation_course import (
    HELD_BACK_FOR,
    Deed,
    InvitationFacts,
    LinkPolicy,
    Step,
    step_of,
)
from tests.factories import NOW

DAY = timedelta(days=1)
POLICY = LinkPolicy(link_days=7, reminders=2, reminder_days=2)
SENT = InvitationFacts(
    waiting=False, held_back=False, in_order=False, expires_at=NOW + 5 * DAY, reminders=0
)
WAITING = replace(SENT, waiting=True, expires_at=None)

policies = st.builds(LinkPolicy, st.integers(1, 60), st.integers(0, 5), st.integers(1, 30))
ends = st.timedeltas(-30 * DAY, 30 * DAY).map(lambda span: NOW + span)
flags = st.booleans()
facts = st.one_of(
    st.builds(InvitationFacts, st.just(True), flags, flags, st.none(), st.just(0)),
    st.builds(InvitationFacts, st.just(False), flags, flags, ends, st.integers(0, 6)),
)


def test_what_waited_is_sent_when_the_incident_is_over() -> None:
    assert step_of(WAITING, POLICY, NOW) == Step(Deed.SEND, NOW + 2 * DAY)


def test_nothing_is_sent_during_an_incident() -> None:
    held = Step(Deed.WAIT, NOW + HELD_BACK_FOR)
    assert step_of(replace(WAITING, held_back=True), POLICY, NOW) == held
    assert step_of(replace(SENT, held_back=True), POLICY, NOW) == held


def test_an_unused_link_is_reminded_of_so_many_times() -> None:
    assert step_of(SENT, POLICY, NOW) == Step(Deed.REMIND, NOW + 2 * DAY)
    last = step_of(replace(SENT, reminders=1), POLICY, NOW)
    assert last == Step(Deed.REMIND, NOW + 5 * DAY)
    assert step_of(replace(SENT, reminders=2), POLICY, NOW) == Step(Deed.WAIT, NOW + 5 * DAY)


def test_what_is_in_order_again_is_withdrawn() -> None:
    for each in (SENT, WAITING, replace(SENT, held_back=True)):
        assert step_of(replace(each, in_order=True), POLICY, NOW) == Step(Deed.WITHDRAW)


def test_a_link_expires_on_its_day() -> None:
    assert step_of(replace(SENT, expires_at=NOW), POLICY, NOW) == Step(Deed.EXPIRE)


@given(facts, policies)
def test_nobody_is_written_to_in_vain(facts: InvitationFacts, policy: LinkPolicy) -> None:
    step = step_of(facts, policy, NOW)
    if step.deed in {Deed.SEND, Deed.REMIND}:
        assert not facts.held_back
        assert not facts.in_order
        assert facts.expires_at is None or facts.expires_at > NOW
    if step.deed is Deed.REMIND:
        assert facts.reminders < policy.reminders


@given(facts, policies)
def test_the_next_look_is_later_and_never_after_the_end(
    facts: InvitationFacts, policy: LinkPolicy
) -> None:
    step = step_of(facts, policy, NOW)
    ends = step.deed in {Deed.EXPIRE, Deed.WITHDRAW}
    if ends:
        assert step.look_at is None
    if step.look_at is not None:
        assert step.look_at > NOW
        assert facts.expires_at is None or step.look_at <= facts.expires_at


@given(policies, st.lists(st.booleans(), max_size=40))
def test_each_link_ends_and_was_reminded_of_at_most_so_often(
    policy: LinkPolicy, incidents: list[bool]
) -> None:
    now, deeds, facts = NOW, [], WAITING
    weather = iter(incidents)
    while True:
        step = step_of(replace(facts, held_back=next(weather, False)), policy, now)
        deeds.append(step.deed)
        if step.deed is Deed.SEND:
            expires_at = now + timedelta(days=policy.link_days)
            facts = replace(facts, waiting=False, expires_at=expires_at)
        if step.deed is Deed.REMIND:
            facts = replace(facts, reminders=facts.reminders + 1)
        if step.look_at is None:
            break
        now = step.look_at
    assert deeds[-1] is Deed.EXPIRE
    assert deeds.count(Deed.SEND) == 1
    assert deeds.count(Deed.REMIND) <= policy.reminders
