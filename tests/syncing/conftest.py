from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulator.keys import KeyPair, generate_key_pair
from simulator.running import SimulatorServer
from tests.syncing.rig import MovableClock, Rig, make_rig, make_world


@pytest.fixture(scope="session")
def key_pair() -> KeyPair:
    return generate_key_pair()


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def rig(db: None, clock: MovableClock, key_pair: KeyPair) -> Iterator[Rig]:
    """Ada and Ben of Acme in a simulator of their own, connected and never synced."""
    with SimulatorServer.running(make_world(clock, key_pair)) as simulator:
        made = make_rig(simulator, clock)
        yield made
        made.providers.close()
