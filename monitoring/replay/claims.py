"""Claiming back-tests, showing how far they have come, and ending them, each by a fenced statement.

As with jobs, who runs one bears a token and shows that it lives, by the database's clock. Who does
not for a while is taken to be dead: another takes the run up again, and the first, should it come
back, finds that its token no longer counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest, Now

from monitoring.jobs import lifeline
from monitoring.jobs.beats import worker_beat
from monitoring.jobs.doorbell import ring_task
from monitoring.jobs.models import Lane
from monitoring.replay.models import BackTest, BackTestQuerySet, State

WORK = "monitoring.replay.working.back_tests_work"
# It looks after itself; the queue's own time-out, made for drains, is too short for a large one.
WORK_TIMEOUT = 3_600
# Seconds from sign to sign.
BEAT = 1.0
# One at a time, so that syncing keeps its workers.
AT_ONCE = 1
# Who was begun so often and never came a step further is not begun again.
MOST_TAKES = 3
# Any fixed number will do; it is that of claiming back-tests among the advisory locks.
LOCK = 7_430_126_002
NEVER_ENDED = (
    "It was begun several times and never came to its end. Ask again; if that does not help, tell "
    "whoever operates the service."
)


class RunLostError(Exception):
    """The run is no longer ours: it was stopped, or another worker has taken it up."""


class RunInterruptedError(Exception):
    """This worker must end; another is to go on."""


def back_tests_wait() -> bool:
    """Tell whether a run waits that could be begun."""
    return BackTest.objects.without_worker().exists() and has_room()


def ring_back_tests() -> None:
    """Wake a worker for back-tests, once the current transaction is committed."""
    ring_task(WORK, timeout=WORK_TIMEOUT)


def has_room() -> bool:
    return BackTest.objects.at_work().count() < AT_ONCE


@transaction.atomic
def back_test_claim(*, now: datetime) -> BackTest | None:
    """Claim the run that waits longest, if any may be begun; its token is in it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    if not has_room():
        return None
    waiting = BackTest.objects.without_worker().select_for_update(skip_locked=True)
    for run in waiting.order_by("id"):
        if run.takes < MOST_TAKES:
            return taken(run, now)
        ended(run, State.FAILED, now, error=NEVER_ENDED)
    return None


def taken(run: BackTest, now: datetime) -> BackTest:
    BackTest.objects.filter(pk=run.pk).update(
        state=State.RUNNING,
        token=uuid4(),
        beat_at=Now(),
        takes=F("takes") + 1,
        started_at=run.started_at or now,
    )
    return BackTest.objects.select_related("change", "organization").get(pk=run.pk)


def ended(run: BackTest, state: State, now: datetime, **fields: Any) -> None:
    fields |= {"state": state, "token": None, "finished_at": now, "kept": None}
    BackTest.objects.filter(pk=run.pk).update(**fields)


class Claim:
    """A worker's claim on a run: every word it writes is fenced by its token."""

    def __init__(self, run: BackTest) -> None:
        self.run = run
        self.done = 0
        self.next_beat = monotonic() + BEAT

    def ours(self) -> BackTestQuerySet:
        token: UUID | None = self.run.token
        found: BackTestQuerySet = BackTest.objects.filter(
            pk=self.run.pk, token=token, state=State.RUNNING
        )
        return found

    def write(self, **fields: Any) -> None:
        """Write to the run. Raises RunLostError where it is no longer ours."""
        if not self.ours().update(**fields):
            raise RunLostError

    def expect(self, outcomes: int) -> None:
        """Say how many outcomes there are to look at, unless that is known."""
        if not self.run.total:
            self.write(total=outcomes)

    def add(self, outcomes: int) -> None:
        """Count outcomes as looked at, and show about once a second how far that is.

        Raises RunLostError, and RunInterruptedError where this worker is to end.
        """
        self.done += outcomes
        if monotonic() >= self.next_beat:
            self.beat()

    def beat(self) -> None:
        if lifeline.is_cut():
            raise RunInterruptedError
        self.write(done=self.done, total=Greatest("total", self.done), beat_at=Now())
        # The manager must not take a long test for a worker that is stuck.
        worker_beat(lane=Lane.SCHEDULE, in_flight=0)
        self.next_beat = monotonic() + BEAT

    def hold(self) -> None:
        """Lock the run in the caller's transaction. Raises RunLostError where it is not ours."""
        self.write(beat_at=Now())

    def keep(self, kept: Mapping[str, Any]) -> None:
        """Keep what is finished, so that whoever takes the run up goes on from there."""
        self.write(kept=kept, done=self.done, takes=1, beat_at=Now())

    def hand_back(self) -> None:
        """Let another go on; nothing where it is no longer ours."""
        self.ours().update(state=State.QUEUED, token=None, takes=F("takes") - 1)

    def finish(self, *, result: Mapping[str, Any], now: datetime) -> None:
        """Store what was found, in the caller's transaction."""
        self.write(
            state=State.DONE,
            token=None,
            finished_at=now,
            kept=None,
            result=result,
            done=self.done,
            total=self.done,
        )

    def fail(self, *, error: str, now: datetime) -> None:
        """Say why it failed; nothing where the run is no longer ours."""
        self.ours().update(
            state=State.FAILED, token=None, finished_at=now, kept=None, error=error[:500]
        )
