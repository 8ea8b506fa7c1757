from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Role
from monitoring.alerts.models import Message, Recipient, Route
from monitoring.alerts.tickets import token_of
from tests.browser.axe import violations
from tests.browser.conftest import WIDE
from tests.browser.test_messages import SIZES, overflow
from tests.factories import make_member, make_person, make_user
from tests.monitoring.alerts.destination_makers import make_webhook
from tests.monitoring.alerts.routing_makers import make_recipient, make_route

SignedIn = Callable[..., Page]
SMALL = {"width": 320, "height": 800}


def make_routes(acme: Any) -> None:
    """Two routes, an escalation, and recipients of all sorts."""
    now = datetime.now(UTC)
    for name in ("Ada Lovelace", "Benedict Wolfeschlegelsteinhausenbergerdorff"):
        first, _, last = name.partition(" ")
        make_member(acme, user=make_user(first_name=first, last_name=last))
    make_member(acme, role=Role.VIEWER, user=make_user(first_name="Vera", last_name="Viewer"))
    for team in ("Sales", "Research"):
        make_person(acme, team=team)
    night = make_recipient(
        acme,
        name="Support on call",
        quiet_from=time(22),
        quiet_until=time(7),
        working_days="12345",
        told_at=now - timedelta(hours=3),
    )
    gone = make_recipient(acme, name="Old box", unsubscribed_at=now - timedelta(days=2))
    make_recipient(acme, name="", address="a.very.long.mailbox.of.a.team@subsidiary.acme.example")
    make_recipient(acme, name="New box", address="box@acme.example", confirmed_at=None)
    make_webhook("https://hooks.acme.example/x", acme, name="Paging", hears_health=True)
    make_route(acme, position=1, kinds=["incident", "stalled", "coverage"])
    make_route(acme, [night, gone], position=2, after=1_800, least_severity=3)


@SIZES
def test_from_a_route_to_an_escalation_quiet_hours_and_a_test_in_the_outbox(
    signed_in: SignedIn, acme: Any, admin: Any, viewport: dict[str, int]
) -> None:
    make_recipient(acme, name="Support on call")
    page = signed_in("alerts/routes/", viewport=viewport)
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Owners and admins are told of everything")

    page.get_by_role("link", name="Change the route").click()
    page.get_by_label("How grave").select_option(label="Warnings and critical alerts")
    preview = page.get_by_label("What it says")
    expect(preview).to_contain_text("told of all warnings and critical alerts.")
    expect(preview).to_contain_text("Nobody is told of notices")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_contain_text("The route is saved.")

    page.get_by_role("link", name="Add a route").click()
    page.get_by_text("Recipients chosen here", exact=True).click()
    page.get_by_text("Support on call (mail address)").click()
    page.get_by_label("If nobody acknowledges within").fill("30")
    said = "within 30 min of the first message, Support on call is told of everything."
    expect(preview).to_contain_text(said)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("list", name="Routes")).to_contain_text(said)
    assert Route.objects.get(organization=acme, after=1_800).recipients.count() == 1

    page.get_by_role("link", name="How I am told").click()
    page.get_by_label("From").fill("22:00")
    page.get_by_label("Until").fill("07:00")
    page.get_by_label("How often").select_option(label="Daily")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text(re.compile("The next digest comes"))).to_be_visible()
    assert Recipient.objects.get(organization=acme, user=admin).quiet_from == time(22)

    page.get_by_role("button", name="Send me a test").click()
    page.get_by_role("link", name="see it in the outbox").click()
    expect(heading).to_contain_text("Test: alerts of Acme arrive here")
    assert Message.objects.get(organization=acme).recipient == admin.email


@pytest.mark.parametrize("viewport", [WIDE, SMALL], ids=["wide", "small"])
def test_the_pages_are_for_everybody_and_fit_the_screen(
    signed_in: SignedIn, acme: Any, viewport: dict[str, int]
) -> None:
    make_routes(acme)
    box = Recipient.objects.get(organization=acme, name="Support on call")
    hook = Recipient.objects.get(organization=acme, channel="webhook")
    route = Route.objects.get(organization=acme, after=1_800)
    page = signed_in("alerts/routes/", viewport=viewport)
    for address in (
        "routes/",
        f"routes/{route.pk}/",
        "routes/new/",
        "me/",
        "policy/",
        "recipients/new/mail/",
        "recipients/new/member/",
        "destinations/new/chat/",
        "destinations/new/webhook/",
        f"destinations/{hook.pk}/",
        f"recipients/{box.pk}/",
    ):
        page.goto(f"/o/{acme.slug}/alerts/{address}")
        assert violations(page) == [], address
        assert overflow(page) == 0, address
    new = Recipient.objects.get(organization=acme, name="New box")
    page.goto(f"/confirm/{token_of('confirm', new.pk)}/")
    for heading in ("Do you want alerts?", "You have confirmed"):
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        assert violations(page) == []
        assert overflow(page) == 0
        if heading == "Do you want alerts?":
            page.get_by_role("button", name="Confirm").click()
