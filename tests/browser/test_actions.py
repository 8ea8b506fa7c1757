"""Actions on many people, as an admin takes them: chosen, previewed, watched, undone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Person
from monitoring.actions.models import Action, ActionPerson, ActionState, Kind, PersonState
from monitoring.console.action_forms import FORMS
from monitoring.health.models import Health
from tests.browser.axe import violations
from tests.browser.conftest import NARROW
from tests.monitoring.console.action_makers import make_action
from tests.monitoring.console.makers import make_held, make_many_healthy

SignedIn = Callable[..., Page]
TINY = {"width": 320, "height": 640}
# A name that no line holds on a telephone.
LONG = "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh the Third of his Name"
RESULTS = [(PersonState.DONE, "")] * 2 + [(PersonState.FAILED, "google-access-revoked")]
RESULTS += [(PersonState.WAITING, "")] * 3


def overflow(page: Page) -> int:
    return page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )


def people_of(acme: Any, number: int) -> list[Person]:
    make_many_healthy(acme, number)
    people = list(Person.objects.filter(organization=acme).order_by("pk"))
    Person.objects.filter(pk=people[0].pk).update(name=LONG)
    return people


def make_run(acme: Any, admin: Any, **fields: Any) -> Action:
    """A sync of which two are synced, one failed, and three wait."""
    now = datetime.now(UTC)
    return make_action(
        acme,
        people_of(acme, 6),
        results=RESULTS,
        **{
            "kind": Kind.SYNC,
            "state": ActionState.RUNNING,
            "author": admin,
            "parameters": {},
            "created_at": now,
            "confirmed_at": now,
            "begun_at": now,
        }
        | fields,
    )


def test_people_who_match_are_held_and_released_again(
    signed_in: SignedIn, acme: Any, admin: Any
) -> None:
    people_of(acme, 12)
    make_held(acme, team="Sales")
    page = signed_in("actions/new/?kind=hold&scope=filter&filter=team%3DSales")
    expect(page.get_by_role("heading", level=1)).to_have_text("Hold 7 people")
    page.get_by_role("button", name="Show what will happen").click()
    expect(page.get_by_role("alert").first).to_contain_text("Nothing has been done yet.")
    expect(page.get_by_label("Why")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("For 24 hours").check(force=True)
    page.get_by_label("Why").fill("Moving to another org")
    page.get_by_role("button", name="Show what will happen").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hold 6 people?")
    expect(page.locator("main")).to_contain_text("all who match team: “Sales”")
    expect(page.get_by_role("region", name="Left out")).to_contain_text("active already")
    page.get_by_role("button", name="Hold 6 people").click()
    expect(page.locator(".plan__state")).to_have_text(re.compile("Done"))
    expect(page.locator("#bar")).to_contain_text("6 held")
    assert Health.objects.filter(organization=acme, status="disabled").count() == 7
    page.get_by_role("button", name="Undo for 6 people").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Undo for 6 people")
    expect(page.locator("#bar")).to_contain_text("6 restored")
    assert Health.objects.filter(organization=acme, status="disabled").count() == 1
    page.get_by_role("link", name="Actions", exact=True).first.click()
    expect(page.locator("table.listing tbody tr")).to_have_count(2)


def test_a_run_is_watched_to_its_end_without_a_reload(
    signed_in: SignedIn, acme: Any, admin: Any
) -> None:
    action = make_run(acme, admin)
    members = ActionPerson.objects.filter(action=action)
    page = signed_in(f"actions/{action.pk}/")
    page.evaluate("window.stillHere = true")
    expect(page.locator("#bar_words")).to_have_text("2 synced, 1 failed, 3 to go.")
    expect(page.locator("#failures")).to_contain_text("Google access was revoked")
    page.get_by_role("button", name="Stop").focus()
    first = members.filter(state=PersonState.WAITING).earliest("pk")
    members.filter(pk=first.pk).update(state=PersonState.FAILED, code="google-access-revoked")
    expect(page.locator("#bar_words")).to_have_text("2 synced, 2 failed, 2 to go.")
    expect(page.locator(".run__bar")).to_have_js_property("value", 66)
    expect(page.locator("#failures h2")).to_have_text("2 failed")
    expect(page.locator("#run_said")).to_have_text("2 synced, 2 failed, 2 to go.")
    expect(page.get_by_role("button", name="Stop")).to_be_focused()
    members.filter(state=PersonState.WAITING).update(state=PersonState.DONE)
    Action.objects.update(state=ActionState.DONE, finished_at=datetime.now(UTC))
    expect(page.locator("#bar")).to_contain_text("4 synced")
    expect(page.locator("#run_said")).to_have_text("Done: 4 synced, 2 failed.")
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    assert page.evaluate("window.stillHere") is True
    page.get_by_role("link", name="Try the 2 failed again").click()
    page.get_by_role("button", name="Show what will happen").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sync 2 people now?")


def test_a_run_is_stopped(signed_in: SignedIn, acme: Any, admin: Any) -> None:
    page = signed_in(f"actions/{make_run(acme, admin).pk}/")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".plan__state")).to_contain_text("Stopped")
    expect(page.locator("#bar")).to_contain_text("3 stopped before")
    page.get_by_role("link", name="See each person").click()
    page.get_by_role("link", name="3 stopped before").click()
    expect(page.locator("#members tbody tr")).to_have_count(3)
    expect(page).to_have_url(re.compile(r"\?state=6$"))


@pytest.mark.parametrize("viewport", [NARROW, TINY], ids=["narrow", "tiny"])
def test_nothing_is_wider_than_the_screen(
    signed_in: SignedIn, acme: Any, admin: Any, viewport: dict[str, int]
) -> None:
    run = make_run(acme, admin)
    preview = {"state": ActionState.PREVIEW, "kind": Kind.HOLD, "reason": LONG}
    people = list(Person.objects.filter(organization=acme).order_by("pk"))
    action = make_action(acme, people, author=admin, **preview)
    page = signed_in("actions/", viewport=viewport)
    for address in (
        "actions/",
        f"actions/{action.pk}/",
        f"actions/{run.pk}/",
        f"actions/{run.pk}/people/",
        f"actions/new/?kind=hold&scope=person&person={people[0].pk}",
        f"actions/new/?kind=reauthorize&scope=action&action={run.pk}",
        "settings/",
    ):
        page.goto(f"/o/{acme.slug}/{address}")
        assert overflow(page) <= 0, address


def test_axe_finds_nothing_on_any_page_of_actions(
    signed_in: SignedIn, acme: Any, admin: Any
) -> None:
    run = make_run(acme, admin, left_out=1)
    people = list(Person.objects.filter(organization=acme).order_by("pk"))
    left_out = [(PersonState.LEFT_OUT, "held_already")] + [(PersonState.WAITING, "")] * 5
    preview = make_action(acme, people, author=admin, results=left_out)
    ended = {"state": ActionState.DONE, "finished_at": datetime.now(UTC)}
    failed = [(PersonState.FAILED, "google-access-revoked")] * 6
    done = make_action(acme, people, author=admin, results=failed, **ended)
    wanted = make_action(acme, people, state=ActionState.APPROVAL)
    page, found = signed_in("actions/"), []
    forms = [f"actions/new/?kind={kind}&scope=action&action={run.pk}" for kind in FORMS]
    for address in (
        "actions/",
        *(f"actions/{each.pk}/" for each in (preview, run, done, wanted)),
        f"actions/{done.pk}/people/?state=4",
        *forms,
        "settings/",
    ):
        page.goto(f"/o/{acme.slug}/{address}")
        found += [f"{address}: {line}" for line in violations(page)]
    assert found == []


def test_it_works_without_scripts(signed_in: SignedIn, acme: Any, admin: Any) -> None:
    people = people_of(acme, 2)
    address = f"actions/new/?kind=note&scope=selection&person={people[0].pk}&person={people[1].pk}"
    page = signed_in(address, java_script_enabled=False)
    page.get_by_role("textbox", name="Note").fill("Ask her when she is back")
    page.get_by_label("Who takes care").select_option(label=admin.email)
    page.get_by_role("button", name="Show what will happen").click()
    page.get_by_role("button", name="Add the note to 2 people").click()
    expect(page.locator("#bar")).to_contain_text("2 noted")
