"""An admin's morning, on everything that `make demo` runs: real workers, tick and vendors."""

from __future__ import annotations

import csv
import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from synccenter.demo.processes import free_port
from tests.browser.conftest import NARROW
from tests.monitoring.jobs.service import PROJECT, wait_until, with_database

DATABASE = f"demo_{os.getpid()}"
PASSWORD = "demo-password"
# Milliseconds. A worker begins within a second; the machine may be busy.
SOON = 60_000
# Seconds. The demo starts within a minute, with the same reservation.
STARTED = 240

pytestmark = pytest.mark.timeout(STARTED + 120)


@dataclass
class Demo:
    """A running demo: where it is, and where the simulated vendors are set up."""

    url: str
    setup: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    data = tmp_path_factory.mktemp("demo")
    said, port = data / "said.log", free_port()
    administration = with_database(os.environ["DATABASE_URL"], "postgres")
    with psycopg.connect(administration, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{DATABASE}"')
        try:
            with said.open("w") as log:
                process = subprocess.Popen(
                    [sys.executable, "manage.py", "demo", "--port", str(port), "--data", data],
                    cwd=PROJECT,
                    env=os.environ | {"DATABASE_URL": with_database(administration, DATABASE)},
                    stdout=log,
                    stderr=log,
                )
            try:
                yield running(process, said, port)
            finally:
                process.send_signal(signal.SIGINT)
                assert process.wait(60) == 0, said.read_text()
        finally:
            server.execute(f'DROP DATABASE IF EXISTS "{DATABASE}" WITH (FORCE)')


def running(process: subprocess.Popen, said: Path, port: int) -> Demo:
    def found() -> re.Match[str] | None:
        assert process.poll() is None, said.read_text()
        return re.search(r"simulated: (\S+/setup/)", said.read_text())

    setup = wait_until(found, STARTED, "the demo is running")
    return Demo(f"http://127.0.0.1:{port}", setup[1])


@pytest.fixture(scope="module")
def server(demo: Demo) -> Demo:
    """The demo serves its own pages."""
    return demo


@pytest.fixture
def signed_in(open_page: Callable[..., Page]) -> Callable[[str], Page]:
    def open_one(email: str) -> Page:
        page = open_page()
        page.goto("/")
        page.get_by_label("Email").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        return page

    return open_one


def comes(page: Page, wanted: Locator) -> None:
    """Reload the page until something has come that a worker brings."""

    def is_there() -> bool:
        page.reload()
        return wanted.count() > 0

    wait_until(is_there, SOON / 1000, str(wanted))


def test_everyone_the_broken_trigger_hit_is_syncing_again(signed_in: Callable[..., Page]) -> None:
    page = signed_in("admin@acme.example")
    expect(page.get_by_role("heading", level=1)).to_have_text("36 of 45 people are syncing")
    trigger = page.get_by_role("row").filter(has_text="trigger or flow is failing")
    with page.context.expect_page() as opened:
        trigger.get_by_role("link", name="Open Salesforce Setup").click()
    deactivate = opened.value.get_by_role("button", name="Deactivate the trigger")
    deactivate.click()
    expect(deactivate).to_have_count(0)
    opened.value.close()
    trigger.get_by_role("button", name="Then sync 3 people").click()
    for name in ("Edith Clarke", "Gladys West", "Joan Clarke"):
        expect(page.get_by_role("link", name=name)).to_be_visible()
    page.get_by_role("button", name="Sync 3 people now").click()
    expect(page.get_by_role("link", name="3 synced")).to_be_visible(timeout=SOON)
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("39 of 45 people are syncing")


def test_people_are_held_for_a_while_and_that_is_undone(signed_in: Callable[..., Page]) -> None:
    page = signed_in("admin@acme.example")
    page.get_by_role("link", name="People", exact=True).click()
    page.get_by_label("Team", exact=True).fill("Partners")
    page.get_by_label("Team", exact=True).press("Enter")
    expect(page).to_have_url(re.compile("team=Partners"))
    off = page.locator(".key-figure").filter(has_text="off")
    expect(off).to_have_text(re.compile(r"^\s*2\s"))
    page.get_by_role("checkbox", name="Select everybody on this page").press("Space")
    page.get_by_role("button", name="Hold…").click()
    page.get_by_label("Why").fill("Their office moves today.")
    page.get_by_role("button", name="Show what will happen").click()
    page.get_by_role("button", name=re.compile(r"Hold \d+ people")).click()
    undo = page.get_by_role("button", name=re.compile("Undo"))
    expect(undo).to_be_visible(timeout=SOON)
    undo.click()
    expect(page.get_by_text("restored").first).to_be_visible(timeout=SOON)
    page.get_by_role("link", name="People", exact=True).click()
    expect(off).to_have_text(re.compile(r"^\s*2\s"))


def test_people_are_reauthorized_both_ways(
    signed_in: Callable[..., Page], open_page: Callable[..., Page], demo: Demo
) -> None:
    page = signed_in("consultant@example.com")
    page.goto("/o/globex/people/?q=carla")
    page.get_by_role("link", name="Carla Meninsky", exact=True).click()
    page.get_by_role("link", name="Re-authorize").first.click()
    page.get_by_role("button", name="Re-authorize Carla Meninsky").click()
    page.goto("/o/globex/outbox/")
    comes(page, page.get_by_role("link", name=re.compile("restored|access", re.IGNORECASE)))

    page = signed_in("admin@acme.example")
    page.goto("/o/acme/people/?q=ada+lovelace")
    page.get_by_role("link", name="Ada Lovelace", exact=True).click()
    page.get_by_role("link", name="Re-authorize").first.click()
    page.get_by_text("Only by a link sent to each person").click()
    page.get_by_role("button", name="Re-authorize Ada Lovelace").click()
    page.goto("/o/acme/outbox/")
    mail = page.get_by_role("link", name="Your calendar needs your permission again")
    comes(page, mail)
    mail.click()
    link = re.search(rf"{demo.url}/link/[^\s\"<]+", page.content())
    assert link is not None
    hers = open_page(viewport=NARROW)
    hers.goto(link[0])
    hers.get_by_role("button", name="Continue to Google").click()
    hers.get_by_role("combobox").select_option("alan.turing@acme.example")
    hers.get_by_role("button", name="Allow").click()
    expect(hers.get_by_role("alert")).to_contain_text("You consented as alan.turing@acme.example")
    hers.get_by_role("button", name="Continue to Google").click()
    hers.get_by_role("combobox").select_option("ada.lovelace@acme.example")
    hers.get_by_role("button", name="Allow").click()
    expect(hers.get_by_role("heading", level=1)).to_contain_text("Thank you")
    hers.get_by_role("link", name="See how my calendar is syncing").click()
    comes(hers, hers.get_by_role("heading", name="Your calendar is syncing"))


def test_a_list_goes_out_as_a_file(signed_in: Callable[..., Page]) -> None:
    page = signed_in("viewer@acme.example")
    page.goto("/o/acme/people/?status=disabled")
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as loading:
        page.get_by_role("link", name=re.compile("CSV")).click()
    rows = list(csv.reader(io.StringIO(Path(loading.value.path()).read_text("utf-8-sig"))))
    assert {row[0] for row in rows[1:]} == {"Fred Brooks", "Susan Kare"}
