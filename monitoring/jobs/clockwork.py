"""The tick process: one tick after the other, through outages, until it is told to stop."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from time import monotonic

from django.conf import settings
from django.db import connection

from monitoring.incidents.releases import release_note
from monitoring.jobs.outage import DATABASE_ERRORS, is_away, wait_after
from monitoring.jobs.tick import TickReport, tick

logger = logging.getLogger(__name__)

LONGEST_WAIT = 30.0


class Clockwork:
    """Ticks every `every` seconds. Remembers when it lost the database, so the reaper may wait."""

    def __init__(self, *, every: float, stop: threading.Event) -> None:
        self.every = every
        self.stop = stop
        self.failures = 0
        self.lost_at = 0.0
        self.release_noted = False
        self.reconnected_at: datetime | None = None

    def run(self) -> None:
        """Tick until `stop` is set."""
        while not self.stop.is_set():
            begun = monotonic()
            self.step()
            self.stop.wait(self.wait(monotonic() - begun))

    def wait(self, spent: float) -> float:
        """Return the seconds to the next tick, or to the next try while the database is away."""
        if self.failures:
            return wait_after(self.failures, first=1.0, longest=min(self.every, LONGEST_WAIT))
        return max(0.0, self.every - spent)

    def step(self) -> None:
        """Tick once, and take the database's being away as it comes."""
        try:
            if self.failures:
                self.come_back()
            if not self.release_noted:
                release_note(version=settings.RELEASE, now=datetime.now(UTC))
                self.release_noted = True
            told(tick(datetime.now(UTC), reconnected_at=self.reconnected_at))
        except DATABASE_ERRORS as error:
            if is_away(error):
                self.lose(error)
            else:
                logger.exception("the tick was broken off; the next goes on")

    def lose(self, error: Exception) -> None:
        connection.close()
        if not self.failures:
            self.lost_at = monotonic()
        self.failures += 1
        wait = self.wait(0)
        logger.warning(
            "tick: the database is away, next try in %.0f s: %s", wait, first_line(error)
        )

    def come_back(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT now()")
            (self.reconnected_at,) = cursor.fetchone()
        logger.warning("tick: the database is back after %.0f s", monotonic() - self.lost_at)
        self.failures = 0


def first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def told(report: TickReport) -> None:
    """Log what a tick did, if it did anything."""
    if report.made or report.reaped.running or report.reaped.unstarted:
        logger.info(
            "tick: %d jobs queued, %d lost at work, %d lost in the queue, %d people judged anew",
            report.made,
            report.reaped.running,
            report.reaped.unstarted,
            report.checked,
        )
