"""Hold and release: doing, what is left out, undoing."""

from __future__ import annotations

from datetime import timedelta

from accounts.access import Access
from monitoring.actions.models import ActionState, Kind, PersonState
from monitoring.actions.starting import action_confirm, action_undo
from monitoring.audit.models import AuditEntry
from monitoring.health.holds import hold_release
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
