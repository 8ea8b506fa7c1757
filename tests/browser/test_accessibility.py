from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.axe import violations
from tests.browser.conftest import NARROW, WIDE
from tests.browser.test_incidents import make_outage
from tests.browser.test_messages import make_mails
from tests.factories import make_person
from tests.monitoring.alerts.makers import make_silence
from tests.monitoring.console.makers import REVOKED, make_held, make_outcome, make_unwell

SignedIn = Callable[..., Page]
SIZES = pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
PAGES = [
    "",
    "trends/",
    "people/",
    "people/?q=nobody",
    "incidents/",
    "errors/",
    "rules/",
    "rules/new/",
    "outbox/",
    "silences/",
]


@SIZES
def test_axe_finds_nothing_on_any_page(
    signed_in: SignedIn, acme: Any, viewport: dict[str, int]
) -> None:
    incident = make_outage(acme, people=30)
    whom = make_unwell(acme, "stalled", "google-access-revoked", name="Ada Lovelace")
    make_outcome(whom, result="failure", error=REVOKED)
    make_held(acme, name="Grace Hopper")
    make_silence(
        acme, [whom], now=datetime.now(UTC), ends_at=datetime.now(UTC) + timedelta(hours=1)
    )
    make_person(acme, name="Edsger Dijkstra")
    page = signed_in("", viewport=viewport)
    found = []
    pages = [
        *PAGES,
        f"people/{whom.pk}/",
        f"incidents/{incident.pk}/",
        f"incidents/{incident.pk}/recover/",
        f"outbox/{make_mails(acme).pk}/",
    ]
    for address in pages:
        page.goto(f"/o/{acme.slug}/{address}")
        found += [f"{address or 'overview'}: {line}" for line in violations(page)]
    assert found == []
