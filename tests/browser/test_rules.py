from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from playwright.sync_api import Page, expect

from accounts.access import access_for
from monitoring.errors.interpretation import built_in_rules
from monitoring.errors.models import RuleChange, UnrecognisedError
from monitoring.intake.record import ReportedOutcome, outcomes_record
from monitoring.outcomes.identifiers import attempt_id_at
from monitoring.replay.claims import Claim, back_test_claim
from monitoring.replay.models import BackTest
from monitoring.replay.working import work
from tests.browser.conftest import NARROW, WIDE
from tests.factories import make_connected_person, make_member, make_user
from tests.monitoring.errors.makers import definition, make_live, panic, passed, propose

SignedIn = Callable[..., Page]
SIZES = pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
BUILT_IN = len(built_in_rules().rules)


def fail_with(acme: Any, error: dict[str, Any], people: int) -> None:
    """Let people's last runs fail so, as a worker or another engine reports it."""
    now = datetime.now(UTC)
    outcomes = []
    for place in range(people):
        person = make_connected_person(acme)
        ended = now - timedelta(minutes=30 + place)
        outcomes.append(
            ReportedOutcome(
                attempt_id=attempt_id_at(ended),
                organization_id=acme.pk,
                person_id=person.pk,
                trigger="schedule",
                started_at=ended - timedelta(seconds=1),
                finished_at=ended,
                result="failure",
                error=error,
                counts=None,
            )
        )
    with transaction.atomic():
        outcomes_record(outcomes, now=now)


def run_what_waits() -> None:
    """Do what a worker does when the doorbell of back-tests rings."""
    while (run := back_test_claim(now=datetime.now(UTC))) is not None:
        work(Claim(run), lambda: True)


def test_an_unrecognised_error_becomes_a_rule_that_is_tested_and_live(
    signed_in: SignedIn, acme: Any
) -> None:
    fail_with(acme, panic(), people=3)
    page = signed_in("people/")
    page.get_by_role("link", name="Unrecognised errors 1 open").click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("1 kind of error is not recognised")
    expect(page.get_by_role("link", name="3 people")).to_be_visible()

    page.get_by_role("link", name="Make a rule").click()
    expect(heading).to_have_text("A rule for this error")
    expect(page.locator("#preview")).to_contain_text("1 of the last 1 distinct errors of Acme.")
    expect(page.locator("#preview")).to_contain_text("Holds for the error below.")
    page.get_by_label("Class").select_option("record")
    page.get_by_label("Who acts").select_option("person")
    page.get_by_label("Title").fill("The aisle is blocked")
    page.get_by_label("Meaning").fill("Something lies in aisle four.")
    with page.expect_response(lambda response: response.url.endswith("/rules/preview")):
        page.get_by_label("Next step").fill("Clear the aisle.")
    page.get_by_role("button", name="Save draft").click()

    expect(heading).to_have_text("Draft: The aisle is blocked")
    page.get_by_role("button", name="Test on the last 30 days").click()
    expect(page.get_by_text("Waits for a free worker…")).to_be_visible()
    page.evaluate("window.stillHere = true")
    run_what_waits()
    result = page.locator(".change__sentence")
    expect(result).to_contain_text("3 of 3 outcomes get another verdict")
    expect(page.locator("[hx-trigger='every 1s']")).to_have_count(0)
    row = page.get_by_role("table", name="Verdicts").locator("tbody tr")
    expect(row).to_contain_text(re.compile("not recognised yet.*The aisle is blocked", re.DOTALL))
    assert page.evaluate("window.stillHere") is True

    page.get_by_role("button", name="Go live").click()
    expect(page.get_by_text("The rule is live. It judges every error from now on.")).to_be_visible()
    expect(heading).to_have_text("Live: The aisle is blocked")
    page.get_by_role("link", name="Unrecognised errors").click()
    expect(heading).to_have_text("Every error is known")
    assert not UnrecognisedError.objects.filter(organization=acme, resolved_at=None).exists()

    page.get_by_role("link", name="Show those known by now").click()
    page.get_by_role("link", name="The aisle is blocked").click()
    expect(heading).to_have_text("The aisle is blocked")
    page.get_by_role("link", name="A new rule.").click()
    page.get_by_role("button", name="Judge the last 30 days again").click()
    run_what_waits()
    expect(page.get_by_text("3 of 3 outcomes were given another verdict")).to_be_visible()
    page.get_by_role("link", name="People", exact=True).click()
    expect(page.locator("table.people")).to_contain_text("The aisle is blocked")


def test_the_preview_follows_what_is_typed_and_what_is_refused_stays(
    signed_in: SignedIn, acme: Any
) -> None:
    fail_with(acme, panic(), people=1)
    page = signed_in("rules/new/")
    preview = page.locator("#preview")
    expect(preview).to_contain_text("Say what the error looks like")
    page.get_by_label("Codes", exact=True).press_sequentially("KERNEL_PANIC_IN_AISLE_FOUR")
    expect(preview).to_contain_text("1 of the last 1 distinct errors of Acme.")
    page.get_by_label("HTTP statuses").fill("500")
    expect(preview).to_contain_text("0 of the last 1 distinct errors of Acme.")
    page.get_by_label("Paste the provider").fill(panic()["body"])
    page.get_by_label("From").select_option("salesforce")
    page.get_by_label("HTTP status", exact=True).fill("500")
    expect(preview).to_contain_text("Holds for the error below.")
    page.get_by_label("Phrases").fill("ab")
    expect(preview).to_contain_text("A phrase needs a word of three letters")

    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_role("alert").filter(has_text="not saved yet")).to_be_visible()
    expect(page.get_by_label("Phrases")).to_have_value("ab")
    expect(page.get_by_label("Codes", exact=True)).to_have_value("KERNEL_PANIC_IN_AISLE_FOUR")
    expect(page.get_by_label("Paste the provider")).to_have_value(panic()["body"])
    expect(page.get_by_label("Title")).to_have_attribute("aria-invalid", "true")
    assert not RuleChange.objects.filter(organization=acme).exists()


def test_rules_are_found_without_a_reload_and_without_scripts(
    signed_in: SignedIn, acme: Any
) -> None:
    page = signed_in("rules/")
    page.evaluate("window.stillHere = true")
    rows = page.locator("table.rules tbody tr")
    expect(rows).to_have_count(BUILT_IN)
    page.get_by_label("Search rules").press_sequentially("validation_exception")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile("q=validation_exception"))
    page.get_by_label("Class").select_option("transient")
    expect(page.get_by_text("No rule matches")).to_be_visible()
    assert page.evaluate("window.stillHere") is True

    page = signed_in("rules/", java_script_enabled=False)
    page.get_by_label("Provider").select_option("network")
    page.get_by_label("Class").select_option("needs_admin")
    page.get_by_role("button", name="Apply").click()
    assert 0 < page.locator("table.rules tbody tr").count() < BUILT_IN
    page.locator(".rules__name").first.click()
    expect(page.get_by_role("heading", name="Which errors it is for")).to_be_visible()


def test_a_built_in_rule_is_changed_and_given_back_by_keyboard_and_without_scripts(
    signed_in: SignedIn, acme: Any
) -> None:
    fail_with(acme, panic(), people=1)
    page = signed_in("rules/google-access-revoked/", java_script_enabled=False)
    page.get_by_role("link", name="Edit").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Title").fill("Ask Ada")
    page.get_by_label("Why").fill("Ada knows.")
    page.get_by_role("button", name="Save draft").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Changes title.")).to_be_visible()
    page.get_by_role("button", name="Test on the last 30 days").click()
    run_what_waits()
    page.reload()
    expect(page.get_by_text("None of 1 person would have had another status")).to_be_visible()
    page.get_by_role("button", name="Go live").click()
    page.get_by_role("link", name="Ask Ada").click()
    page.get_by_role("link", name="Take away").click()
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("Say why the rule changes")).to_be_visible()
    page.get_by_label("Why").fill("Ada has left.")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("so that the rule below it holds again")).to_be_visible()


def test_a_change_of_many_is_approved_by_somebody_else(
    signed_in: SignedIn, open_page: SignedIn, acme: Any, admin: Any, server: Any
) -> None:
    access = access_for(admin, acme.slug)
    change = passed(propose(access, now=datetime.now(UTC)), people_moved=50)
    BackTest.objects.create(
        organization=acme,
        change=change,
        asked_by=admin,
        asked_by_name=admin.email,
        asked_at=datetime.now(UTC),
        finished_at=datetime.now(UTC),
        state="done",
        result={"version": "1.1", "days": 30, "people": 100, "people_moved": 50},
    )
    page = signed_in(f"rules/changes/{change.pk}/")
    page.get_by_role("button", name="Ask for approval").click()
    expect(page.get_by_text("You proposed it, so somebody else must approve it.")).to_be_visible()

    client = Client()
    client.force_login(make_member(acme, user=make_user()).user)
    other = open_page()
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server.url}
    other.context.add_cookies([cookie])
    other.goto(f"/o/{acme.slug}/rules/")
    other.get_by_role("link", name="The aisle is blocked").click()
    other.get_by_role("button", name="Approve").click()
    expect(other.get_by_text("Approved. The rule is live")).to_be_visible()


def test_a_test_can_be_stopped(signed_in: SignedIn, acme: Any, admin: Any) -> None:
    change = propose(access_for(admin, acme.slug), now=datetime.now(UTC))
    page = signed_in(f"rules/changes/{change.pk}/")
    page.get_by_role("button", name="Test on the last 30 days").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("The test was stopped before it came to an end.")).to_be_visible()
    expect(page.locator("[hx-trigger='every 1s']")).to_have_count(0)


def test_the_focus_stays_on_stop_while_the_test_gets_on(
    signed_in: SignedIn, acme: Any, admin: Any
) -> None:
    change = propose(access_for(admin, acme.slug), now=datetime.now(UTC))
    page = signed_in(f"rules/changes/{change.pk}/")
    page.get_by_role("button", name="Test on the last 30 days").click()
    stop = page.get_by_role("button", name="Stop")
    stop.focus()
    said = page.locator("#run_said")
    said.evaluate("element => { window.stays = element }")
    run = back_test_claim(now=datetime.now(UTC))
    assert run is not None
    for done, words in ((30, "30 of about 100 outcomes…"), (60, "60 of about 100 outcomes…")):
        BackTest.objects.filter(pk=run.pk).update(done=done, total=100)
        expect(page.get_by_text(words)).to_be_visible()
        expect(said).to_have_text(f"Under way: {done} %.")
        expect(stop).to_be_focused()
    assert said.evaluate("element => element === window.stays")
    BackTest.objects.filter(pk=run.pk).update(done=0, total=0)
    work(Claim(run), lambda: True)
    expect(said).to_have_text("The test is done.")
    expect(page.locator(".change__sentence")).to_be_visible()
    assert said.evaluate("element => element === window.stays")


@SIZES
def test_no_page_scrolls_sideways(
    signed_in: SignedIn, acme: Any, admin: Any, viewport: dict[str, int]
) -> None:
    access, now = access_for(admin, acme.slug), datetime.now(UTC)
    long = "a_code_that_goes_on_and_on_" * 6
    make_live(access, now=now, definition=definition(codes=[long], says=[f"{long} * {long}"]))
    changed = definition(codes=["OTHER"], title="Title" * 29, also=[{"codes": [long]}])
    change = propose(access, now=now, definition=changed, reason="reason" * 99)
    fail_with(acme, panic(body=f'[{{"errorCode":"X","message":"{long} odd"}}]'), people=1)
    error = UnrecognisedError.objects.get(organization=acme)
    for address in (
        "rules/",
        "rules/aisle-blocked/",
        "rules/aisle-blocked/edit/",
        "rules/aisle-blocked/take-away/",
        f"rules/new/?error={error.pk}",
        f"rules/changes/{change.pk}/",
        "errors/",
        f"people/?error={error.pk}",
    ):
        page = signed_in(address, viewport=viewport)
        for details in page.locator("main details.raw > summary").all():
            details.click()
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(overflow) <= 0, address
