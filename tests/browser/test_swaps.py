"""What is swapped by a control inside it: who uses the keyboard goes on where they were."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Person
from monitoring.actions.models import Kind
from tests.browser.test_actions import RESULTS
from tests.browser.test_messages import make_mails
from tests.monitoring.console.action_makers import make_action
from tests.monitoring.console.makers import make_healthy, make_many_healthy, make_outcome
from tests.monitoring.console.person_makers import make_note

SignedIn = Callable[..., Page]
FOCUSED = "document.activeElement.id || document.activeElement.tagName"


def waits_for_swap(page: Page, press: Callable[[], None]) -> None:
    """Press something and wait until htmx has settled what came."""
    page.evaluate(
        "() => { const html = document.documentElement; html.dataset.settled = ''; "
        "document.addEventListener('htmx:afterSettle', "
        "() => setTimeout(() => { html.dataset.settled = 'yes'; }), { once: true }); }"
    )
    press()
    expect(page.locator("html")).to_have_attribute("data-settled", "yes")


@pytest.fixture
def everything(acme: Any, admin: Any) -> dict[str, str]:
    """Enough of everything for a second page; return the addresses by name."""
    make_mails(acme)
    person = make_healthy(acme)
    for number in range(31):
        at = datetime.now(UTC) - timedelta(minutes=number)
        make_outcome(person, at, counts={"google": {"created": 1}})
    make_many_healthy(acme, 60)
    people = list(Person.objects.filter(organization=acme).order_by("pk")[: len(RESULTS)])
    action = make_action(acme, people, results=RESULTS, kind=Kind.SYNC, author=admin)
    return {
        "people": "people/?per=25",
        "person": f"people/{person.pk}/",
        "action": f"actions/{action.pk}/people/",
        "outbox": "outbox/",
        "trends": "trends/",
    }


SWAPPING = {
    "people": ["sort_person", "per_50", "next"],
    "action": ["state_3", "state_all"],
    "outbox": ["show_failed", "show_all"],
    "trends": ["trend_7d", "trend_30d"],
    "person": ["show_runs", "older", "newest", "show_all", "note-add"],
}


def test_the_focus_stays_on_each_control_or_on_what_it_swapped(
    signed_in: SignedIn, everything: dict[str, str]
) -> None:
    page, lost = signed_in(""), {}
    home = page.url
    for name, controls in SWAPPING.items():
        page.goto(home + everything[name])
        for control in controls:
            page.locator(f"#{control}").focus()
            waits_for_swap(page, lambda: page.keyboard.press("Enter"))
            focused = page.evaluate(FOCUSED)
            gone = page.locator(f"#{control}").count() == 0
            expected = {"next": "people", "older": "timeline", "newest": "timeline"}
            if focused != (expected.get(control) if gone else control):
                lost[name, control] = focused
    assert lost == {}


def test_ticking_off_a_note_leads_on_to_the_notes(
    signed_in: SignedIn, acme: Any, admin: Any
) -> None:
    person = make_healthy(acme)
    make_note(person, admin, text="Call her")
    page = signed_in(f"people/{person.pk}/")
    done = page.get_by_role("button", name="Done with “Call her”")
    done.focus()
    waits_for_swap(page, lambda: page.keyboard.press("Enter"))
    assert page.evaluate(FOCUSED) == "notes"
    expect(page.locator("#said")).to_have_text("Note done.")


def test_selecting_all_leads_on_to_the_way_back(signed_in: SignedIn, acme: Any) -> None:
    make_many_healthy(acme, 30)
    page = signed_in("people/?per=25")
    page.locator("#pick_page").check(force=True)
    page.get_by_role("button", name="select all 30").press("Enter")
    expect(page.get_by_role("button", name="clear")).to_be_focused()


def test_escape_leads_back_to_what_opened_the_menu(signed_in: SignedIn, acme: Any) -> None:
    page = signed_in("people/")
    page.locator(".top__user").press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(page.locator(".top__user")).to_be_focused()
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()


def test_what_is_shown_is_said_by_a_region_that_stays(signed_in: SignedIn, acme: Any) -> None:
    make_many_healthy(acme, 30)
    page = signed_in("people/?per=25")
    said = page.locator("#said")
    expect(said).to_have_text("")
    page.locator("#next").click()
    expect(said).to_contain_text("of 30")
