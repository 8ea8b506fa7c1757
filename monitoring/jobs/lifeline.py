"""The lifeline: a pipe whose other end the worker manager holds.

While the manager lives it stays open; it closes when the manager wants its clusters to finish, and
by itself when the manager is killed. Every process of a cluster inherits the reading end.
"""

from __future__ import annotations

import os
import select

VARIABLE = "WORKER_LIFELINE"


def is_cut(timeout: float | None = 0) -> bool:
    """Tell whether this process should finish what it has and begin nothing new.

    Waits up to `timeout` seconds for that, None for as long as it takes. Without a manager (a bare
    `qcluster`, a test) there is no lifeline, and it is never cut.
    """
    descriptor = os.environ.get(VARIABLE)
    if descriptor is None:
        return False
    poll = select.poll()
    poll.register(int(descriptor), select.POLLIN | select.POLLHUP)
    return bool(poll.poll(None if timeout is None else timeout * 1000))
