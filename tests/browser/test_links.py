"""Giving access again in a browser, from a link in a mail over the provider's page and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Connection, Person
from monitoring.actions import consents
from monitoring.actions.links import invitation_link, person_link
from monitoring.actions.models import Invitation
from monitoring.actions.own import own_pause
from monitoring.console import consent
from monitoring.health.models import Hold
from monitoring.jobs.models import Job
from simulator.running import SimulatorServer
from simulator.world import World
from syncing.providers.addresses import ProviderAddresses
from syncing.providers.sides import Providers
from tests.browser.axe import violations
from tests.browser.conftest import NARROW, WIDE
from tests.factories import serial
from tests.monitoring.actions.invitation_makers import make_invitation
from tests.monitoring.console.makers import set_health
from tests.syncing.rig import adopt_organization

OpenPage = Callable[..., Page]
TINY = {"width": 320, "height": 640}
SIZES = pytest.mark.parametrize("viewport", [WIDE, NARROW, TINY], ids=["wide", "narrow", "tiny"])
PAGE = re.compile(r"/(link|me)/[^/]+/$")


@dataclass
class House:
    """An organization in a simulator that the console reaches, and two of its people."""

    ada: Person
    ben: Person


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorServer]:
    with SimulatorServer.running(World(clock=lambda: datetime.now(UTC))) as running:
        yield running


@pytest.fixture
def house(
    server: LiveServer, simulator: SimulatorServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    slug = f"house{next(serial)}"
    simulator.world.add_organization(slug)
    for name in ("Ada Lovelace", "Ben Bitdiddle"):
        simulator.world.add_person(slug, name, f"{name.split()[0].lower()}@{slug}.example")
    people = list(adopt_organization(simulator, slug).values())
    since = datetime.now(UTC) - timedelta(hours=5)
    for person in people:
        Connection.objects.filter(person=person).update(state="refused", refused_at=since)
        times = {"status_since": since, "unwell_since": since, "last_success_at": since}
        set_health(person, status="stalled", cause="google-access-revoked", **times)
    url = simulator.base_url
    providers = Providers(ProviderAddresses(url, f"{url}/token", url, f"{url}/o/oauth2/v2/auth"))
    monkeypatch.setattr(settings, "BASE_URL", server.url)
    for module in (consent, consents):
        monkeypatch.setattr(module, "providers_here", lambda: providers)
    yield House(*people)
    providers.close()


def invited(person: Person, **overrides: Any) -> Invitation:
    now = datetime.now(UTC)
    return make_invitation(person, expires_at=now + timedelta(days=6, hours=1), **overrides)


def allow(page: Page, button: str, account: str = "") -> None:
    """Press a button of ours, and allow at the provider."""
    page.get_by_role("button", name=button).click()
    expect(page.get_by_role("button", name="Allow")).to_be_visible()
    if account:
        page.get_by_label("Account").select_option(account)
    page.get_by_role("button", name="Allow").click()
    expect(page).to_have_url(PAGE)


def overflow(page: Page) -> int:
    return page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )


def test_a_person_gives_access_again_by_the_link_in_a_mail(
    open_page: OpenPage, house: House
) -> None:
    invitation = invited(house.ada)
    page = open_page()
    page.goto(invitation_link(invitation))
    expect(page.get_by_role("heading", level=1)).to_have_text("Let your calendar sync again")
    allow(page, "Continue to Google", house.ben.email)
    expect(page.get_by_role("alert")).to_contain_text(
        f"You consented as {house.ben.email}, but this link is for {house.ada.email}."
    )
    allow(page, "Continue to Google")
    expect(page.locator(".own__granted")).to_have_text("Access given")
    allow(page, "Continue to Salesforce")
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you, that is all")
    assert Invitation.objects.get(pk=invitation.pk).state == "done"
    assert Job.objects.filter(person=house.ada).exists()
    assert not Connection.objects.filter(person=house.ada).exclude(state="proven").exists()


def test_a_person_declines_and_thinks_better_of_it(open_page: OpenPage, house: House) -> None:
    page = open_page(viewport=NARROW)
    page.goto(invitation_link(invited(house.ada, providers=["salesforce"])))
    page.get_by_role("button", name="Continue to Salesforce").click()
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("alert")).to_contain_text("You declined at Salesforce")
    allow(page, "Continue to Salesforce")
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you, that is all")


def test_a_person_looks_after_their_own_syncing(open_page: OpenPage, house: House) -> None:
    page = open_page()
    Connection.objects.filter(person=house.ada, provider="salesforce").update(state="proven")
    page.goto(person_link(house.ada, datetime.now(UTC)))
    expect(page.get_by_role("heading", level=1)).to_contain_text("has not been syncing since")
    allow(page, "Give Google access again")
    expect(page.get_by_text("Your calendar is being synced now.")).to_be_visible()
    Job.objects.filter(person=house.ada).delete()
    set_health(house.ada, last_success_at=datetime.now(UTC))
    expect(page.get_by_role("heading", level=1)).to_have_text("Yes, your calendar is syncing.")
    day = (datetime.now(UTC) + timedelta(days=10)).date()
    page.get_by_label("Syncing goes on by itself on").fill(day.isoformat())
    page.get_by_label("Why").fill("Holiday")
    page.get_by_role("button", name="Pause syncing").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("You paused syncing until")
    assert Hold.objects.get(person=house.ada).reason == "Holiday"
    page.get_by_role("button", name="Sync again now").click()
    expect(page.get_by_text("Your pause is over.")).to_be_visible()
    expect(page.locator(".own__deed")).to_contain_text(
        ["You resumed syncing", "You paused syncing", "You gave access again"]
    )


def test_it_works_without_scripts(open_page: OpenPage, house: House) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(invitation_link(invited(house.ada, providers=["google"])))
    allow(page, "Continue to Google")
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you, that is all")


def test_a_link_is_asked_for_by_address(open_page: OpenPage, server: LiveServer) -> None:
    page = open_page(viewport=NARROW)
    page.goto("/me/")
    page.get_by_label("Your work e-mail address").fill("ada@acme.example")
    page.get_by_role("button", name="Mail me the link").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")


@SIZES
def test_every_page_fits_the_screen_and_axe_finds_nothing(
    open_page: OpenPage, house: House, viewport: dict[str, int]
) -> None:
    Person.objects.filter(pk=house.ada.pk).update(name="Wolfeschlegelsteinhausenbergerdorff " * 4)
    now = datetime.now(UTC)
    own_pause(person=house.ben, until=now + timedelta(days=9), reason="Holiday", now=now)
    page = open_page(viewport=viewport)
    found = []
    for address in (
        person_link(house.ada, now),
        person_link(house.ben, now),
        invitation_link(invited(house.ada, granted=["google"])),
        invitation_link(invited(house.ben, state="done")),
        "/me/",
        "/me/asked/",
    ):
        page.goto(address)
        assert overflow(page) <= 0
        found += violations(page)
    assert found == []
