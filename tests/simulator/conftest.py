from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, settings

from simulator.keys import KeyPair, generate_key_pair
from simulator.running import SimulatorServer
from simulator.world import World
from tests.simulator import clients

ADA, BEN, ROOT, EVE = (
    "ada@acme.example",
    "ben@acme.example",
    "root@acme.example",
    "eve@globex.example",
)


# A busy machine makes a good example slow; that is no fault of what is tested.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="session")
def key_pair() -> KeyPair:
    return generate_key_pair()


@pytest.fixture
def world(key_pair: KeyPair) -> World:
    """Ada and Ben of Acme, an admin of theirs, and Eve of Globex."""
    made = World(key_pair=key_pair)
    made.add_organization("acme")
    made.add_organization("globex")
    made.add_person("acme", "Ada Lovelace", ADA, time_zone="Europe/Zurich")
    made.add_person("acme", "Ben Bitdiddle", BEN)
    made.add_person("acme", "Root Admin", ROOT, admin=True)
    made.add_person("globex", "Eve Adams", EVE)
    return made


@pytest.fixture
def simulator(world: World) -> Iterator[SimulatorServer]:
    with SimulatorServer.running(world) as running:
        yield running


@pytest.fixture
def raw() -> Iterator[requests.Session]:
    """A bare HTTP client."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def calendar_of(simulator: SimulatorServer) -> Iterator[Callable[[str], Any]]:
    """The Calendar client of a person, by address."""
    services = []

    def make(email: str) -> Any:
        credentials = clients.google_user_credentials(simulator, email)
        services.append(clients.calendar_service(simulator, credentials))
        return services[-1]

    yield make
    for service in services:
        service.close()


@pytest.fixture
def ada_calendar(calendar_of: Callable[[str], Any]) -> Any:
    return calendar_of(ADA)


@pytest.fixture
def salesforce_of(simulator: SimulatorServer) -> Iterator[Callable[..., Any]]:
    """The Salesforce client of a person, by address."""
    made = []

    def make(email: str, **settings: Any) -> Any:
        made.append(clients.salesforce_client(simulator, email, **settings))
        return made[-1]

    yield make
    for client in made:
        client.session.close()


@pytest.fixture
def ada_salesforce(salesforce_of: Callable[[str], Any]) -> Any:
    return salesforce_of(ADA)


def nine(day: int = 1) -> datetime:
    """Nine o'clock on a day of June 2026."""
    return datetime(2026, 6, day, 9, tzinfo=UTC)


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Return once the condition holds; fail when it does not within so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
