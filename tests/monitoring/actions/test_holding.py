"""Hold and release: doing, what is left out, undoing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.access import Access
from monitoring.actions import deed_release
from monitoring.actions.models import ActionState, Kind, PersonState
from monitoring.actions.starting import action_confirm, action_undo
from monitoring.audit.models import AuditEntry
from monitoring.health.holds import hold_release, holds_end, holds_release
from monitoring.health.models import Health, Hold, Transition
from tests.factories import NOW
from tests.monitoring.actions.makers import (
    make_action,
    make_hold,
    make_people,
    make_preview,
    results,
)

DONE = (PersonState.DONE, "")
LATER = NOW + timedelta(hours=1)


def statuses(people: list) -> list[str]:
    return list(
        Health.objects.filter(person__in=people).order_by("pk").values_list("status", flat=True)
    )


def active_holds() -> list[Hold]:
    return list(Hold.objects.active_at(LATER).order_by("pk"))


def test_a_hold_is_placed_on_each_by_the_member_who_acted(access: Access) -> None:
    people = make_people(access.organization, 3)
    action = make_action(access, people, until="2026-12-01T09:30")
    assert action.state == ActionState.DONE
    assert results(action) == {person.pk: DONE for person in people}
    assert statuses(people) == ["disabled"] * 3
    hold = active_holds()[0]
    assert (hold.author_kind, hold.author, hold.author_name) == (
        "member",
        access.user,
        access.user.email,
    )
    assert (hold.reason, hold.started_at) == ("Moving to another org", NOW)
    assert hold.ends_at is not None
    assert hold.ends_at.isoformat() == "2026-12-01T09:30:00+00:00"


def test_each_person_has_a_transition_and_an_entry_in_the_log(access: Access) -> None:
    people = make_people(access.organization, 2)
    action = make_action(access, people)
    changed = Transition.objects.order_by("person").values_list("person", "to_status", "to_cause")
    assert list(changed) == [(person.pk, "disabled", "held") for person in people]
    entries = AuditEntry.objects.filter(action="person.hold").order_by("person")
    assert [entry.person_id for entry in entries] == [person.pk for person in people]
    assert entries[0].detail == {"action": action.pk}
    begun = AuditEntry.objects.get(action="action.begin")
    assert begun.detail == {"action": action.pk, "kind": "hold", "people": 2}


def test_whom_a_member_holds_already_is_left_out_and_others_holds_do_not_count(
    access: Access,
) -> None:
    free, held, left = make_people(access.organization, 3)
    make_hold(held, access.user)
    make_hold(left)
    action = make_action(access, [free, held, left])
    assert results(action) == {
        free.pk: DONE,
        held.pk: (PersonState.LEFT_OUT, "held_already"),
        left.pk: DONE,
    }


def test_who_was_held_since_the_preview_is_skipped(access: Access) -> None:
    people = make_people(access.organization, 2)
    preview = make_preview(access, people)
    make_hold(people[0], access.user)
    action = action_confirm(access=access, action=preview, now=NOW)
    assert results(action) == {
        people[0].pk: (PersonState.SKIPPED, "held_already"),
        people[1].pk: DONE,
    }


def test_undoing_a_hold_releases_exactly_the_holds_it_placed(access: Access) -> None:
    people = make_people(access.organization, 3)
    action = make_action(access, people)
    mine = Hold.objects.get(person=people[1])
    hold_release(hold=mine, author=access.user, now=NOW)
    again = make_hold(people[1], access.user, reason="Another reason")
    feed = make_hold(people[2])

    undo = action_undo(access=access, action=action, now=LATER)

    assert (undo.kind, undo.state, undo.undo_of, undo.people) == ("undo", "done", action, 3)
    assert results(undo) == {
        people[0].pk: DONE,
        people[1].pk: (PersonState.SKIPPED, "released_already"),
        people[2].pk: DONE,
    }
    assert active_holds() == [again, feed]
    assert statuses(people) == ["degraded", "disabled", "disabled"]


def test_a_release_lifts_what_members_placed_and_nothing_else(access: Access) -> None:
    free, mine, both, feed = make_people(access.organization, 4)
    make_hold(mine, access.user)
    make_hold(both, access.user)
    feeds = [make_hold(both), make_hold(feed)]
    action = make_action(access, [free, mine, both, feed], Kind.RELEASE, now=LATER)
    assert results(action) == {
        free.pk: (PersonState.LEFT_OUT, "not_held"),
        mine.pk: DONE,
        both.pk: (PersonState.DONE, "held_by_other"),
        feed.pk: (PersonState.LEFT_OUT, "held_by_other"),
    }
    assert active_holds() == feeds


def test_undoing_a_release_places_the_holds_again_unless_there_is_a_new_one(
    access: Access,
) -> None:
    people = make_people(access.organization, 3)
    end = NOW + timedelta(days=3)
    for person in people:
        make_hold(person, access.user, reason="On leave", ends_at=end)
    make_hold(people[0], access.user, reason="Asked for it")
    Hold.objects.filter(person=people[2]).update(ends_at=NOW + timedelta(minutes=90))
    action = make_action(access, people, Kind.RELEASE, now=NOW)
    new = make_hold(people[1], access.user, reason="Back again")

    undo = action_undo(access=access, action=action, now=NOW + timedelta(hours=2))

    assert results(undo) == {
        people[0].pk: DONE,
        people[1].pk: (PersonState.SKIPPED, "held_again"),
        people[2].pk: (PersonState.SKIPPED, "ended_meanwhile"),
    }
    held = [
        (h.person, h.reason, h.ends_at) for h in Hold.objects.active_at(NOW + timedelta(hours=2))
    ]
    assert sorted(held, key=str) == sorted(
        [
            (people[0], "On leave", end),
            (people[0], "Asked for it", None),
            (people[1], "Back again", new.ends_at),
        ],
        key=str,
    )


def test_a_hold_whose_end_has_come_before_its_turn_is_not_placed(access: Access) -> None:
    (person,) = make_people(access.organization, 1)
    preview = make_preview(access, [person], until="2026-11-20T12:30")
    action = action_confirm(access=access, action=preview, now=LATER)
    assert results(action) == {person.pk: (PersonState.SKIPPED, "ended_meanwhile")}
    assert not Hold.objects.exists()


def test_only_a_hold_that_lasts_as_long_leaves_somebody_out(access: Access) -> None:
    people = make_people(access.organization, 3)
    ends = [NOW + timedelta(hours=8), NOW + timedelta(days=30), None]
    for person, end in zip(people, ends, strict=True):
        make_hold(person, access.user, ends_at=end)
    week = make_preview(access, people, until="2026-11-27T12:00")
    without_end = make_preview(access, people)
    held = (PersonState.LEFT_OUT, "held_already")
    waiting = (PersonState.WAITING, "")
    assert list(results(week).values()) == [waiting, held, held]
    assert list(results(without_end).values()) == [waiting, waiting, held]
    action_confirm(access=access, action=without_end, now=NOW)
    holds_end(now=NOW + timedelta(days=31))
    assert statuses(people) == ["disabled"] * 3


def test_undoing_a_release_leaves_what_somebody_decided_since(access: Access) -> None:
    held_and_released, untouched = people = make_people(access.organization, 2)
    for person in people:
        make_hold(person, access.user)
    release = make_action(access, people, Kind.RELEASE)
    again = make_hold(held_and_released, access.user, reason="Another decision")
    hold_release(hold=again, author=access.user, now=NOW + timedelta(minutes=5))
    undo = action_undo(access=access, action=release, now=LATER)
    assert results(undo) == {
        held_and_released.pk: (PersonState.SKIPPED, "held_again"),
        untouched.pk: DONE,
    }
    assert statuses(people) == ["degraded", "disabled"]


def test_undoing_a_release_costs_the_same_however_different_the_holds_were(
    access: Access, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    people = make_people(access.organization, 20)
    for number, person in enumerate(people):
        make_hold(person, access.user, reason=f"Reason {number}")
    release = make_action(access, people, Kind.RELEASE, now=LATER)
    with django_assert_max_num_queries(40):
        action_undo(access=access, action=release, now=LATER)
    assert len({hold.reason for hold in active_holds()}) == 20


def test_held_again_while_being_released_is_told_so(
    access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, gone = people = make_people(access.organization, 3)
    holds = [make_hold(person, access.user) for person in people]
    preview = make_preview(access, people, Kind.RELEASE)

    def beside_others(**given: Any) -> dict[int, int]:
        hold_release(hold=holds[0], author=access.user, now=NOW)
        lifted = holds_release(**given)
        make_hold(first, access.user)
        make_hold(second, access.user)
        return lifted

    monkeypatch.setattr(deed_release, "holds_release", beside_others)
    action = action_confirm(access=access, action=preview, now=NOW)
    assert results(action) == {
        first.pk: (PersonState.SKIPPED, "held_again"),
        second.pk: (PersonState.DONE, "held_again"),
        gone.pk: DONE,
    }


def test_until_its_end_is_carried_out_a_hold_can_be_released(access: Access) -> None:
    (person,) = make_people(access.organization, 1)
    make_hold(person, access.user, ends_at=NOW + timedelta(minutes=1))
    action = make_action(access, [person], Kind.RELEASE, now=LATER)
    assert results(action) == {person.pk: DONE}
    assert statuses([person]) == ["degraded"]
    undo = action_undo(access=access, action=action, now=LATER)
    assert results(undo) == {person.pk: (PersonState.SKIPPED, "ended_meanwhile")}
