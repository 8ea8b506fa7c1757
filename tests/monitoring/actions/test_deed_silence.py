from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.access import Access
from accounts.models import Person
from monitoring.actions.deeds import ActionRefusedError
from monitoring.actions.models import Kind, PersonState
from monitoring.actions.starting import action_confirm, action_undo
from monitoring.alerts.models import Silence
from monitoring.alerts.muting import silenced
from monitoring.alerts.silences import silence_end, silence_lift, silence_place
from tests.factories import NOW
from tests.monitoring.actions.makers import make_action, make_people, make_preview, results

LATER = NOW + timedelta(hours=1)
UNTIL = NOW + timedelta(hours=8)
TYPED = "2026-11-20T20:00"
DONE = (PersonState.DONE, "")
LIFTED = (PersonState.SKIPPED, "lifted_already")


def place(access: Access, person: Person, hours: int) -> Silence:
    return silence_place(
        organization=access.organization,
        author=access.user,
        author_name="Casey",
        people=[person.pk],
        reason="Known",
        ends_at=NOW + timedelta(hours=hours),
        now=NOW,
    )


def test_one_silence_mutes_all_of_them_until_its_end(access: Access) -> None:
    people = make_people(access.organization, 3)
    action = make_action(access, people, Kind.SILENCE, until=TYPED)
    assert results(action) == {person.pk: DONE for person in people}
    silence = Silence.objects.get()
    assert (silence.ends_at, silence.author, silence.reason) == (
        UNTIL,
        access.user,
        "Moving to another org",
    )
    assert silenced([person.pk for person in people], LATER) == {person.pk for person in people}


def test_whom_a_silence_as_long_mutes_already_is_left_out(access: Access) -> None:
    longer, shorter, same = make_people(access.organization, 3)
    place(access, longer, 9)
    place(access, shorter, 7)
    place(access, same, 8)
    action = make_action(access, [longer, shorter, same], Kind.SILENCE, until=TYPED)
    assert results(action) == {
        longer.pk: (PersonState.LEFT_OUT, "silenced_already"),
        shorter.pk: DONE,
        same.pk: (PersonState.LEFT_OUT, "silenced_already"),
    }


def test_undone_it_mutes_nobody_any_more_and_others_silences_stay(access: Access) -> None:
    people = make_people(access.organization, 3)
    place(access, people[0], 2)
    action = make_action(access, people, Kind.SILENCE, until=TYPED)
    silence = Silence.objects.latest("pk")
    silence_lift(silence_id=silence.pk, people=[people[2].pk], now=NOW)
    undo = action_undo(access=access, action=action, now=LATER)
    assert results(undo) == {people[0].pk: DONE, people[1].pk: DONE, people[2].pk: LIFTED}
    assert silenced([person.pk for person in people], LATER) == {people[0].pk}
    silence.refresh_from_db()
    assert silence.ended_at == LATER


def test_of_a_silence_that_is_over_nothing_is_undone(access: Access) -> None:
    (person,) = make_people(access.organization, 1)
    ended = make_action(access, [person], Kind.SILENCE, until=TYPED)
    silence_end(access=access, silence=Silence.objects.get(), now=NOW)
    run_out = make_action(access, [person], Kind.SILENCE, until=TYPED)
    for action, now in ((ended, LATER), (run_out, UNTIL)):
        undo = action_undo(access=access, action=action, now=now)
        assert results(undo) == {person.pk: LIFTED}


def test_a_silence_needs_an_end(access: Access) -> None:
    people = make_people(access.organization, 1)
    with pytest.raises(ActionRefusedError, match="needs an end") as refused:
        make_preview(access, people, Kind.SILENCE)
    assert refused.value.field == "until"


def test_a_silence_whose_end_has_come_before_it_began_mutes_nobody(access: Access) -> None:
    (person,) = make_people(access.organization, 1)
    preview = make_preview(access, [person], Kind.SILENCE, until=TYPED)
    action = action_confirm(access=access, action=preview, now=UNTIL)
    assert results(action) == {person.pk: (PersonState.SKIPPED, "ended_meanwhile")}
    assert not Silence.objects.exists()
