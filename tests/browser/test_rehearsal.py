from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from monitoring.replay.working import back_tests_work
from tests.browser.axe import violations
from tests.browser.conftest import WIDE
from tests.browser.test_messages import overflow
from tests.factories import NOW
from tests.monitoring.alerts.routing_makers import make_route
from tests.monitoring.replay.rehearsal_makers import make_trouble

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
    expect(heading).to_have_text("1 message would have gone out, to 1 recipient")
    fits(page)

    page.get_by_role("link", name="Not acknowledged").click()
    mail = page.frame_locator("iframe")
    expect(mail.get_by_role("heading", name="1 person stopped syncing")).to_be_visible()
    fits(page)

    page.get_by_role("link", name="Rehearsal").last.click()
    expect(page.get_by_role("list", name="Rehearsals so far")).to_contain_text("with other routes")
    fits(page)
