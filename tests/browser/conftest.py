"""A real Chromium against a live server; a process of its own (`make browser`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import setup_databases, teardown_databases
from playwright.sync_api import Browser, BrowserContext, Page, Request, Response, sync_playwright
from pytest_django import DjangoDbBlocker
from pytest_django.live_server_helper import LiveServer

from tests.factories import make_member, make_organization, make_user
from tests.monitoring.jobs.service import wait_until

# The browser's client keeps an event loop in this thread, in which Django refuses its ORM.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

CHROMIUM = "/usr/bin/chromium"
PASSWORD = "a long secret"
PATIENCE = 10_000
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def becomes(page: Page, script: str, argument: Any = None) -> None:
    """Wait until a script gives something true, without the eval that pages refuse."""
    wait_until(lambda: page.evaluate(script, argument), PATIENCE / 1000, script)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    ours = [item for item in items if "tests/browser" in item.path.as_posix()]
    for item in ours:
        item.add_marker(pytest.mark.browser)
    if len(ours) < len(items):
        # What these tests write stays in the database, so they never share a process.
        items[:] = [item for item in items if item not in ours]
        config.hook.pytest_deselected(items=ours)


@dataclass
class Trouble:
    """What went wrong on a page without anybody seeing it."""

    found: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", lambda said: self.say(said.text, said.type in {"error", "warning"}))
        page.on("pageerror", lambda error: self.say(str(error)))
        page.on("requestfailed", self.look_at_failure)
        page.on("response", self.look_at)

    def look_at_failure(self, request: Request) -> None:
        # Leaving a page cuts off what it was still loading.
        self.say(f"{request.url}: {request.failure}", request.failure != "net::ERR_ABORTED")

    def look_at(self, response: Response) -> None:
        self.say(f"{response.status} {response.url}", response.status >= 400)

    def say(self, what: str, is_trouble: bool = True) -> None:
        if is_trouble:
            self.found.append(what)


@pytest.fixture(scope="session")
def server(
    django_test_environment: None,
    django_db_modify_db_settings: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[LiveServer]:
    """One server and one database for all tests; each makes an organization of its own in it.

    Emptying the database after each test, as pytest-django's own server does, takes seconds.
    """
    real = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        configuration = setup_databases(verbosity=0, interactive=False, aliases={"default"})
        assert connection.settings_dict["NAME"] != real
        server = LiveServer("127.0.0.1")
        yield server
        server.stop()
        teardown_databases(configuration, verbosity=0)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def trouble() -> Iterator[Trouble]:
    """Every page opened by `open_page`; each test fails if one had trouble."""
    trouble = Trouble()
    yield trouble
    assert trouble.found == []


@pytest.fixture
def open_page(
    browser: Browser, server: LiveServer, trouble: Trouble
) -> Iterator[Callable[..., Page]]:
    contexts: list[BrowserContext] = []

    def open_one(viewport: dict[str, int] = WIDE, **options: Any) -> Page:
        context = browser.new_context(
            viewport=viewport, base_url=server.url, reduced_motion="reduce", **options
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        trouble.watch(page)
        return page

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def acme(server: LiveServer) -> Any:
    return make_organization(name="Acme")


@pytest.fixture
def admin(acme: Any) -> Any:
    user = make_user(password=PASSWORD)
    make_member(acme, user=user, time_zone="Europe/Berlin")
    return user


@pytest.fixture
def signed_in(
    open_page: Callable[..., Page], admin: Any, acme: Any, server: LiveServer
) -> Callable[..., Page]:
    """Open a page of the console, by its address within Acme, as its admin."""
    client = Client()
    client.force_login(admin)
    cookie = {
        "name": "sessionid",
        "value": client.cookies["sessionid"].value,
        "url": server.url,
    }

    def open_one(address: str, **options: Any) -> Page:
        page = open_page(**options)
        page.context.add_cookies([cookie])
        page.goto(address if address.startswith("/") else f"/o/{acme.slug}/{address}")
        return page

    return open_one
