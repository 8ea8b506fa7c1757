from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from monitoring.alerts.models import Silence
from monitoring.health.models import Health
from monitoring.incidents.models import PlannedMaintenance
from tests.browser.axe import violations
from tests.browser.conftest import NARROW, WIDE
from tests.monitoring.alerts.makers import make_matcher, make_silence
from tests.monitoring.console.makers import make_many_healthy

SignedIn = Callable[..., Page]
SMALLEST = {"width": 320, "height": 640}
SIZES = pytest.mark.parametrize(
    "viewport", [WIDE, NARROW, SMALLEST], ids=["wide", "narrow", "smallest"]
)
LONG = "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh the Third of his Name"


def overflow(page: Page) -> int:
    return page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )


def make_scene(acme: Any) -> datetime:
    """Twenty people, five of whom need attention, and a maintenance that is planned."""
    now = datetime.now(UTC)
    make_many_healthy(acme, 20)
    stalled = list(acme.persons.order_by("name").values_list("pk", flat=True)[:5])
    Health.objects.filter(person__in=stalled).update(
        status="stalled",
        cause="silent",
        severity=0,
        unwell_since=now - timedelta(hours=5),
        last_signature="salesforce 401 INVALID_SESSION_ID",
    )
    start = (now + timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
    PlannedMaintenance.objects.create(
        organization=acme,
        provider="salesforce",
        instance="DEU1",
        key="salesforce 7",
        name="Winter release: Major upgrade of the instance",
        starts_at=start,
        ends_at=start + timedelta(hours=4),
    )
    return now


@SIZES
def test_who_would_be_muted_is_seen_while_the_form_is_filled_in(
    signed_in: SignedIn, acme: Any, viewport: dict[str, int]
) -> None:
    now = make_scene(acme)
    page = signed_in("silences/", viewport=viewport)
    page.get_by_role("link", name="New silence").click()
    page.wait_for_load_state()
    preview = page.locator("#preview")
    expect(preview).to_contain_text("Say whose alerts")
    page.get_by_label("Why they do not sync").select_option("silent")
    expect(preview).to_contain_text("This mutes 5 people (25")
    expect(preview).to_contain_text("5 of them need attention now.")
    expect(preview).to_contain_text("Person 000, Person 001")
    assert violations(page) == []
    assert overflow(page) == 0
    page.get_by_label("Team").fill("sales")
    expect(preview).to_contain_text("This mutes 2 people (10")
    expect(preview.get_by_role("checkbox")).to_have_count(0)
    page.get_by_label("Why they do not sync").select_option("")
    expect(preview).to_contain_text("This mutes 10 people (50")
    page.get_by_label("Reason of the silence").fill("The sales team is at a fair.")
    page.get_by_role("button", name="Mute these alerts").click()
    expect(page.get_by_role("alert")).to_contain_text("Nobody is muted yet.")
    expect(preview).to_contain_text("Tick that you mean it.")
    assert violations(page) == []
    assert overflow(page) == 0
    preview.get_by_text("Yes, I mean to mute up to 10 people").click()
    expect(preview.get_by_role("checkbox")).to_be_checked()
    page.get_by_role("button", name="Mute these alerts").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("1 silence is in force")
    expect(page.get_by_role("status").first).to_contain_text("The silence is in force until")
    silence = Silence.objects.get(organization=acme)
    assert (silence.team, silence.cause) == ("Sales", "")
    assert timedelta(hours=4) <= silence.ends_at - now < timedelta(hours=5)
    assert overflow(page) == 0
    page.get_by_role("button", name="The sales team is at a fair.").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nobody is silenced")


@SIZES
def test_planned_maintenance_becomes_a_window(
    signed_in: SignedIn, acme: Any, viewport: dict[str, int]
) -> None:
    make_scene(acme)
    page = signed_in("", viewport=viewport)
    assert overflow(page) == 0
    page.get_by_role("link", name="Mute Salesforce alerts for it").click()
    page.wait_for_load_state()
    preview = page.locator("#preview")
    expect(preview).to_contain_text("Trouble with Salesforce")
    expect(preview).to_contain_text("If Salesforce fails for everybody, it mutes 20 people")
    preview.get_by_text("Yes, I mean to mute").click()
    page.get_by_role("button", name="Mute these alerts").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nobody is silenced now")
    expect(page.get_by_role("heading", name="To come")).to_be_visible()
    expect(page.get_by_text("Salesforce plans maintenance")).to_have_count(0)
    assert violations(page) == []
    assert overflow(page) == 0
    page.get_by_role("button", name="Call off").click()
    expect(page.get_by_role("status").first).to_contain_text("The silence is called off.")


@SIZES
def test_the_list_with_all_there_may_be_on_it(
    signed_in: SignedIn, acme: Any, viewport: dict[str, int]
) -> None:
    now = make_scene(acme)
    people = list(acme.persons.order_by("name"))
    later = now + timedelta(hours=5)
    make_silence(acme, people[:2], reason=LONG, ends_at=later, now=now)
    facts = {"team": "Sales", "cause": "silent", "provider": "salesforce"}
    silence = make_matcher(acme, **facts, started_at=now, ends_at=later, reason="Known")
    make_matcher(acme, started_at=later, ends_at=later + timedelta(hours=2), reason="Moving house")
    make_matcher(
        acme, team="Sales", started_at=now - timedelta(days=2), ends_at=now, reason="Last week"
    )
    page = signed_in("silences/", viewport=viewport)
    expect(page.get_by_role("heading", level=1)).to_have_text("2 silences are in force")
    page.get_by_text("Change its end of the silence “Known”").click()
    assert violations(page) == []
    assert overflow(page) == 0
    field = page.get_by_label("Ends, in").locator("visible=true")
    field.fill(f"{now + timedelta(days=3):%Y-%m-%dT12:00}")
    page.locator(f"label[for=sure_{silence.pk}]").click()
    page.get_by_role("button", name="Save the end of “Known”").click()
    expect(page.get_by_role("status").first).to_contain_text("The silence ends")
    silence.refresh_from_db()
    assert silence.ends_at - now > timedelta(days=2)
