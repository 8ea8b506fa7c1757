from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Person
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Alert
from monitoring.alerts.plan_facts import Phase
from tests.browser.conftest import NARROW, WIDE
from tests.browser.test_accessibility import SIZES as AXE_SIZES
from tests.browser.test_accessibility import found_on
from tests.browser.test_messages import LONG, overflow
from tests.factories import make_member, make_user, serial
from tests.monitoring.alerts.makers import make_silence
from tests.monitoring.console import alert_makers, makers
from tests.monitoring.console.alert_makers import (
    CAUSE,
    make_alert,
    make_over,
    make_recipient,
    make_told,
    prove,
)

SignedIn = Callable[..., Page]
SIZES = pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
POLICY = "salesforce-session-policy"


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """The server's clock goes on, so rows are made as of now."""
    now = datetime.now(UTC)
    for module in (makers, alert_makers):
        monkeypatch.setattr(module, "NOW", now)
    return now


def make_story(acme: Any, now: datetime) -> Alert:
    """One alert with all there is to say of it, and others beside it; return that one."""
    ada = makers.make_unwell(acme, "stalled", CAUSE, name="Ada Lovelace")
    makers.make_unwell(acme, "stalled", CAUSE, name=LONG)
    makers.make_unwell(acme, "stalled", POLICY, name="Somebody Else")
    alert = prove(make_alert(acme, people=2), ada)
    casey = make_recipient(acme, name="Casey Admin")
    make_told(alert, casey)
    failed = {"state": "failed", "answer": "550 5.1.1 The account does not exist", "ended_at": now}
    make_told(alert, casey, phase=Phase.REMINDER, **failed)
    make_told(alert, make_recipient(acme, name=LONG), state="withdrawn", answer="")
    night = {"quiet_from": time(0), "quiet_until": time(23, 59)}
    make_recipient(acme, user=make_member(acme).user, name="Nora Night", **night)
    stalled = {"kind": AlertKind.STALLED, "people": 12}
    taken = {"acknowledged_at": now, "acknowledged_by_name": LONG}
    make_alert(acme, cause=POLICY, severity=Severity.CRITICAL, **stalled, **taken)
    make_alert(acme, cause="silent", silenced=12, flaps=4, **stalled)
    for _ in range(2):
        make_over(acme)
    return alert


@SIZES
def test_from_the_list_to_an_alert_which_is_acknowledged(
    signed_in: SignedIn, acme: Any, today: datetime, viewport: dict[str, int]
) -> None:
    alert = make_story(acme, today)
    page = signed_in("alerts/", viewport=viewport)
    title = page.get_by_role("heading", level=1)
    expect(title).to_have_text("3 alerts are open, 1 of them nobody has acknowledged")
    assert overflow(page) == 0
    page.get_by_role("link", name="Not acknowledged").click()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="2 people must give access again").click()
    expect(title).to_contain_text("Google access was revoked")
    assert overflow(page) == 0
    page.get_by_role("button", name="Acknowledge", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("Acknowledged.")
    expect(page.get_by_role("link", name="nobody has acknowledged")).to_have_count(0)
    alert.refresh_from_db()
    assert alert.acknowledged_at is not None


def test_the_list_follows_kind_and_words_as_they_are_typed(
    signed_in: SignedIn, acme: Any, today: datetime
) -> None:
    make_story(acme, today)
    page = signed_in("alerts/")
    page.get_by_label("Kind").select_option("stalled")
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_label("Search by cause").fill("session policy")
    page.get_by_label("Search by cause").press("Enter")
    expect(page.get_by_role("row")).to_have_count(2)
    assert "q=session" in page.url
    assert "kind=stalled" in page.url
    page.reload()
    expect(page.get_by_role("row")).to_have_count(2)


@SIZES
def test_from_a_mail_in_the_outbox_to_the_people_it_names(
    signed_in: SignedIn, acme: Any, today: datetime, viewport: dict[str, int]
) -> None:
    make_story(acme, today)
    page = signed_in("outbox/", viewport=viewport)
    page.get_by_role("link", name="2 people must give access again").last.click()
    # The list has links of that name too.
    expect(page.get_by_role("heading", name="Delivery")).to_be_visible()
    alert = page.get_by_role("link", name="2 people must give access again: Google")
    # A click that scrolls past the frame with the mail hits what stood there before.
    alert.scroll_into_view_if_needed()
    alert.click()
    expect(page.get_by_role("heading", name="Why it was sent")).to_be_visible()
    page.get_by_role("link", name="2 people", exact=True).click()
    expect(page.get_by_role("link", name="Ada Lovelace")).to_be_visible()
    expect(page.get_by_role("link", name=LONG)).to_be_visible()
    expect(page.get_by_role("link", name="Somebody Else")).to_have_count(0)


@SIZES
def test_from_an_alert_to_those_it_tells_of_and_on_to_all_again(
    signed_in: SignedIn, acme: Any, today: datetime, viewport: dict[str, int]
) -> None:
    alert = make_story(acme, today)
    make_silence(acme, [Person.objects.get(organization=acme, name="Ada Lovelace")], now=today,
        ends_at=today + timedelta(days=1))  # fmt: skip
    Alert.objects.filter(pk=alert.pk).update(silenced=1)
    page = signed_in(f"alerts/{alert.pk}/", viewport=viewport)
    page.get_by_role("link", name="1 person", exact=True).click()
    people = page.locator("#people")
    expect(people).to_contain_text("Alert: Google access was revoked")
    expect(people).to_contain_text("Only people this alert tells of now.")
    expect(people.get_by_role("link", name=LONG)).to_be_visible()
    expect(people.get_by_role("link", name="Ada Lovelace")).to_have_count(0)
    assert overflow(page) == 0
    page.get_by_label("Search people").fill("nobody of that name")
    expect(people).to_contain_text("Nobody matches")
    assert f"alert={alert.pk}" in page.url
    page.get_by_role("link", name="Remove Alert: Google access was revoked").click()
    page.get_by_label("Search people").fill("Ada")
    expect(people.get_by_role("link", name="Ada Lovelace")).to_be_visible()
    assert "alert=" not in page.url
    over = Alert.objects.filter(organization=acme).exclude(ended_at=None)[0]
    page.goto(f"/o/{acme.slug}/people/?alert={over.pk}")
    expect(people).to_contain_text("It has been over since")
    assert overflow(page) == 0
    page.get_by_role("link", name="Open the alert").click()
    expect(page.get_by_role("heading", name="The alert")).to_be_visible()


@AXE_SIZES
def test_axe_finds_nothing_on_the_pages_of_alerts(
    signed_in: SignedIn, acme: Any, today: datetime, viewport: dict[str, int]
) -> None:
    alert = make_story(acme, today)
    over = Alert.objects.filter(organization=acme).exclude(ended_at=None)[0]
    page = signed_in("", viewport=viewport)
    message = alert.notifications.get(phase=Phase.REMINDER).message_id
    pages = [
        "",
        "alerts/",
        "alerts/?q=nothing",
        f"alerts/{alert.pk}/",
        f"alerts/{over.pk}/",
        f"people/?alert={alert.pk}&teams=,Sales",
        f"people/?alert={over.pk}",
        f"outbox/?alert={alert.pk}",
        f"outbox/{message}/",
    ]
    assert found_on(page, [f"/o/{acme.slug}/{each}" for each in pages]) == []


@AXE_SIZES
def test_axe_finds_nothing_on_the_pages_of_the_service(
    open_page: SignedIn, server: LiveServer, viewport: dict[str, int]
) -> None:
    facts = {"queued": 12, "seconds": 900, "worker_seconds": 1_000}
    cause = f"workers {next(serial)}"
    alert = make_alert(None, kind=AlertKind.SERVICE, cause=cause, people=0, facts=facts)
    told = make_told(alert, make_recipient(None, name="Pat Support"))
    client = Client()
    client.force_login(make_user(is_staff=True))
    session = client.cookies["sessionid"].value
    page = open_page(viewport=viewport)
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": server.url}])
    pages = ["/alerts/", f"/alerts/{alert.pk}/", "/outbox/", f"/outbox/{told.message_id}/"]
    assert found_on(page, pages) == []
