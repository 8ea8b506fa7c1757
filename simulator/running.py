"""A simulator in a thread, for tests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from simulator.dispatch import Simulator
from simulator.faults import FaultPlan, fault_from
from simulator.ready_faults import ready_fault
from simulator.requestlog import Entry, RequestLog
from simulator.server import finish, serve_until
from simulator.world import World

START_SECONDS = 10.0


class SimulatorCrash(Exception):
    """The simulator made a mistake while it served; the message is its trace."""


class SimulatorServer:
    """Handle of a running simulator. Its methods and those of its world suit any thread."""

    def __init__(self, simulator: Simulator, host: str) -> None:
        self.simulator = simulator
        self._host = host
        self._port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: asyncio.Future[None] | None = None
        self._error: BaseException | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)

    @classmethod
    @contextmanager
    def running(
        cls, world: World | None = None, *, host: str = "127.0.0.1", port: int = 0
    ) -> Iterator[SimulatorServer]:
        """Serve a world on a free loopback port as long as the block lasts.

        Raises SimulatorCrash at its end when the simulator itself made a mistake meanwhile.
        """
        handle = cls(Simulator(world), host)
        handle.start(port)
        try:
            yield handle
        finally:
            handle.stop()
        if handle.simulator.crashes:
            raise SimulatorCrash(handle.simulator.crashes[0])

    def start(self, port: int = 0) -> None:
        """Begin to serve; raises what kept the server from listening."""
        self._port = port
        self._thread.start()
        if not self._ready.wait(START_SECONDS):
            raise TimeoutError("the simulator did not start")
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """End all connections and the thread."""
        if self._loop is not None and self._done is not None:
            self._loop.call_soon_threadsafe(finish, self._done)
        self._thread.join(START_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(serve_until(self.simulator, self._host, self._port, self._started))
        except (OSError, ValueError) as error:
            self._error = error
        finally:
            self._ready.set()

    def _started(self, port: int, done: asyncio.Future[None]) -> None:
        self._port, self._done = port, done
        self._loop = asyncio.get_running_loop()
        self._ready.set()

    @property
    def base_url(self) -> str:
        return f"http://{self._host}:{self._port}"

    @property
    def world(self) -> World:
        return self.simulator.world

    @property
    def log(self) -> RequestLog:
        return self.simulator.log

    @property
    def requests(self) -> list[Entry]:
        """What was asked so far, oldest first."""
        return self.log.entries()

    @property
    def faults(self) -> FaultPlan:
        return self.simulator.faults

    def plan_fault(self, ready: str | None = None, **values: Any) -> str:
        """Plan a ready fault by name, or one of the given values; returns its id.

        Values override those of the ready one. See Fault for their names; the time span is
        `from` and `until` in JSON and `starts` and `ends` here.
        """
        renamed = {"starts": "from", "ends": "until"}
        given = {renamed.get(name, name): value for name, value in values.items()}
        fault = ready_fault(ready, given) if ready else fault_from(given)
        return self.faults.add(fault)

    def clear_faults(self) -> None:
        self.faults.clear()
