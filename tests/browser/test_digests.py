from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from monitoring.alerts.digests import digests_write
from monitoring.alerts.models import Message, Recipient
from monitoring.alerts.tickets import token_of
from monitoring.health.samples import samples_add
from tests.browser.axe import violations
from tests.browser.test_messages import overflow
from tests.monitoring.alerts.routing_makers import make_recipient
from tests.monitoring.console.makers import make_healthy, make_unwell

SignedIn = Callable[..., Page]
SIZES = pytest.mark.parametrize(
    "viewport",
    [{"width": 1280, "height": 900}, {"width": 320, "height": 800}],
    ids=["wide", "narrow"],
)


def make_digest(acme: Any) -> tuple[Recipient, Message]:
    """Somebody's digest of today, in the outbox."""
    now = datetime.now(UTC)
    make_healthy(acme)
    make_unwell(acme, "stalled", "google-access-revoked")
    half = timedelta(minutes=30)
    samples_add(
        (acme.pk, now - place * half, group, 1)
        for place in range(1, 97)
        for group in ("healthy", "stalled")
    )
    recipient = make_recipient(acme, digest="daily", digest_at=now)
    digests_write(recipients=[recipient], now=now)
    return recipient, Message.objects.get(organization=acme, kind="digest")


@SIZES
def test_a_digest_is_shown_in_the_outbox_with_its_chart(
    signed_in: SignedIn, acme: Any, viewport: dict[str, int]
) -> None:
    _, message = make_digest(acme)
    page = signed_in(f"outbox/{message.pk}/", viewport=viewport)
    frame = page.frame_locator("iframe")
    chart = frame.get_by_role("img", name="Chart of people by status")
    expect(chart).to_be_visible()
    assert chart.evaluate("image => image.naturalWidth") == 1104
    expect(frame.get_by_role("heading", level=1)).to_contain_text("1 person needs you")
    assert overflow(page) == 0
    assert violations(page) == []


@SIZES
def test_digests_are_stopped_by_the_link_in_one(
    signed_in: SignedIn, acme: Any, viewport: dict[str, int]
) -> None:
    recipient, _ = make_digest(acme)
    page = signed_in("", viewport=viewport)
    page.goto(f"{page.url.partition('/o/')[0]}/digest/{token_of('digest', recipient.pk)}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Stop these digests?")
    assert overflow(page) == 0
    assert violations(page) == []
    page.get_by_role("button", name="Stop the digests").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("No digests are sent to you")
    recipient.refresh_from_db()
    assert recipient.digest == "never"
