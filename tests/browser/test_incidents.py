from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from monitoring.incidents.models import EventKind, Hit, Incident, IncidentEvent, Release
from tests.browser.conftest import NARROW, WIDE
from tests.monitoring.console.incident_makers import (
    MINUTE,
    count_hits,
    make_event,
    make_hit_people,
    make_hits,
    make_incident,
)
from tests.monitoring.console.makers import make_healthy, make_held, make_unwell

SignedIn = Callable[..., Page]
SIZES = pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
# A name that no line holds on a telephone.
LONG = "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh the Third of his Name"


def make_outage(acme: Any, people: int = 60, **overrides: Any) -> Incident:
    """An incident that began 48 minutes ago, with somebody in every state."""
    now = datetime.now(UTC)
    fields = {"began_at": now - 48 * MINUTE, "people_running": people + 4}
    incident = make_incident(acme, **fields | {"status_asked_at": now - 3 * MINUTE} | overrides)
    make_hit_people(incident, people, step=timedelta(seconds=3))
    ids = list(Hit.objects.filter(incident=incident).order_by("pk").values_list("pk", flat=True))
    Hit.objects.filter(pk__in=ids[:5]).update(canary=True)
    Hit.objects.filter(pk__in=ids[5:8]).update(recovered_at=now - 9 * MINUTE)
    Hit.objects.filter(pk__in=ids[8:9]).update(ended_at=now - 4 * MINUTE)
    count_hits(incident)
    make_event(incident, EventKind.OPENED, now - 44 * MINUTE, people=31)
    make_event(
        incident,
        EventKind.STATUS,
        now - 28 * MINUTE,
        text="trouble: Major incident: logging in fails",
        address="https://status.salesforce.com/incidents/20001234",
    )
    return incident


def drawn(page: Page) -> None:
    expect(page.locator(".chart[data-state=drawn]")).to_have_count(1)


def overflow(page: Page) -> int:
    return page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )


def test_from_the_first_page_to_the_button_that_helps(signed_in: SignedIn, acme: Any) -> None:
    incident = make_outage(acme)
    page = signed_in("/")
    expect(page).to_have_url(re.compile(rf"/o/{acme.slug}/$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("0 of 60 people are syncing")
    expect(page.locator(".banner")).to_contain_text("Nobody is disabled by it.")
    page.locator(".banner").get_by_role("link", name="Open").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("60 of 64 people stopped between")
    drawn(page)
    expect(page.locator("#held")).to_contain_text("5 people try every 5 min")
    page.get_by_role("link", name="Recover 57 people").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recover 57 people?")
    page.get_by_role("button", name="Recover 57 people now").click()
    expect(page.get_by_role("status").first).to_contain_text("The recovery of 57 people begins")
    expect(page.locator("#head")).to_contain_text("The recovery is under way.")
    expect(page.get_by_role("link", name="Recover 57 people")).to_have_count(0)
    assert Incident.objects.get(pk=incident.pk).recover_asked_at is not None


def test_what_changes_comes_by_itself_and_keeps_what_is_typed(
    signed_in: SignedIn, acme: Any
) -> None:
    incident = make_outage(acme)
    page = signed_in(f"incidents/{incident.pk}/")
    page.evaluate("window.stillHere = true")
    drawn(page)
    page.get_by_label("Add a note").fill("Half a sentence")
    just_now = {"first_failed_at": datetime.now(UTC)}
    make_hits(incident, [make_healthy(acme, name="Late Comer")], **just_now)
    Hit.objects.filter(incident=incident, canary=True).update(recovered_at=datetime.now(UTC))
    count_hits(incident)
    page.evaluate("htmx.trigger('body', 'incident-changed')")
    expect(page.locator("#head")).to_contain_text("8 of 61 have had a good run since")
    expect(page.locator(".course__bar")).to_have_js_property("value", 8)
    expect(page.get_by_label("Add a note")).to_have_value("Half a sentence")
    drawn(page)
    expect(page.locator(".chart__table tbody td").last).to_have_text("1")
    assert page.evaluate("window.stillHere") is True


def test_it_is_asked_after_until_it_is_over(signed_in: SignedIn, acme: Any) -> None:
    incident = make_outage(acme)
    page = signed_in(f"incidents/{incident.pk}/")
    expect(page.locator("#head")).to_have_attribute("hx-trigger", re.compile("every 10s"))
    now = datetime.now(UTC)
    Hit.objects.filter(incident=incident).update(recovered_at=now, ended_at=None)
    Incident.objects.filter(pk=incident.pk).update(closed_at=now, recovered_at=now)
    make_event(incident, EventKind.RECOVERED, now)
    # By its own clock this time.
    expect(page.locator("#head")).to_have_attribute("data-state", "over", timeout=15_000)
    expect(page.locator("#head")).not_to_have_attribute("hx-trigger", re.compile("every"))
    expect(page.locator("#held")).to_contain_text("What was held back")
    expect(page.locator("#head")).to_contain_text("All 60 people have had a good run since.")


def test_notes_and_owner_are_written_without_a_reload(signed_in: SignedIn, acme: Any) -> None:
    incident = make_outage(acme)
    page = signed_in(f"incidents/{incident.pk}/")
    page.evaluate("window.stillHere = true")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_role("alert").filter(has_text="Write something first.")).to_be_visible()
    page.get_by_label("Add a note").fill("x" * 2_001)
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("A note may have 2,000 characters.")).to_be_visible()
    expect(page.get_by_label("Add a note")).to_have_value("x" * 2_001)
    page.get_by_label("Add a note").fill("Called them.\nThey know.")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#timeline")).to_contain_text("Called them.")
    expect(page.get_by_label("Add a note")).to_have_value("")
    page.get_by_role("button", name="Take it").click()
    expect(page.locator("#head")).to_contain_text("Owner:")
    expect(page.get_by_role("button", name="Take it")).to_have_count(0)
    expect(page.locator("#timeline li").first).to_contain_text("took it")
    assert page.evaluate("window.stillHere") is True


def test_the_people_hit_are_paged_without_a_reload(signed_in: SignedIn, acme: Any) -> None:
    incident = make_outage(acme)
    page = signed_in(f"incidents/{incident.pk}/")
    page.evaluate("window.stillHere = true")
    expect(page.locator("#people tbody tr")).to_have_count(50)
    page.locator("#people").get_by_role("link", name="Next").click()
    expect(page.locator("#people tbody tr")).to_have_count(10)
    expect(page).to_have_url(re.compile(r"\?page=2$"))
    assert page.evaluate("window.stillHere") is True
    page.locator("#people tbody tr").first.get_by_role("link").click()
    expect(page.locator("#standing")).to_contain_text("by the Salesforce incident")
    page.locator("#standing").get_by_role("link", name="Open the incident").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("60 of 64 people stopped")


def test_the_shared_error_can_be_copied(signed_in: SignedIn, acme: Any) -> None:
    incident = make_outage(acme)
    page = signed_in(f"incidents/{incident.pk}/")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == incident.signature


def test_everything_works_without_scripts(signed_in: SignedIn, acme: Any) -> None:
    incident = make_outage(acme)
    page = signed_in(f"incidents/{incident.pk}/", java_script_enabled=False)
    expect(page.locator(".chart__table")).to_be_visible()
    page.get_by_label("Add a note").fill("  ")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("Write something first.")).to_be_visible()
    page.go_back()
    page.get_by_label("Add a note").fill("Called them")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#timeline")).to_contain_text("Called them")
    page.get_by_role("button", name="Take it").click()
    expect(page.locator("#head")).to_contain_text("Owner:")
    page.locator("#people").get_by_role("link", name="Next").click()
    expect(page.locator("#people tbody tr")).to_have_count(10)
    page.get_by_role("link", name="Recover").click()
    page.get_by_role("button", name="Recover").click()
    expect(page.locator("#head")).to_contain_text("The recovery is under way.")
    assert IncidentEvent.objects.filter(incident=incident, kind=EventKind.RECOVER).exists()


@SIZES
def test_no_page_scrolls_sideways(signed_in: SignedIn, acme: Any, viewport: dict[str, int]) -> None:
    now = datetime.now(UTC)
    incident = make_outage(acme, signature="salesforce 503 " + "x" * 180)
    make_hits(incident, [make_healthy(acme, name=LONG, email=f"{'very.long.' * 9}@acme.example")])
    make_event(incident, EventKind.NOTE, now, text="y" * 400, author_name=LONG)
    Incident.objects.filter(pk=incident.pk).update(owner_name=LONG)
    Release.objects.create(version="2026.11.2-" + "z" * 40, started_at=now - 60 * MINUTE)
    make_unwell(acme, "stalled", "salesforce-session-policy")
    make_held(acme)
    for address in (
        "",
        "people/",
        "incidents/",
        f"incidents/{incident.pk}/",
        f"incidents/{incident.pk}/recover/",
    ):
        page = signed_in(address, viewport=viewport)
        if address == f"incidents/{incident.pk}/":
            drawn(page)
        assert overflow(page) <= 0, address


@SIZES
def test_support_staff_see_what_reaches_across(
    signed_in: SignedIn, acme: Any, admin: Any, viewport: dict[str, int]
) -> None:
    now = datetime.now(UTC)
    # The database, which tests share, has one open one at most.
    whole = make_incident(None, people_hit=60, closed_at=now, recovered_at=now)
    part = make_outage(acme, part_of=whole)
    type(admin).objects.filter(pk=admin.pk).update(is_staff=True)
    page = signed_in("/incidents/", viewport=viewport)
    assert overflow(page) <= 0
    page.locator(f"a[href='/o/{acme.slug}/incidents/{part.pk}/']").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("60 of 64 people stopped")
