"""The threads of a drain: they run passes and hand back reports; they never touch the database.

A thread that waits for ever can't be stopped, only left behind. A ThreadPoolExecutor would wait for
it at its end, so these are plain daemon threads around two queues.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any
from uuid import UUID

from monitoring.jobs.reports import broken, describe
from syncing.reports import PassReport

logger = logging.getLogger(__name__)

Run = Callable[[Any, float], PassReport]

# Threads left behind by any drain of this process, as far as they still live.
_abandoned: list[threading.Thread] = []


def stuck_threads() -> int:
    """Return how many threads this process left behind that still have not come back."""
    _abandoned[:] = [thread for thread in _abandoned if thread.is_alive()]
    return len(_abandoned)


@dataclass(frozen=True, slots=True)
class Task:
    key: UUID
    work: Any
    deadline: float


@dataclass(frozen=True, slots=True)
class Finished:
    """The report of one pass and when it was made."""

    key: UUID
    report: PassReport
    at: datetime


class Crew:
    """Starts threads as they are needed and uses them again; keys are attempt ids."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._results: SimpleQueue[Finished] = SimpleQueue()
        self._at_work: dict[UUID, threading.Thread] = {}
        self._left_behind: set[UUID] = set()
        # A pass is either handed in or left behind, never both.
        self._handing_in = threading.Lock()
        self._idle = 0

    def start(self, key: UUID, work: Any, deadline: float) -> None:
        """Run the work in a thread of its own."""
        if self._idle:
            self._idle -= 1
        else:
            threading.Thread(target=self._serve, name="pass", daemon=True).start()
        self._tasks.put(Task(key, work, deadline))

    def next(self, timeout: float) -> Finished | None:
        """Wait up to `timeout` seconds for a report; those of abandoned passes never come."""
        try:
            finished = self._results.get(timeout=max(0.0, timeout))
        except Empty:
            return None
        self._idle += 1
        return None if finished.key in self._left_behind else finished

    def abandon(self, key: UUID) -> None:
        """Stop waiting for a pass. Its thread ends by itself, if ever."""
        with self._handing_in:
            self._left_behind.add(key)
            thread = self._at_work.get(key)
        if thread is not None:
            _abandoned.append(thread)

    def dismiss(self) -> None:
        """Let the threads go home that have no pass; nothing can be started after that."""
        self._tasks.put(None)

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            self._at_work[task.key] = threading.current_thread()
            report = self._report(task)
            with self._handing_in:
                del self._at_work[task.key]
                if task.key in self._left_behind:
                    return
                self._results.put(Finished(task.key, report, datetime.now(UTC)))
        # For the next one that comes home.
        self._tasks.put(None)

    def _report(self, task: Task) -> PassReport:
        try:
            return self._run(task.work, task.deadline)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the attempt gets its outcome
            logger.error("a pass broke: %s (attempt %s)", describe(error), task.key)
            return broken(error)
