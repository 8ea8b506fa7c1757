from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from monitoring.actions.models import PersonNote
from tests.browser.conftest import NARROW, WIDE
from tests.monitoring.console.makers import REVOKED, make_healthy, make_outcome, make_unwell
from tests.monitoring.console.person_makers import make_message, make_note

SignedIn = Callable[..., Page]
SIZES = pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])


def entries(page: Page) -> Any:
    return page.locator(".timeline__item")


def test_the_timeline_is_narrowed_and_paged_without_a_reload(
    signed_in: SignedIn, acme: Any
) -> None:
    person = make_healthy(acme)
    now = datetime.now(UTC)
    for number in range(31):
        make_outcome(person, now - timedelta(minutes=number), counts={"google": {"created": 1}})
    make_message(person, now - timedelta(hours=1))
    page = signed_in(f"people/{person.pk}/")
    page.evaluate("window.stillHere = true")
    page.get_by_role("link", name="Messages", exact=True).click()
    expect(entries(page)).to_have_count(1)
    expect(page).to_have_url(re.compile(r"show=messages$"))
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(entries(page)).to_have_count(30)
    page.get_by_role("link", name="Older").click()
    expect(entries(page)).to_have_count(1)
    page.get_by_role("link", name="Newest").click()
    expect(entries(page)).to_have_count(30)
    assert page.evaluate("window.stillHere")
    page.reload()
    expect(page.locator(".timeline__show[aria-current]")).to_have_text("Runs")


def test_a_note_is_written_refused_and_ticked_off_without_a_reload(
    signed_in: SignedIn, acme: Any, admin: Any
) -> None:
    person = make_unwell(acme, "stalled", "google-access-revoked")
    make_note(person, admin, text="Asked her manager", due_on=datetime(2020, 1, 1, tzinfo=UTC))
    page = signed_in(f"people/{person.pk}/")
    expect(page.get_by_text("Overdue: due")).to_be_visible()
    page.get_by_label("More actions").click()
    page.get_by_role("link", name="Note…").click()
    expect(page.get_by_role("link", name="Silence…")).to_be_hidden()
    expect(page.get_by_label("Add a note")).to_be_focused()
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_role("alert").filter(has_text="Write something first.")).to_be_visible()
    page.get_by_label("Add a note").fill("Call her")
    page.get_by_label("Who takes care").select_option(admin.email)
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#notes .note__text")).to_have_text(["Asked her manager", "Call her"])
    expect(page.get_by_label("Add a note")).to_have_value("")
    page.get_by_role("button", name="Done with “Asked her manager”").click()
    expect(page.get_by_text("· done by")).to_be_visible()
    assert PersonNote.objects.filter(person=person, done_at=None).count() == 1


def test_a_finished_run_leaves_the_timeline_as_it_was_narrowed_and_opened(
    signed_in: SignedIn, acme: Any
) -> None:
    person = make_unwell(acme, "stalled", "google-access-revoked")
    make_outcome(person, datetime.now(UTC), result="failure", error=REVOKED)
    page = signed_in(f"people/{person.pk}/")
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.locator(".timeline__show[aria-current]")).to_have_text("Runs")
    page.get_by_text("Error text").click()
    expect(page.locator("details.raw pre")).to_be_visible()
    make_outcome(person, datetime.now(UTC), counts={"google": {"created": 7}})
    page.evaluate("htmx.trigger(document.body, 'person-changed')")
    expect(page.get_by_text("7 created in Google")).to_be_visible()
    expect(page.locator(".timeline__show[aria-current]")).to_have_text("Runs")
    expect(page.locator("details.raw pre")).to_be_visible()


def test_a_finished_run_refreshes_the_page_and_keeps_what_is_being_typed(
    signed_in: SignedIn, acme: Any
) -> None:
    person = make_healthy(acme)
    page = signed_in(f"people/{person.pk}/")
    page.get_by_label("Add a note").fill("Half a sen")
    make_outcome(person, datetime.now(UTC), counts={"google": {"created": 7}})
    page.evaluate("htmx.trigger(document.body, 'person-changed')")
    expect(page.get_by_text("7 created in Google")).to_be_visible()
    expect(page.get_by_label("Add a note")).to_have_value("Half a sen")


@SIZES
def test_the_page_works_without_scripts_and_is_not_wider_than_the_screen(
    signed_in: SignedIn, acme: Any, viewport: dict[str, int]
) -> None:
    person = make_unwell(acme, "stalled", "google-access-revoked", name="Ada " + "Lovelace" * 9)
    make_message(person, subject="Connect " + "Google" * 30)
    page = signed_in(f"people/{person.pk}/", viewport=viewport, java_script_enabled=False)
    page.get_by_label("Add a note").fill("Call her")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("Note added.")).to_be_visible()
    page.get_by_role("link", name="Messages", exact=True).click()
    expect(entries(page)).to_have_count(1)


def test_nothing_sticks_out_at_320_pixels(signed_in: SignedIn, acme: Any) -> None:
    person = make_unwell(acme, "stalled", "google-access-revoked", name="Ada " + "Lovelace" * 9)
    make_message(person, subject="Connect " + "Google" * 30)
    page = signed_in(f"people/{person.pk}/", viewport={"width": 320, "height": 800})
    expect(page.locator("#timeline")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
