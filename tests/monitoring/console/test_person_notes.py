from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Person
from monitoring.actions.models import PersonNote
from monitoring.audit.models import AuditEntry
from monitoring.console.person_notes import note_row
from tests.factories import NOW, make_member, make_user
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.makers import make_healthy
from tests.monitoring.console.markup import markup, text
from tests.monitoring.console.person_makers import make_note

HTMX = {"HX-Request": "true"}


def address(person: Person) -> str:
    return f"/o/acme/people/{person.pk}/"


def add(client: Client, person: Person, follow: bool = True, **typed: Any) -> HttpResponse:
    headers = typed.pop("headers", {})
    return client.post(f"{address(person)}notes", typed, headers=headers, follow=follow)


def tick_off(client: Client, person: Person, note: PersonNote, **options: Any) -> HttpResponse:
    return client.post(f"{address(person)}notes/{note.pk}/done", **options)


def test_a_note_is_written_with_who_does_it_until_when(cast: Cast, admin_client: Client) -> None:
    person, owner = make_healthy(cast.acme), make_member(cast.acme).user
    response = add(admin_client, person, text="Call her.", owner=owner.pk, due_on="2026-11-25")
    assert response.redirect_chain == [(address(person), 302)]
    page = text(response)
    assert "Note added." in page
    assert f"Call her. due Wed 25 Nov · {owner.email}" in page
    note = PersonNote.objects.get()
    assert (note.person, note.owner, note.due_on) == (person, owner, date(2026, 11, 25))
    assert AuditEntry.objects.get().action == "person.note"


def test_htmx_is_given_the_notes_with_an_empty_form(cast: Cast, admin_client: Client) -> None:
    response = add(admin_client, make_healthy(cast.acme), text="Call her.", headers=HTMX)
    page = markup(response)
    assert page.ids[0] == "notes"
    assert page.text.count("Call her.") == 2
    assert "hx-preserve" not in response.content.decode()


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"text": "", "due_on": "2026-11-25"}, "Write something first."),
        ({"text": "Call her.", "due_on": "soon"}, "Write the day like 2027-01-31."),
        ({"text": "Call her.", "owner": "999999"}, "Choose somebody of this organization who"),
        ({"text": "Call her.", "owner": "x"}, "Choose somebody of this organization who"),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "part"])
def test_what_is_refused_says_why_and_stays_typed(
    cast: Cast, admin_client: Client, typed: dict[str, str], sentence: str, headers: dict[str, str]
) -> None:
    response = add(admin_client, make_healthy(cast.acme), headers=headers, **typed)
    html = response.content.decode()
    assert sentence in html
    assert f">{typed['text']}</textarea>" in html
    assert not PersonNote.objects.exists()
    assert ("standing" in markup(response).ids) == (not headers)


def test_a_note_is_ticked_off(cast: Cast, admin_client: Client) -> None:
    person = make_healthy(cast.acme)
    note = make_note(person, cast.admin)
    response = tick_off(admin_client, person, note, follow=True)
    assert "Note done." in text(response)
    assert f"done by {cast.admin.email}" in text(response)
    again = tick_off(admin_client, person, note, headers=HTMX)
    assert markup(again).ids[0] == "notes"
    assert AuditEntry.objects.count() == 1


def test_what_is_overdue_is_marked_and_stands_first(cast: Cast, admin_client: Client) -> None:
    person = make_healthy(cast.acme)
    make_note(person, cast.admin, text="Some day")
    make_note(person, cast.admin, text="Soon", due_on=date(2026, 11, 20))
    make_note(person, cast.admin, text="Late", due_on=date(2026, 11, 19))
    make_note(person, cast.admin, text="Over", due_on=date(2026, 11, 1), done_at=NOW)
    response = admin_client.get(address(person))
    rows = response.context["notes_open"]
    assert [(row.text, row.overdue) for row in rows] == [
        ("Late", True),
        ("Soon", False),
        ("Some day", False),
    ]
    assert "Overdue: due Thu 19 Nov" in text(response)


def test_a_viewer_reads_notes_without_a_form(cast: Cast) -> None:
    person = make_healthy(cast.acme)
    note = make_note(person, cast.admin)
    client = client_of(cast.viewer)
    page = client.get(address(person))
    assert "Called her." in text(page)
    assert "<textarea" not in page.content.decode()
    assert add(client, person, text="x").status_code == 403
    assert tick_off(client, person, note).status_code == 403
    assert PersonNote.objects.get().done_at is None


def test_strangers_and_other_methods_are_turned_away(cast: Cast, admin_client: Client) -> None:
    ours, theirs = make_healthy(cast.acme), make_healthy(cast.globex)
    note, elsewhere = make_note(ours, cast.admin), make_note(theirs, make_user())
    stranger = client_of(cast.stranger)
    assert add(stranger, ours, text="x").status_code == 404
    assert tick_off(stranger, ours, note).status_code == 404
    assert add(admin_client, theirs, text="x").status_code == 404
    assert tick_off(admin_client, ours, elsewhere).status_code == 404
    assert admin_client.get(f"{address(ours)}notes").status_code == 405
    assert admin_client.get(f"{address(ours)}notes/{note.pk}/done").status_code == 405
    assert PersonNote.objects.filter(done_at=None).count() == 2


def test_notes_and_owners_of_another_organization_are_not_shown(
    cast: Cast, admin_client: Client
) -> None:
    person = make_healthy(cast.acme)
    note = make_note(person, cast.admin, text="secret")
    PersonNote.objects.filter(pk=note.pk).update(organization=cast.globex)
    response = admin_client.get(address(person))
    assert "secret" not in text(response)
    assert cast.stranger.email not in response.content.decode()


def test_a_refreshed_panel_keeps_what_is_being_typed(cast: Cast, admin_client: Client) -> None:
    html = admin_client.get(address(make_healthy(cast.acme)), headers=HTMX).content.decode()
    assert html.count("hx-preserve") == 1


@given(
    st.none() | st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    st.none() | st.just(NOW),
    st.timedeltas(timedelta(-400), timedelta(400)),
)
def test_only_an_open_note_whose_day_is_over_is_overdue(
    due_on: date | None, done_at: Any, ahead: timedelta
) -> None:
    now = NOW + ahead
    note = PersonNote(pk=1, text="x", at=NOW, author_name="Ada", due_on=due_on, done_at=done_at)
    row = note_row(note, now, NOW.tzinfo)
    assert row.overdue == (due_on is not None and done_at is None and due_on < now.date())
    assert bool(row.due) == (due_on is not None)
