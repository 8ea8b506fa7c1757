"""The zone of the browser is offered to who reads times in UTC."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from accounts.models import Member
from tests.browser.axe import violations
from tests.monitoring.console.makers import make_healthy


def test_the_browsers_zone_is_offered_taken_and_not_offered_again(
    signed_in: Callable[..., Page], acme: Any, admin: Any
) -> None:
    make_healthy(acme)
    Member.objects.filter(user=admin).update(time_zone="UTC")
    page = signed_in("people/", timezone_id="Asia/Tokyo", viewport={"width": 320, "height": 640})
    expect(page.get_by_text("Times are in UTC. Show them in Asia/Tokyo")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="not now").click()
    page.reload()
    expect(page.get_by_text("Times are in UTC.")).to_be_hidden()
    page.locator(".top__user").click()
    page.get_by_role("link", name="Time zone…").click()
    expect(page.get_by_label("Show times in")).to_have_value("UTC")
    page.get_by_role("button", name="Take that").click()
    expect(page.get_by_label("Show times in")).to_have_value("Asia/Tokyo")
    assert violations(page) == []
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Times are shown in Asia/Tokyo from now on.")).to_be_visible()
    assert page.url.endswith("/people/")
