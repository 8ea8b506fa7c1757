from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from monitoring.incidents import asking
from monitoring.incidents.asking import status_ask
from monitoring.incidents.feeds import MAX_PAYLOAD, PAGES, StatusReport
from simulator.keys import KeyPair, generate_key_pair
from simulator.running import SimulatorServer
from simulator.world import World
from tests.factories import NOW

HOST = "acme.my.salesforce.com"
PROVIDERS = ("google", "salesforce")


@pytest.fixture(scope="module")
def key_pair() -> KeyPair:
    return generate_key_pair()


@pytest.fixture
def simulator(key_pair: KeyPair, settings: Settings) -> Iterator[SimulatorServer]:
    """A simulator whose clock stands at NOW, with Acme and Globex."""
    world = World(clock=lambda: NOW, key_pair=key_pair)
    world.add_organization("acme")
    world.add_organization("globex")
    with SimulatorServer.running(world) as running:
        settings.GOOGLE_STATUS_URL = f"{running.base_url}/appsstatus/dashboard"
        settings.SALESFORCE_STATUS_URL = f"{running.base_url}/trust/v1"
        yield running


def ask(provider: str, host: str = HOST, now: datetime = NOW) -> StatusReport:
    return status_ask(provider, salesforce_host=host, now=now)


def assert_silent(report: StatusReport, why: str) -> None:
    assert report.state == "unknown"
    assert report.headline.startswith(f"{report.provider.title()}'s status page did not answer: ")
    assert why in report.headline
    assert report.address == PAGES[report.provider]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_quiet_page_is_ok(provider: str, simulator: SimulatorServer) -> None:
    assert ask(provider).state == "ok"
    assert len(simulator.requests) == 1


def test_an_incident_of_google_is_read(simulator: SimulatorServer) -> None:
    began = NOW - timedelta(minutes=40)
    incident_id = simulator.world.status_incident_open(
        "google", summary="Events do not load.", impact="SERVICE_OUTAGE", began=began
    )
    assert ask("google") == StatusReport(
        provider="google",
        state="trouble",
        headline="Google Calendar, service outage: Events do not load.",
        since=began,
        until=None,
        address=f"{PAGES['google']}/incidents/{incident_id}",
    )
    simulator.world.status_incident_end(incident_id)
    assert ask("google").state == "ok"


def test_an_incident_of_one_instance_is_read_for_its_organization(
    simulator: SimulatorServer,
) -> None:
    incident_id = simulator.world.status_incident_open(
        "salesforce", organization="acme", summary="Logins fail.", impact="MAJOR_INCIDENT_CORE"
    )
    simulator.world.status_incident_update(incident_id, text="We found the cause.")
    report = ask("salesforce")
    assert (report.state, report.since) == ("trouble", NOW)
    assert report.headline == "Major incident: We found the cause."
    assert report.address == f"{PAGES['salesforce']}/incidents/{incident_id}"
    assert ask("salesforce", "globex.my.salesforce.com").state == "ok"


def test_a_planned_maintenance_is_read_before_and_while_it_goes_on(
    simulator: SimulatorServer,
) -> None:
    starts, ends = NOW + timedelta(days=2), NOW + timedelta(days=2, hours=4)
    simulator.world.status_maintenance_plan(name="Release", starts=starts, ends=ends)
    report = ask("salesforce")
    assert (report.state, [plan.name for plan in report.upcoming]) == ("ok", ["Release"])
    simulator.world.set_clock_offset(timedelta(days=2, hours=1).total_seconds())
    report = ask("salesforce", now=NOW + timedelta(days=2, hours=1))
    assert (report.state, report.since, report.until) == ("maintenance", starts, ends)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"status": 500}, "HTTP 500"),
        ({"ready": "html-502"}, "HTTP 502"),
        ({"status": 204}, "HTTP 204"),
        ({"ready": "reset"}, "the connection failed"),
        ({"ready": "closed"}, "the connection failed"),
        ({"ready": "cut", "cut": 1}, "the connection failed"),
    ],
)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_page_in_trouble_is_unknown(
    provider: str, fault: dict[str, Any], why: str, simulator: SimulatorServer
) -> None:
    simulator.plan_fault(**{"operation": "status.*"} | fault)
    assert_silent(ask(provider), why)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("body", ["<html>Sign in to the network.</html>", '{"status": "O', "[", ""])
def test_a_page_of_something_else_is_unknown(
    body: str, provider: str, simulator: SimulatorServer
) -> None:
    simulator.plan_fault(operation="status.*", status=200, body=body)
    report = ask(provider)
    assert report.state == "unknown"
    assert "cannot be read" in report.headline


def test_a_page_that_hangs_is_given_up(
    simulator: SimulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "READ_SECONDS", 0.2)
    simulator.plan_fault("hang", operation="status.*")
    assert_silent(ask("google"), "it took too long")


def test_a_page_that_drips_is_given_up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "TOTAL_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        settings.GOOGLE_STATUS_URL = f"http://127.0.0.1:{listening.getsockname()[1]}"
        dripping = threading.Thread(target=drip, args=(listening,))
        dripping.start()
        assert_silent(ask("google"), "it took too long")
        dripping.join(timeout=10)
        assert not dripping.is_alive()


def drip(listening: socket.socket) -> None:
    """Answer one request, a sign at a time, until the client goes away."""
    connection, _ = listening.accept()
    with connection:
        connection.recv(10_000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        pause = threading.Event()
        try:
            while not pause.wait(0.02):
                connection.sendall(b" ")
        except OSError:
            return


def test_a_page_without_end_is_given_up(simulator: SimulatorServer) -> None:
    simulator.plan_fault(operation="status.*", status=200, body="[" + " " * MAX_PAYLOAD + "]")
    assert_silent(ask("google"), "more than four megabytes")


def test_a_large_page_is_read_whole(simulator: SimulatorServer) -> None:
    body = "[" + " " * (MAX_PAYLOAD - 2) + "]"
    simulator.plan_fault(operation="status.*", status=200, body=body)
    assert ask("google").state == "ok"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_redirect_leads_nowhere(
    provider: str, simulator: SimulatorServer, key_pair: KeyPair
) -> None:
    with SimulatorServer.running(World(key_pair=key_pair)) as elsewhere:
        there = {"Location": f"{elsewhere.base_url}/appsstatus/dashboard/incidents.json"}
        simulator.plan_fault(operation="status.*", status=302, headers=there)
        assert_silent(ask(provider), "HTTP 302")
        assert elsewhere.requests == []


def test_an_instance_that_trust_does_not_know_is_unknown(simulator: SimulatorServer) -> None:
    assert_silent(ask("salesforce", "initech.my.salesforce.com"), "does not know")


@pytest.mark.parametrize("host", ["", ".my.salesforce.com", "../x", "a b.example", "x" * 300])
def test_without_a_my_domain_nothing_is_asked(host: str, simulator: SimulatorServer) -> None:
    assert_silent(ask("salesforce", host), "My Domain is not known")
    assert simulator.requests == []


def test_a_provider_without_a_page_is_unknown() -> None:
    report = ask("network")
    assert (report.provider, report.state, report.address) == ("network", "unknown", "")
    assert report.headline


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "http://[", "nonsense", "ftp://x", ""])
def test_an_address_that_is_none_is_unknown(address: str, settings: Settings) -> None:
    settings.GOOGLE_STATUS_URL = address
    assert_silent(ask("google"), "the connection failed")


def test_the_environment_does_not_divert_the_question(
    simulator: SimulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    assert ask("google").state == "ok"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_address_may_end_with_a_slash(
    provider: str, simulator: SimulatorServer, settings: Settings
) -> None:
    settings.GOOGLE_STATUS_URL += "/"
    settings.SALESFORCE_STATUS_URL += "/"
    assert ask(provider).state == "ok"
    assert "//" not in simulator.requests[0].path
