from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils import timezone
from playwright.sync_api import Page, expect

from monitoring.alerts.models import Message, MessageState
from tests.browser.axe import violations
from tests.browser.test_messages import SIZES, overflow
from tests.monitoring.alerts.destination_makers import make_webhook, queue_webhook

SignedIn = Callable[..., Page]


@SIZES
def test_what_a_webhook_was_sent_goes_out_anew(
    signed_in: SignedIn, acme: Any, viewport: dict[str, int]
) -> None:
    hook = make_webhook("https://hooks.example/in", acme, name="Our own dashboards and archive")
    sent = {"state": MessageState.SENT, "sent_at": timezone.now(), "attempts": 1, "answer": "204"}
    message = queue_webhook(hook, **sent)
    page = signed_in(f"alerts/destinations/{hook.pk}/", viewport=viewport)
    assert violations(page) == []
    assert overflow(page) == 0
    page.get_by_label("Since when").select_option("24")
    page.get_by_role("button", name="Send anew").click()
    expect(page.get_by_text("1 message of the last day is sent anew")).to_be_visible()

    page.goto(f"/o/{acme.slug}/outbox/{message.pk}/")
    assert violations(page) == []
    assert overflow(page) == 0
    page.get_by_role("button", name="Send anew").click()
    expect(page.get_by_text("This is the new one.")).to_be_visible()
    assert Message.objects.filter(kind="replay", target=hook).count() == 2
