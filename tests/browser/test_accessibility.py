from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from accounts.access import access_for
from tests.browser.axe import violations
from tests.browser.conftest import WIDE, Trouble, becomes
from tests.browser.test_incidents import make_outage, overflow
from tests.browser.test_messages import make_mails
from tests.factories import make_person, make_user
from tests.monitoring.alerts.makers import make_silence
from tests.monitoring.console.makers import REVOKED, make_held, make_outcome, make_unwell
from tests.monitoring.errors.makers import propose

SignedIn = Callable[..., Page]
SMALLEST = {"width": 320, "height": 640}
SIZES = pytest.mark.parametrize("viewport", [WIDE, SMALLEST], ids=["wide", "smallest"])
PAGES = [
    "",
    "trends/",
    "people/",
    "people/?q=nobody",
    "incidents/",
    "errors/",
    "rules/",
    "rules/new/",
    "rules/google-access-revoked/",
    "rules/google-access-revoked/edit/",
    "settings/",
    "nothing-is-here/",
    "/accounts/password/change/",
    "/accounts/2fa/",
    "outbox/",
    "silences/",
]


@SIZES
def test_axe_finds_nothing_on_any_page(
    signed_in: SignedIn, acme: Any, admin: Any, viewport: dict[str, int], trouble: Trouble
) -> None:
    incident = make_outage(acme, people=30)
    whom = make_unwell(acme, "stalled", "google-access-revoked", name="Ada Lovelace")
    make_outcome(whom, result="failure", error=REVOKED)
    make_held(acme, name="Grace Hopper")
    make_silence(
        acme, [whom], now=datetime.now(UTC), ends_at=datetime.now(UTC) + timedelta(hours=1)
    )
    make_person(acme, name="Edsger Dijkstra")
    change = propose(access_for(admin, acme.slug))
    page = signed_in("", viewport=viewport)
    pages = [
        *PAGES,
        f"people/{whom.pk}/",
        f"incidents/{incident.pk}/",
        f"incidents/{incident.pk}/recover/",
        f"outbox/{make_mails(acme).pk}/",
        f"rules/changes/{change.pk}/",
    ]
    addresses = [each if each.startswith("/") else f"/o/{acme.slug}/{each}" for each in pages]
    assert found_on(page, addresses) == []
    # The page that is not there is looked at as well.
    trouble.found = [each for each in trouble.found if "404" not in each]


@SIZES
def test_axe_finds_nothing_on_the_pages_of_support_and_of_who_signs_in(
    open_page: SignedIn, acme: Any, server: LiveServer, viewport: dict[str, int]
) -> None:
    page = open_page(viewport=viewport)
    assert found_on(page, ["/accounts/login/", "/accounts/password/reset/", "/me/"]) == []
    client = Client()
    client.force_login(make_user(is_staff=True))
    session = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": server.url}])
    make_outage(acme, people=30)
    assert found_on(page, ["/organizations/", "/incidents/"]) == []


def found_on(page: Page, addresses: list[str]) -> list[str]:
    """Return what axe finds on pages, and which of them are wider than the screen."""
    found = []
    for address in addresses:
        page.goto(address, wait_until="networkidle")
        # What has just come in may still be pale.
        becomes(page, "!document.querySelector('.htmx-request, .htmx-added')")
        found += [f"{address}: {line}" for line in violations(page)]
        if overflow(page) > 0:
            found.append(f"{address}: wider than the screen")
    return found
