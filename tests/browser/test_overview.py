"""The overview in a real browser: its charts come after the text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from playwright.sync_api import Page, expect

from monitoring.health.samples import EVERY, sample_time, samples_add
from monitoring.intake.counts import HOUR, counts_append
from tests.browser.axe import violations
from tests.browser.conftest import NARROW, WIDE
from tests.monitoring.console.makers import make_unwell

SignedIn = Callable[..., Page]


@pytest.fixture
def past(acme: Any) -> None:
    """A day in which everybody but one was well, and one run an hour failed."""
    now = sample_time(datetime.now(UTC))
    make_unwell(acme, "stalled", "silent")
    with transaction.atomic():
        for place in range(48):
            at = now - EVERY * place
            samples_add([(acme.pk, at, "healthy", 40), (acme.pk, at, "stalled", 1)])
            hour = int(at.timestamp()) // HOUR
            counts_append([(acme.pk, hour, "success")] * 9 + [(acme.pk, hour, "transient")])


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_charts_come_after_the_text_and_change_without_a_reload(
    signed_in: SignedIn, past: None, viewport: dict[str, int]
) -> None:
    page = signed_in("", viewport=viewport)
    expect(page.get_by_role("heading", name="Needs you")).to_be_visible()
    expect(page.locator(".chart[data-state=drawn]")).to_have_count(2)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= viewport["width"]
    page.evaluate("window.stayed = true")
    page.get_by_role("link", name="7 days").click()
    expect(page.get_by_text("People, on average in each 3 h")).to_be_visible()
    expect(page.locator(".chart[data-state=drawn]")).to_have_count(2)
    assert page.evaluate("window.stayed")
    page.get_by_text("Figures as a table").first.click()
    expect(page.get_by_role("columnheader", name="Needs attention")).to_be_visible()
    assert violations(page) == []


def test_without_scripts_a_link_leads_to_the_figures(signed_in: SignedIn, past: None) -> None:
    page = signed_in("", java_script_enabled=False)
    page.get_by_role("link", name="How people stood").click()
    expect(page.get_by_role("heading", name="Trends of Acme")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Needs attention")).to_be_visible()
    page.get_by_role("link", name="30 days").click()
    expect(page.get_by_text("People, on average in each day")).to_be_visible()
