from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from accounts.models import Connection, Person
from monitoring.actions import consents
from monitoring.actions.models import Invitation
from monitoring.console import consent
from simulator.keys import KeyPair, generate_key_pair
from simulator.running import SimulatorServer
from tests.factories import NOW
from tests.monitoring.actions.invitation_makers import make_invitation
from tests.monitoring.console.makers import set_health
from tests.syncing.rig import ADA, MovableClock, Rig, make_rig, make_world


@pytest.fixture(scope="module")
def keys() -> KeyPair:
    return generate_key_pair()


@pytest.fixture
def rig(db: None, keys: KeyPair, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    clock = MovableClock()
    with SimulatorServer.running(make_world(clock, keys)) as simulator:
        made = make_rig(simulator, clock)
        for module in (consent, consents):
            monkeypatch.setattr(module, "providers_here", lambda: made.providers)
        yield made
        made.providers.close()


@pytest.fixture
def ada(rig: Rig) -> Person:
    """Ada, whose both accesses were refused a while ago."""
    person = rig.people[ADA]
    since = NOW - timedelta(days=1)
    Connection.objects.filter(person=person).update(state="refused", refused_at=since)
    set_health(person, status="stalled", cause="google-access-revoked", last_success_at=since)
    return person


@pytest.fixture
def invited(ada: Person) -> Invitation:
    return make_invitation(ada)
