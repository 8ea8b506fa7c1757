"""One django-q2 cluster as a child of the worker manager."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import threading
import time

from django.db import connections
from django_q.cluster import Cluster

from monitoring.jobs import lifeline, locks
from monitoring.jobs.policy import job_policy
from monitoring.jobs.runner import make_runner

# Seconds that a cluster gets to end after its last pass had to.
GRACE = 15
PR_SET_PDEATHSIG = 1


def run_cluster() -> int:
    """Run a cluster until the lifeline is cut; return the exit code.

    0 after an orderly stop, 1 when the cluster came to an end by itself.
    """
    locks.install()
    # What the passes need is imported here, once, and shared by all workers forked from here.
    make_runner()
    connections.close_all()
    gc.collect()
    gc.freeze()
    forks_die_with_their_parent()
    cluster = Cluster()
    cluster.start()
    threading.Thread(target=end_with_lifeline, name="lifeline", daemon=True).start()
    cluster.sentinel.join()
    return 0 if cluster.has_stopped else 1


def end_with_lifeline() -> None:
    """Wait for the lifeline to be cut, then stop the cluster: orderly, and if need be by force.

    The cluster is a process group of its own, so force reaches all of it and nothing else.
    """
    if not lifeline.is_cut(timeout=None):
        return
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(job_policy().deadline + GRACE)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def forks_die_with_their_parent() -> None:
    """Have the kernel kill every process forked from now on when the one that forked it ends.

    Otherwise a killed main process or sentinel leaves workers that nobody watches. Linux only.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    parent = 0

    def remember() -> None:
        nonlocal parent
        parent = os.getpid()

    def bind() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # A parent that died before the line above will not be noticed by the kernel any more.
        if os.getppid() != parent:
            os._exit(1)

    os.register_at_fork(before=remember, after_in_child=bind)
