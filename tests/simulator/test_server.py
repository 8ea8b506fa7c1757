from __future__ import annotations

import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from simulator.dispatch import Simulator
from simulator.messages import Call
from simulator.running import SimulatorCrash, SimulatorServer
from simulator.server import NotLoopback
from simulator.world import World
from tests.simulator import clients
from tests.simulator.conftest import ADA, BEN, EVE, ROOT, nine

DAY = {"summary": "Day", "start": {"date": "2026-06-01"}, "end": {"date": "2026-06-02"}}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
def test_only_loopback_is_served(host, world):
    with pytest.raises(NotLoopback), SimulatorServer.running(world, host=host):
        pass


def test_a_port_in_use_is_told(world, simulator):
    port = int(simulator.base_url.rpartition(":")[2])
    second = SimulatorServer.running(world, port=port)
    with pytest.raises(OSError, match="address already in use"), second:
        pass


def test_a_stopped_server_frees_its_port(world):
    with SimulatorServer.running(world) as simulator:
        port = int(simulator.base_url.rpartition(":")[2])
        assert requests.get(simulator.base_url + "/control/health", timeout=5).ok
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert not any(thread.name == "simulator" for thread in threading.enumerate())


def test_two_simulators_live_side_by_side(key_pair):
    worlds = [World(key_pair=key_pair) for _ in range(2)]
    with SimulatorServer.running(worlds[0]) as one, SimulatorServer.running(worlds[1]) as two:
        assert one.base_url != two.base_url
        requests.get(one.base_url + "/x", timeout=5)
        assert (len(one.requests), len(two.requests)) == (1, 0)


def test_a_mistake_of_the_simulator_is_not_swallowed(world, monkeypatch):
    running = SimulatorServer.running(world)
    simulator = running.__enter__()
    monkeypatch.setattr(world, "find_refresh_token", lambda token: 1 / 0)
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    answer = requests.post(simulator.base_url + "/token", data=form, timeout=5)
    assert answer.status_code == 500
    with pytest.raises(SimulatorCrash, match="ZeroDivisionError"):
        running.__exit__(None, None, None)


def test_many_clients_and_a_user_at_once_lose_nothing(simulator, world):
    people, rounds = (ADA, BEN, ROOT, EVE), 15

    def work(email):
        service = clients.calendar_service(
            simulator, clients.google_user_credentials(simulator, email)
        )
        salesforce = clients.salesforce_client(simulator, email)
        for number in range(rounds):
            service.events().insert(calendarId="primary", body=DAY).execute()
            row = {"StartDateTime": "2026-06-01T09:00:00Z", "DurationInMinutes": 5}
            salesforce.Event.upsert(f"SyncCenter_Key__c/{email}-{number}", row)
        service.close()
        salesforce.session.close()

    def edit(email):
        for _ in range(rounds * 4):
            world.google_create(email, summary="By hand", start=nine())

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(task, email) for email in people for task in (work, edit)]:
            future.result()
    for email in people:
        assert len(world.google_events(email)) == rounds * 5
        assert len(world.salesforce_events(email)) == rounds
        calendar = world.calendar(email)
        positions = [event.position for event in calendar.events.values()]
        assert sorted(positions) == list(range(1, rounds * 5 + 1))
    assert len(simulator.log.writes()) == len(people) * rounds * 2
    assert [entry.number for entry in simulator.requests] == list(range(1, simulator.log.total + 1))


@pytest.mark.parametrize(
    "change",
    [
        lambda world: world.google_create(ADA, summary="x", start=nine()),
        lambda world: world.salesforce_events(ADA),
        lambda world: world.add_organization("new"),
        lambda world: world.expire_access_tokens(),
    ],
)
def test_edits_take_turns(change, world):
    with ThreadPoolExecutor(1) as pool:
        with world.lock:
            future = pool.submit(change, world)
            with pytest.raises(TimeoutError):
                future.result(timeout=0.05)
        future.result(timeout=10)


def test_requests_and_edits_take_turns(simulator, world, raw):
    with world.lock, pytest.raises(requests.ReadTimeout):
        raw.get(simulator.base_url + "/x", timeout=0.1)
    assert raw.get(simulator.base_url + "/x", timeout=10).status_code == 404


@pytest.mark.parametrize("step", ["receive", "work"])
def test_both_steps_of_a_request_wait_for_an_edit(step, world):
    simulator, call = Simulator(world), Call("GET", "localhost", "/x", {})
    argument = call if step == "receive" else simulator.receive(call)
    with ThreadPoolExecutor(1) as pool:
        with world.lock:
            future = pool.submit(getattr(simulator, step), argument)
            with pytest.raises(TimeoutError):
                future.result(timeout=0.05)
        future.result(timeout=10)


def test_a_request_with_a_huge_body_is_served(simulator, raw):
    assert raw.post(simulator.base_url + "/x", data=b"x" * 5_000_000).status_code == 404


def test_thousands_of_people_are_cheap(key_pair):
    world = World(key_pair=key_pair)
    world.add_organization("acme")
    for number in range(3000):
        world.add_person("acme", f"Person {number}", f"p{number}@acme.example")
    assert all(not person.google.calendars for person in world.people.values())
    assert len({person.salesforce.id for person in world.people.values()}) == 3000
    tokens = {token for person in world.people.values() for token in person.google.refresh_tokens}
    assert len(tokens) == 3000


def test_the_package_needs_neither_django_nor_the_project():
    code = (
        "import sys, simulator.running, simulator.control;"
        "bad = [m for m in sys.modules if m.split('.')[0] in"
        " ('django', 'synccenter', 'accounts', 'syncing', 'monitoring')];"
        "sys.exit(repr(bad) if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
