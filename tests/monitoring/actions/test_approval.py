"""When a second person must agree, and when one may."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.access import Access, access_for
from accounts.models import Member, Organization, Role
from monitoring.actions.approval import approval_is_needed, people_before
from monitoring.actions.deeds import ActionRefusedError
from monitoring.actions.models import Action, ActionState, Kind
from monitoring.actions.policy import ActionPolicyFacts
from monitoring.actions.running import slice_work
from monitoring.actions.starting import action_approve, action_undo
from monitoring.audit.models import AuditEntry
from monitoring.health.models import Hold
from tests.factories import NOW, make_user
from tests.monitoring.actions.makers import make_access, make_action, make_people, make_preview

LATER = NOW + timedelta(minutes=5)
DAY = timedelta(days=1)
many = st.integers(0, 1_000_000)


@given(
    many, many, many, st.floats(0, 1), st.integers(1, 1_000), st.sampled_from(Kind), st.booleans()
)
def test_approval_is_needed_above_the_share_and_never_for_a_few(
    people: int, before: int, known: int, share: float, least: int, kind: Kind, others: bool
) -> None:
    action = Action(kind=kind, people=people, people_known=known)
    needed = approval_is_needed(action, ActionPolicyFacts(share, least), others, before)
    if needed:
        assert others
        assert people + before >= least
        assert people + before > share * known
        assert kind not in {Kind.NOTE, Kind.UNDO}
    elif others and kind == Kind.HOLD:
        assert people + before < least or people + before <= share * known


def test_above_the_share_a_second_person_has_to_approve(acme: Organization, access: Access) -> None:
    other = make_access(acme, Role.OWNER)
    people = make_people(acme, 21)
    action = make_action(access, people)
    assert action.state == ActionState.APPROVAL
    assert not Hold.objects.exists()

    with pytest.raises(ActionRefusedError, match="somebody else has to approve"):
        action_approve(access=access, action=action, now=LATER)

    action = action_approve(access=other, action=action, now=LATER)
    assert action.state == ActionState.RUNNING
    assert (action.second, action.second_at, action.begun_at) == (other.user, LATER, LATER)
    slice_work(action.pk, LATER)
    assert set(Hold.objects.values_list("author", flat=True)) == {access.user.pk}
    told = AuditEntry.objects.filter(person=None).order_by("pk").values_list("action", "author")
    assert list(told) == [("action.ask", access.user.pk), ("action.approve", other.user.pk)]
    with pytest.raises(ActionRefusedError, match="does not wait"):
        action_approve(access=other, action=action, now=LATER)


def test_where_nobody_else_may_change_nobody_is_asked(acme: Organization, access: Access) -> None:
    make_access(acme, Role.VIEWER)
    gone = make_access(acme, Role.ADMIN)
    Member.objects.get(user=gone.user).user.__class__.objects.filter(pk=gone.user.pk).update(
        is_active=False
    )
    assert make_action(access, make_people(acme, 21)).state == ActionState.RUNNING


def test_a_large_action_cut_into_pieces_is_one(acme: Organization, access: Access) -> None:
    make_access(acme)
    people = make_people(acme, 60)
    pieces = [make_action(access, people[at : at + 10]).state for at in (0, 10, 20)]
    # The third would make it 30 of 60.
    assert pieces == [ActionState.DONE, ActionState.APPROVAL, ActionState.APPROVAL]


def test_it_is_the_same_deed_to_others_by_the_same_author_within_a_day_that_counts(
    acme: Organization, access: Access
) -> None:
    other = make_access(acme)
    people = make_people(acme, 60)
    count = partial(people_before, now=LATER)
    first = make_action(access, people[:12])
    make_action(other, people[12:18], now=LATER)
    preview = partial(make_preview, access, people[10:20], until="2027-01-01")
    assert count(make_preview(access, people[20:30], now=LATER)) == 12
    assert count(preview(Kind.SILENCE)) == 0
    assert count(make_preview(access, people[20:30], Kind.NOTE, text="Call them")) == 0
    assert people_before(make_preview(access, people[20:30]), NOW + DAY) == 0
    Hold.objects.filter(person__in=people[10:12]).update(ends_at=LATER)
    # Two of them are among those before.
    assert count(preview(now=LATER)) == 10
    action_undo(access=access, action=first, now=LATER)
    assert count(make_preview(access, people[20:30], now=LATER)) == 0


def test_what_was_approved_does_not_count(acme: Organization, access: Access) -> None:
    other = make_access(acme)
    people = make_people(acme, 60)
    action = action_approve(access=other, action=make_action(access, people[:20]), now=LATER)
    assert action.second == other.user
    assert make_action(access, people[20:35], now=LATER).state == ActionState.DONE


def test_nobody_approves_after_three_days(acme: Organization, access: Access) -> None:
    other = make_access(acme)
    action = make_action(access, make_people(acme, 21))
    with pytest.raises(ActionRefusedError, match="more than 3 days ago"):
        action_approve(access=other, action=action, now=NOW + 3 * DAY + timedelta(seconds=1))
    assert action_approve(access=other, action=action, now=NOW + 3 * DAY).begun_at


@pytest.mark.parametrize("how", ["removed", "a viewer", "deactivated"])
def test_what_somebody_asked_for_who_may_not_any_more_is_not_approved(
    acme: Organization, access: Access, how: str
) -> None:
    other = make_access(acme)
    action = make_action(access, make_people(acme, 21))
    member = Member.objects.filter(user=access.user)
    if how == "removed":
        member.delete()
    elif how == "a viewer":
        member.update(role=Role.VIEWER)
    else:
        type(access.user).objects.filter(pk=access.user.pk).update(is_active=False)
    with pytest.raises(ActionRefusedError, match="may change nothing here any more"):
        action_approve(access=other, action=action, now=LATER)
    assert not Hold.objects.exists()


def test_what_support_staff_asked_for_can_be_approved(acme: Organization) -> None:
    staff = access_for(make_user(is_staff=True), acme.slug)
    other = make_access(acme)
    action = make_action(staff, make_people(acme, 21))
    assert action_approve(access=other, action=action, now=LATER).begun_at == LATER
