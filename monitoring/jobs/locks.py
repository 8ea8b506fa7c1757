"""The cure for django-q2's wedged queues: locks that die with their holder.

Its processes share two queues whose locks are POSIX semaphores. Kill a process that holds one, even
an idle worker, which holds the read lock all the time, and every later worker waits for ever
(django-q2 issue 23, open since 2019). A record lock belongs to a process: the kernel lets go of it
when the process ends, however it ends. Put in place by the `cluster` command, in its process only.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import tempfile
import weakref
from time import monotonic, sleep
from types import TracebackType
from typing import Any

import django_q.cluster
import django_q.queues

POLL = 0.005


class RecordLock:
    """A re-entrant lock between processes, with the methods of `multiprocessing.RLock`.

    It does not keep threads of one process apart; where it is used, one thread a process takes it.
    The file is never opened twice, because closing any descriptor of it would drop the lock.
    """

    def __init__(self) -> None:
        self._file, path = tempfile.mkstemp(prefix="record-lock-")
        os.unlink(path)
        weakref.finalize(self, os.close, self._file)
        self._owner = 0
        self._depth = 0

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take the lock; wait for it without limit, for `timeout` seconds, or not at all."""
        if self._depth and self._owner == os.getpid():
            self._depth += 1
            return True
        if not self._take(block, timeout):
            return False
        # A forked child inherits these fields but not the lock; the number tells them apart.
        self._owner, self._depth = os.getpid(), 1
        return True

    def release(self) -> None:
        """Let go, once for each `acquire`. Raises RuntimeError for who does not hold it."""
        if not self._depth or self._owner != os.getpid():
            raise RuntimeError("released a record lock that this process does not hold")
        self._depth -= 1
        if not self._depth:
            fcntl.lockf(self._file, fcntl.LOCK_UN)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _take(self, block: bool, timeout: float | None) -> bool:
        if block and timeout is None:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            return True
        until = monotonic() + (timeout or 0 if block else 0)
        while True:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if monotonic() >= until:
                    return False
                sleep(POLL)
            else:
                return True


def shared_value(kind: str, *values: Any) -> Any:
    """Make what `multiprocessing.Value` makes, with a lock that dies with its holder."""
    lock: Any = RecordLock()
    return multiprocessing.Value(kind, *values, lock=lock)


class SurvivingQueue(django_q.queues.Queue):
    """django-q2's queue with locks that die with their holders."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._rlock = RecordLock()
        self._wlock = RecordLock()
        self.size.count = shared_value("i", 0)


def install() -> None:
    """Make the clusters of this process use the surviving queue and timers."""
    django_q.cluster.Queue = SurvivingQueue
    django_q.cluster.Value = shared_value
