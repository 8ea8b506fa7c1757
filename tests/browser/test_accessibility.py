from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.axe import violations
from tests.browser.conftest import NARROW, WIDE
from tests.browser.test_incidents import make_outage
from tests.factories import make_person
from tests.monitoring.console.makers import REVOKED, make_held, make_outcome, make_unwell

SignedIn = Callable[..., Page]
SIZES = pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
PAGES = ["", "people/", "people/?q=nobody", "incidents/", "errors/", "rules/", "rules/new/"]


@SIZES
def test_axe_finds_nothing_on_any_page(
    signed_in: SignedIn, acme: Any, viewport: dict[str, int]
) -> None:
    incident = make_outage(acme, people=30)
    whom = make_unwell(acme, "stalled", "google-access-revoked", name="Ada Lovelace")
    make_outcome(whom, result="failure", error=REVOKED)
    make_held(acme, name="Grace Hopper")
    make_person(acme, name="Edsger Dijkstra")
    page = signed_in("", viewport=viewport)
    found = []
    pages = [
        *PAGES,
        f"people/{whom.pk}/",
        f"incidents/{incident.pk}/",
        f"incidents/{incident.pk}/recover/",
    ]
    for address in pages:
        page.goto(f"/o/{acme.slug}/{address}")
        found += [f"{address or 'overview'}: {line}" for line in violations(page)]
    assert found == []
