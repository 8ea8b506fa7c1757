from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.access import access_for
from monitoring.alerts.kinds import AlertKind
from monitoring.alerts.routing import RouteFacts
from monitoring.replay.working import back_tests_work
from tests.browser.axe import violations
from tests.browser.conftest import WIDE
from tests.browser.test_messages import overflow
from tests.factories import NOW
from tests.monitoring.alerts.routing_makers import make_route
from tests.monitoring.replay.makers import LOCKED, make_history, propose_unlock
from tests.monitoring.replay.rehearsal_makers import make_trouble, rehearse

SignedIn = Callable[..., Page]
SMALLEST = {"width": 320, "height": 640}


def fits(page: Page) -> None:
    assert violations(page) == []
    assert overflow(page) == 0


@pytest.mark.parametrize("viewport", [WIDE, SMALLEST], ids=["wide", "smallest"])
def test_from_a_route_that_is_being_written_to_a_mail_it_would_have_brought(
    signed_in: SignedIn, acme: Any, viewport: dict[str, int]
) -> None:
    make_trouble(acme)
    make_route(acme)
    page = signed_in("alerts/routes/", viewport=viewport)
    heading = page.get_by_role("heading", level=1)

    page.get_by_role("link", name="Change the route").first.click()
    page.get_by_label("If nobody acknowledges within").fill("30")
    page.get_by_role("button", name="Which messages would this have sent?").click()
    expect(heading).to_have_text("Which messages would have been sent?")
    expect(page.get_by_role("heading", name="Routes as you wrote them")).to_be_visible()
    fits(page)

    page.get_by_label("First day").fill((NOW - timedelta(days=1)).date().isoformat())
    page.get_by_role("button", name="Rehearse").click()
    expect(heading).to_have_text("The day is being played")
    fits(page)

    back_tests_work()
    sentence = "With the other routes 1 message, without them 1: 1 changed"
    expect(heading).to_have_text(sentence)
    expect(page.get_by_role("row").last).to_contain_text("Changed30 min later, in other words")
    fits(page)

    page.get_by_role("link", name="Not acknowledged").click()
    mail = page.frame_locator("iframe")
    expect(mail.get_by_role("heading", name="1 person stopped syncing")).to_be_visible()
    fits(page)

    page.get_by_role("link", name="Rehearsal").last.click()
    expect(page.get_by_role("list", name="Rehearsals so far")).to_contain_text("with other routes")
    fits(page)


@pytest.mark.parametrize("viewport", [WIDE, SMALLEST], ids=["wide", "smallest"])
def test_what_a_change_takes_away_is_found_and_read(
    signed_in: SignedIn, acme: Any, admin: Any, viewport: dict[str, int]
) -> None:
    make_trouble(acme)
    make_history(acme, LOCKED)
    access = access_for(admin, acme.slug)
    asking = RouteFacts("Asking", kinds=frozenset({AlertKind.REAUTHORIZE}))
    run = rehearse(access, change=propose_unlock(access), routes=[asking], days=1)
    page = signed_in(f"rehearsal/{run.pk}/", viewport=viewport)
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("With the changes 1 message, without them 1: 1 new, 1 gone")
    shown = page.get_by_role("navigation", name="Messages shown")
    expect(shown.get_by_role("link", name="All 2")).to_have_attribute("aria-current", "true")
    rows = page.get_by_role("table").get_by_role("link")
    expect(rows).to_have_count(2)
    fits(page)

    shown.get_by_role("link", name="As before 0").click()
    expect(page.get_by_text("No message is like that.")).to_be_visible()
    fits(page)

    shown.get_by_role("link", name="Gone 1").click()
    expect(rows).to_have_count(1)
    expect(shown.get_by_role("link", name="Gone 1")).to_have_attribute("aria-current", "true")
    expect(page).to_have_url(re.compile(r"\?show=gone$"))
    rows.first.click()
    mail = page.frame_locator("iframe")
    expect(mail.get_by_role("heading", name="1 person stopped syncing")).to_be_visible()
    expect(page.get_by_text("Gone", exact=True)).to_be_visible()
    fits(page)
