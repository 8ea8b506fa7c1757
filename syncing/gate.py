"""The few database connections of a worker process.

Hundreds of passes wait on the network at once; none of them may hold a connection meanwhile. They
hand short functions to the gate's threads, which own the connections and survive a database that
goes away for a while.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connections

log = logging.getLogger(__name__)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

FIRST_WAIT, LONGEST_WAIT = 0.1, 2.0
PATIENCE = 30.0

Task = tuple[Future[Any], Callable[[], Any], float]


class DatabaseUnavailableError(Exception):
    """The database did not come back in the time the caller had."""


class Gate:
    """A pool of daemon threads, each with a connection of its own, started at first use.

    Make one a process, after the fork.
    """

    def __init__(self, threads: int = 4) -> None:
        self._size = threads
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def run(
        self,
        function: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """Run a short database function on a gate thread, and wait. It may be run more than once.

        A lost connection is retried for PATIENCE seconds, then DatabaseUnavailableError is raised.
        """
        return self.run_within(PATIENCE, lambda: function(*args, **kwargs))

    def run_within(self, seconds: float, function: Callable[[], Result]) -> Result:
        """Like `run`, with the patience given."""
        self._start()
        reply: Future[Result] = Future()
        self._tasks.put((reply, function, time.monotonic() + seconds))
        return reply.result()

    def close(self) -> None:
        """End the threads and their connections once what is under way is done."""
        with self._lock:
            for _ in self._threads:
                self._tasks.put(None)
            for thread in self._threads:
                thread.join()
            self._threads = []

    def _start(self) -> None:
        if self._threads:
            return
        with self._lock:
            while len(self._threads) < self._size:
                name = f"database-gate-{len(self._threads)}"
                thread = threading.Thread(target=self._serve, name=name, daemon=True)
                thread.start()
                self._threads.append(thread)

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            reply, function, until = task
            try:
                reply.set_result(_patiently(function, until))
            except BaseException as error:  # noqa: BLE001 - it is the caller's, not this thread's
                reply.set_exception(error)
        connections.close_all()


def _patiently(function: Callable[[], Result], until: float) -> Result:
    wait = FIRST_WAIT
    while True:
        try:
            return function()
        except (OperationalError, InterfaceError) as error:
            connections.close_all()
            if time.monotonic() + wait > until:
                raise DatabaseUnavailableError(str(error)) from error
            log.warning("database unavailable, trying again in %.1f s: %s", wait, error)
        except DatabaseError:
            # A broken transaction must not meet the next function.
            connections.close_all()
            raise
        time.sleep(wait)
        wait = min(2 * wait, LONGEST_WAIT)


def run_here(seconds: float, function: Callable[[], Result]) -> Result:
    """Run on the caller's own connection: for commands and tests."""
    return function()
