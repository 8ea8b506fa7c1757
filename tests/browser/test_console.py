from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from playwright.sync_api import Page, expect

from monitoring.health.models import Health
from monitoring.intake.record import ReportedOutcome, outcomes_record
from monitoring.jobs.models import Job, JobState
from tests.browser.conftest import NARROW, PASSWORD, WIDE, Trouble
from tests.factories import make_member, make_organization, make_person, make_user
from tests.monitoring.console.makers import (
    REVOKED,
    make_healthy,
    make_held,
    make_many_healthy,
    make_outcome,
    make_unwell,
    set_health,
)

SignedIn = Callable[..., Page]
SIZES = pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])


def rows(page: Page) -> Any:
    return page.locator("table.people tbody tr")


def names(page: Page) -> list[str]:
    return page.locator(".people__name").all_text_contents()


def populate(acme: Any) -> None:
    make_many_healthy(acme, 60)
    make_unwell(acme, "stalled", "google-access-revoked", name="Ada Lovelace")
    make_unwell(acme, "degraded", "salesforce-validation-rule", name="Alan Turing")
    make_held(acme, name="Grace Hopper")
    make_person(acme, name="Edsger Dijkstra")


def close_job(person: Any, **overrides: Any) -> None:
    """Do what a worker does at the end of a run: the job goes, its outcome comes."""
    now = datetime.now(UTC)
    fields = {
        "trigger": "admin",
        "result": "success",
        "error": None,
        "counts": {"salesforce": {"created": 3}, "google": {"updated": 1}},
    }
    with transaction.atomic():
        job = Job.objects.get(person=person)
        job.delete()
        outcome = ReportedOutcome(
            attempt_id=job.attempt_id,
            organization_id=person.organization_id,
            person_id=person.pk,
            started_at=now - timedelta(seconds=1),
            finished_at=now,
            **fields | overrides,
        )
        outcomes_record([outcome], now=now)


def test_a_member_signs_in_and_out(open_page: SignedIn, acme: Any, admin: Any) -> None:
    page = open_page()
    page.goto(f"/o/{acme.slug}/people/")
    page.get_by_label("Email").fill(admin.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(rf"/o/{acme.slug}/people/$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Nobody is connected yet")
    page.locator(".top__user").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_the_list_is_narrowed_sorted_and_paged_without_a_reload(
    signed_in: SignedIn, acme: Any
) -> None:
    populate(acme)
    page = signed_in("people/")
    page.evaluate("window.stillHere = true")
    expect(page.get_by_role("heading", level=1)).to_have_text("60 of 63 people are syncing")
    assert names(page)[:3] == ["Ada Lovelace", "Alan Turing", "Grace Hopper"]

    page.get_by_role("link", name="Next", exact=True).click()
    expect(page.locator("#people").get_by_text("51–64 of 64 people")).to_be_visible()  # noqa: RUF001 - as on screen
    expect(page).to_have_url(re.compile(r"page=2"))

    page.get_by_label("Search people").press_sequentially("lovelace")
    expect(rows(page)).to_have_count(1)
    expect(page).to_have_url(re.compile(r"q=lovelace"))
    expect(page.get_by_label("Search people")).to_be_focused()

    page.get_by_label("Search people").fill("")
    page.get_by_label("Status").select_option("degraded")
    expect(page.locator(".people__name")).to_have_text(["Alan Turing"])
    expect(page.locator(".key-figure_current")).to_contain_text("1 delayed")

    page.get_by_label("Status").select_option("")
    page.get_by_label("Reason").select_option("google-access-revoked")
    expect(page.locator(".people__name")).to_have_text(["Ada Lovelace"])

    page.get_by_label("Reason").select_option("")
    page.get_by_label("Team", exact=True).fill("Research")
    page.get_by_label("Team", exact=True).press("Enter")
    expect(rows(page)).to_have_count(30)

    page.get_by_role("link", name="Sort by Person").click()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Person")
    page.get_by_role("link", name="Sort by Person").click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Person")
    assert names(page)[0] == "Person 058"
    expect(page).to_have_url(re.compile(r"team=Research"))

    page.get_by_label("Status").select_option("healthy")
    expect(page).to_have_url(re.compile(r"sort=-person"))
    assert page.evaluate("window.stillHere") is True


def test_going_back_restores_list_and_filters(signed_in: SignedIn, acme: Any) -> None:
    populate(acme)
    page = signed_in("people/")
    page.get_by_label("Status").select_option("stalled")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("link", name="Ada Lovelace").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ada Lovelace")
    page.go_back()
    expect(rows(page)).to_have_count(1)
    expect(page.get_by_label("Status")).to_have_value("stalled")
    page.go_back()
    expect(rows(page)).to_have_count(50)
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_the_teams_are_offered_when_asked_for(signed_in: SignedIn, acme: Any) -> None:
    populate(acme)
    page = signed_in("people/")
    page.get_by_label("Team", exact=True).focus()
    expect(page.locator("#teams option")).to_have_count(2)


def test_the_list_works_without_scripts(signed_in: SignedIn, acme: Any) -> None:
    populate(acme)
    page = signed_in("people/", java_script_enabled=False)
    page.get_by_label("Search people").fill("ada")
    page.get_by_role("button", name="Apply").click()
    assert names(page) == ["Ada Lovelace"]
    page.get_by_role("link", name="Show everybody").click()
    page.get_by_role("link", name="Next", exact=True).click()
    expect(page).to_have_url(re.compile(r"page=2"))
    page.get_by_role("link", name="Sort by Interval").click()
    expect(page).to_have_url(re.compile(r"sort=interval"))


def test_a_sync_asked_for_shows_its_outcome_without_a_reload(
    signed_in: SignedIn, acme: Any
) -> None:
    person = make_unwell(acme, "degraded", "google-rate-limit", name="Ada Lovelace")
    page = signed_in(f"people/{person.pk}/")
    page.evaluate("window.stillHere = true")
    expect(page.locator("#standing")).to_contain_text("Google asks us to slow down")
    page.get_by_role("button", name="Sync now").click()
    progress = page.get_by_role("status")
    expect(progress).to_have_text(re.compile("Waiting for a free worker"))
    Job.objects.filter(person=person).update(state=JobState.RUNNING)
    expect(progress).to_have_text(re.compile("Syncing now"))
    close_job(person)
    expect(progress).to_contain_text("Synced: 3 created in Salesforce, 1 updated in Google.")
    expect(page.locator("#standing")).to_contain_text("Syncing since")
    expect(page.locator("#timeline")).to_contain_text("Synced by an admin")
    expect(page.get_by_text("asked for a sync now")).to_be_visible()
    assert page.evaluate("window.stillHere") is True
    assert Health.objects.get(person=person).status == "healthy"


def test_a_sync_that_fails_says_so_and_the_error_can_be_copied(
    signed_in: SignedIn, acme: Any
) -> None:
    person = make_healthy(acme)
    page = signed_in(f"people/{person.pk}/")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Sync now").click()
    expect(page.get_by_role("status")).to_contain_text("Waiting")
    close_job(person, result="failure", error=REVOKED, counts=None)
    expect(page.get_by_role("status")).to_contain_text("The sync failed: Google access was revoked")
    page.get_by_text("Error text").first.click()
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert "invalid_grant" in page.evaluate("navigator.clipboard.readText()")


def test_a_page_stops_asking_once_it_knows(signed_in: SignedIn, acme: Any) -> None:
    person = make_healthy(acme)
    page = signed_in(f"people/{person.pk}/")
    page.get_by_role("button", name="Sync now").click()
    expect(page.locator("[data-state=queued]")).to_be_visible()
    close_job(person)
    with page.expect_response(lambda response: f"/people/{person.pk}/?" in response.url):
        expect(page.locator("[data-state=done]")).to_be_visible()
    expect(page.locator("[hx-trigger='every 1s']")).to_have_count(0)


def test_a_sync_can_be_asked_for_without_scripts(signed_in: SignedIn, acme: Any) -> None:
    person = make_healthy(acme)
    page = signed_in(f"people/{person.pk}/", java_script_enabled=False)
    page.get_by_role("button", name="Sync now").click()
    expect(page.get_by_text("Sync asked for.")).to_be_visible()
    assert Job.objects.filter(person=person).exists()


def test_who_is_held_has_a_button_that_says_why_not(signed_in: SignedIn, acme: Any) -> None:
    page = signed_in(f"people/{make_held(acme).pk}/")
    expect(page.get_by_role("button", name="Sync now")).to_be_disabled()
    expect(page.get_by_text("Switch it on again first")).to_be_visible()


def test_who_was_signed_out_meanwhile_comes_to_the_sign_in_page(
    signed_in: SignedIn, acme: Any
) -> None:
    populate(acme)
    page = signed_in("people/")
    page.context.clear_cookies()
    page.get_by_label("Status").select_option("stalled")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_the_organization_is_switched_in_the_header(
    signed_in: SignedIn, acme: Any, admin: Any
) -> None:
    globex = make_organization(name="Globex")
    make_member(globex, user=admin)
    page = signed_in("people/")
    page.locator(".top__switch").click()
    page.get_by_role("link", name="Globex").click()
    expect(page).to_have_url(re.compile(rf"/o/{globex.slug}/$"))
    page.locator(".top__switch").click()
    expect(page.get_by_role("link", name="Acme")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Acme")).to_be_hidden()


@SIZES
def test_no_page_scrolls_sideways(signed_in: SignedIn, acme: Any, viewport: dict[str, int]) -> None:
    populate(acme)
    long = make_unwell(
        acme,
        "stalled",
        "salesforce-session-policy",
        name="Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh the Third",
        email=f"{'very.long.address.' * 8}@acme.example",
        team="A team with a name that goes on and on",
        health={"interval": 86_400},
    )
    make_outcome(long, result="failure", error=REVOKED | {"body": "x" * 3_000})
    set_health(make_person(acme, name="Zoe"), last_success_at=None, next_due=None, recent="")
    for address in ("people/", f"people/{long.pk}/", "/accounts/2fa/"):
        page = signed_in(address, viewport=viewport)
        for details in page.locator("details.raw > summary").all():
            details.click()
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(overflow) <= 0, address


def test_a_violation_of_the_policy_would_be_seen(
    signed_in: SignedIn, acme: Any, trouble: Trouble
) -> None:
    page = signed_in("people/")
    page.evaluate("document.body.append(document.createElement('style'))")
    page.evaluate("document.querySelector('style').textContent = 'p {}'")
    page.evaluate("fetch('https://elsewhere.invalid/').catch(() => {})")
    page.wait_for_function("true")
    assert trouble.found
    trouble.found.clear()


def test_support_staff_find_an_organization(open_page: SignedIn, acme: Any) -> None:
    staff = make_user(password=PASSWORD, is_staff=True)
    page = open_page()
    page.goto("/")
    page.get_by_label("Email").fill(staff.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Search organizations").fill(acme.slug)
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Acme").click()
    expect(page).to_have_url(re.compile(rf"/o/{acme.slug}/$"))


def test_what_takes_longer_shows_that_it_is_under_way(signed_in: SignedIn, acme: Any) -> None:
    populate(acme)
    page = signed_in("people/")
    busy = page.get_by_role("progressbar", name="Loading")
    held: list[Any] = []
    page.route("**/people/?*", lambda route: held.append(route))
    expect(busy).to_be_hidden()
    page.get_by_label("Status").select_option("stalled")
    expect(busy).to_be_visible()
    held[0].continue_()
    expect(busy).to_be_hidden()
