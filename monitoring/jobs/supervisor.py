"""The worker manager of one host: starts its clusters, watches them, and ends them."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic, sleep

from django.conf import settings
from django.db import close_old_connections, connection
from django_q.brokers import get_broker
from django_q.status import Stat
from redis.exceptions import RedisError

from monitoring.jobs import lifeline
from monitoring.jobs.beats import host_name
from monitoring.jobs.cluster import GRACE
from monitoring.jobs.doorbell import FAST, MAIN
from monitoring.jobs.models import Lane
from monitoring.jobs.outage import DATABASE_ERRORS, wait_after
from monitoring.jobs.policy import job_policy
from monitoring.jobs.probe import Limits, Sighting, Watch
from monitoring.jobs.readiness import QueueFacts, queue_facts

logger = logging.getLogger(__name__)

CYCLE = 0.25
# A cluster that lived so long was well; its next restart is immediate.
WELL_AFTER = 60.0
LONGEST_WAIT = 30.0


@dataclass(slots=True)
class ClusterProcess:
    """One cluster of this host. Times are monotonic."""

    name: str
    lane: Lane
    workers: int
    process: subprocess.Popen[bytes] | None = None
    watch: Watch = field(default_factory=Watch)
    started_at: float = 0.0
    start_at: float = 0.0
    deaths: int = 0

    def start(self, lifeline_descriptor: int) -> None:
        """Start the cluster in a process group of its own, at the end of the lifeline."""
        environment = os.environ | {
            "WORKERS" if self.lane == Lane.SCHEDULE else "FAST_WORKERS": str(self.workers),
            lifeline.VARIABLE: str(lifeline_descriptor),
            "Q_CLUSTER_NAME": self.name,
        }
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, settings.BASE_DIR / "manage.py", "cluster"],
            env=environment,
            stdin=subprocess.DEVNULL,
            pass_fds=[lifeline_descriptor],
            start_new_session=True,
        )
        self.started_at, self.watch = monotonic(), Watch()

    def kill_remains(self) -> None:
        """End at once whatever is left of the process group."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def ended(self) -> int | None:
        """Return the exit code of a cluster that has ended by itself, None while it runs."""
        return None if self.process is None else self.process.poll()


class Supervisor:
    """Keeps the clusters of this host running until it is told to stop."""

    def __init__(self, *, workers: int, fast: int) -> None:
        main = ClusterProcess(MAIN, Lane.SCHEDULE, workers)
        asked = ClusterProcess(FAST, Lane.ADMIN, fast)
        self.clusters = [cluster for cluster in (main, asked) if cluster.workers > 0]
        self.limits = Limits(stat=settings.PROBE_STAT_SECONDS, beat=settings.PROBE_BEAT_SECONDS)
        self.probe_every = min(5.0, self.limits.stat / 3)
        self.next_probe = 0.0
        self.stop = threading.Event()
        self.hurry = threading.Event()
        self.reading_end, self.writing_end = os.pipe()

    def signalled(self, *_: object) -> None:
        """Take a signal to stop: the first asks for an orderly end, the second for a quick one."""
        (self.hurry if self.stop.is_set() else self.stop).set()

    def run(self) -> None:
        """Run until signalled; leave no process behind."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.signalled)
        try:
            while not self.stop.wait(CYCLE):
                self.keep_running()
                self.probe()
        finally:
            self.finish()

    def keep_running(self) -> None:
        """Start what is to run and does not, after a growing pause if it dies again and again."""
        for cluster in self.clusters:
            code = cluster.ended()
            if code is not None:
                self.mourn(cluster, f"it ended with code {code}")
            if cluster.process is None and monotonic() >= cluster.start_at:
                cluster.start(self.reading_end)
                logger.info("cluster %s: started, %d workers", cluster.name, cluster.workers)

    def mourn(self, cluster: ClusterProcess, why: str) -> None:
        """Clear away a cluster that has come to its end and see to its next start."""
        cluster.kill_remains()
        lived = monotonic() - cluster.started_at
        cluster.deaths = 1 if lived > WELL_AFTER else cluster.deaths + 1
        pause = wait_after(cluster.deaths - 1, first=1.0, longest=LONGEST_WAIT)
        cluster.start_at = monotonic() + pause
        logger.error("cluster %s: %s; starting anew in %.0f s", cluster.name, why, pause)

    def probe(self) -> None:
        """Look at every cluster now and then, and start anew what is wedged."""
        if monotonic() < self.next_probe:
            return
        self.next_probe = monotonic() + self.probe_every
        try:
            close_old_connections()
            reporting = reporting_clusters()
            for cluster in self.clusters:
                if cluster.process is not None:
                    facts = queue_facts(cluster.lane)
                    seen = sighting(cluster, facts, cluster.process.pid in reporting)
                    cluster.watch = cluster.watch.after(seen)
        except (*DATABASE_ERRORS, RedisError) as error:
            connection.close()
            logger.warning("the probe can't see, it looks again later: %s", type(error).__name__)
            for cluster in self.clusters:
                cluster.watch = cluster.watch.blinded()
        for cluster in self.clusters:
            why = cluster.watch.verdict(monotonic(), self.limits)
            if cluster.process is not None and why is not None:
                self.mourn(cluster, f"killed, because {why}")

    def finish(self) -> None:
        """Cut the lifeline and wait for the clusters to end: orderly, else by force."""
        os.close(self.writing_end)
        until = monotonic() + job_policy().deadline + GRACE + 5
        while monotonic() < until and not self.hurry.is_set():
            if all(c.process is None or c.ended() is not None for c in self.clusters):
                break
            sleep(CYCLE / 5)
        for cluster in self.clusters:
            cluster.kill_remains()
        os.close(self.reading_end)


def reporting_clusters() -> set[int]:
    """Return the process ids of this host's clusters that have reported in the last seconds."""
    host = host_name()
    return {stat.pid for stat in Stat.get_all(get_broker()) if stat.host[:100] == host}


def sighting(cluster: ClusterProcess, facts: QueueFacts, reported: bool) -> Sighting:
    """Turn the facts into what the probe judges by."""
    tick = settings.TICK_SECONDS
    host = host_name()
    return Sighting(
        at=monotonic(),
        stat=reported,
        neglect=(facts.oldest_queued_age or 0) > 2 * tick
        and facts.tick_age is not None
        and facts.tick_age < 3 * tick,
        beat_age=min(
            (w.age for w in facts.workers if w.host == host and w.lane == cluster.lane),
            default=None,
        ),
    )
