from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.core.exceptions import PermissionDenied

from accounts.access import Access
from accounts.models import Organization, Role
from monitoring.actions.deeds import ActionRefusedError
from monitoring.actions.models import Kind, PersonNote, PersonState
from monitoring.actions.notes import person_note_add, person_note_done
from monitoring.audit.models import AuditEntry
from tests.factories import NOW, make_person, make_user
from tests.monitoring.actions.makers import make_access, make_action, make_people, results

LATER = NOW + timedelta(hours=1)
DAY = date(2026, 12, 1)


def test_a_note_says_who_is_to_do_what_by_when(acme: Organization, access: Access) -> None:
    person, colleague = make_person(acme), make_access(acme).user
    note = person_note_add(
        access=access, person=person, text=" Call them\x00 ", owner=colleague, due_on=DAY, now=NOW
    )
    assert (note.text, note.author, note.at) == ("Call them", access.user, NOW)
    assert (note.owner, note.owner_name, note.due_on) == (colleague, colleague.email, DAY)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.person, entry.detail) == ("person.note", person, {"note": note.pk})


def test_a_note_is_ticked_off_once(access: Access) -> None:
    note = person_note_add(
        access=access,
        person=make_person(access.organization),
        text="Call them",
        owner=access.user,
        due_on=None,
        now=NOW,
    )
    for now in (LATER, LATER + timedelta(hours=1)):
        note = person_note_done(access=access, note=note, now=now)
    assert (note.done_at, note.done_by_name) == (LATER, access.user.email)
    assert AuditEntry.objects.filter(action="person.note_done").count() == 1


def test_who_may_only_look_and_who_is_elsewhere_writes_nothing(
    acme: Organization, access: Access
) -> None:
    person = make_person(acme)
    note = person_note_add(access=access, person=person, text="x", owner=None, due_on=None, now=NOW)
    for who in (make_access(acme, Role.VIEWER), make_access(make_person().organization)):
        with pytest.raises(PermissionDenied):
            person_note_add(access=who, person=person, text="x", owner=None, due_on=None, now=NOW)
        with pytest.raises(PermissionDenied):
            person_note_done(access=who, note=note, now=NOW)
    assert PersonNote.objects.get().done_at is None


@pytest.mark.parametrize("text", ["", " \x00 ", "x" * 2_001])
def test_an_empty_or_endless_note_is_refused(access: Access, text: str) -> None:
    with pytest.raises(ActionRefusedError) as refused:
        person_note_add(
            access=access,
            person=make_person(access.organization),
            text=text,
            owner=None,
            due_on=None,
            now=NOW,
        )
    assert refused.value.field == "text"


def test_the_same_note_is_written_to_many(access: Access) -> None:
    people = make_people(access.organization, 2)
    action = make_action(
        access,
        people,
        Kind.NOTE,
        text="Call them",
        owner=str(access.user.pk),
        due_on="2026-12-01",
    )
    assert results(action) == {person.pk: (PersonState.DONE, "") for person in people}
    written = PersonNote.objects.order_by("person")
    assert [(note.person, note.text, note.owner, note.due_on) for note in written] == [
        (person, "Call them", access.user, DAY) for person in people
    ]
    assert AuditEntry.objects.filter(action="person.note").count() == 2


@pytest.mark.parametrize("typed", ["nobody", "9" * 30, "-1"])
def test_an_owner_must_be_one_who_can_tick_it_off(access: Access, typed: str) -> None:
    people = make_people(access.organization, 1)
    viewer, gone = (
        make_access(access.organization, Role.VIEWER).user,
        make_access(access.organization).user,
    )
    type(gone).objects.filter(pk=gone.pk).update(is_active=False)
    for owner in (typed, *(str(user.pk) for user in (make_user(), viewer, gone))):
        with pytest.raises(ActionRefusedError, match="somebody of this organization") as refused:
            make_action(access, people, Kind.NOTE, text="Call them", owner=owner)
        assert refused.value.field == "owner"
