from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from monitoring.alerts.models import Message
from tests.browser.axe import violations
from tests.browser.conftest import WIDE
from tests.browser.test_messages import overflow
from tests.factories import make_user
from tests.monitoring.actions.makers import make_access, make_action, make_people

SignedIn = Callable[..., Page]
SMALL = {"width": 320, "height": 800}
SCREENS = pytest.mark.parametrize("viewport", [WIDE, SMALL], ids=["wide", "small"])


@SCREENS
def test_a_second_person_comes_from_the_mail_refuses_and_says_why(
    signed_in: SignedIn, acme: Any, admin: Any, viewport: dict[str, int]
) -> None:
    asking = make_access(acme)
    action = make_action(asking, make_people(acme, 30), now=datetime.now(UTC))
    mail = Message.objects.get(organization=acme, kind="approval_asked")
    assert mail.recipient == admin.email
    page = signed_in(f"actions/{action.pk}/", viewport=viewport)
    assert violations(page) == []
    assert overflow(page) == 0
    page.get_by_label("Or refuse it, because").fill("Wait for Monday.")
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_text("Wait for Monday.")).to_be_visible()
    told = Message.objects.get(organization=acme, kind="approval_decided")
    assert told.recipient == asking.user.email


@SCREENS
def test_the_services_routes_fit_the_screen_of_support_staff(
    signed_in: SignedIn, acme: Any, admin: Any, viewport: dict[str, int]
) -> None:
    make_user(is_staff=True)
    admin.is_staff = True
    admin.save()
    page = signed_in("/alerts/routes/", viewport=viewport)
    for address in ("/alerts/routes/", "/alerts/routes/built-in-1/", "/alerts/me/"):
        page.goto(address)
        assert violations(page) == [], address
        assert overflow(page) == 0, address
