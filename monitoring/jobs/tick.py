"""The tick: what has to happen as time passes.

Any number of tick processes may run; an advisory lock lets one of them work at a time. Every step
is a transaction of its own, which takes that lock for its length, so a lost connection or a killed
process leaves nothing locked, and a step that breaks does not stop the others. Two ticks that take
turns between steps do no harm: what one has done, the other no longer finds due.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import connection, transaction

from monitoring.errors.housekeeping import rejudgements_forget, unrecognised_forget
from monitoring.errors.inbox import unrecognised_try_again
from monitoring.health.deadlines import health_check_due
from monitoring.health.holds import holds_end
from monitoring.health.samples import samples_take
from monitoring.health.tally import tally_compact
from monitoring.incidents.across_watch import incidents_find_across, incidents_follow_across
from monitoring.incidents.housekeeping import pulses_age, pulses_compact
from monitoring.incidents.intake_watch import intake_watch
from monitoring.incidents.opening import FOLD_AT_ONCE, hits_fold_anew
from monitoring.incidents.polling import pages_are_due
from monitoring.incidents.watch import PACE, THRESHOLDS, incidents_find, incidents_follow
from monitoring.intake.housekeeping import counts_fold, counts_forget
from monitoring.jobs import doorbell
from monitoring.jobs.beats import tick_beat, worker_beats_forget
from monitoring.jobs.bells import bells_ring
from monitoring.jobs.models import Lane
from monitoring.jobs.outage import DATABASE_ERRORS, is_away
from monitoring.jobs.policy import job_policy
from monitoring.jobs.queue import jobs_dispatch
from monitoring.jobs.reaper import Reaped, jobs_reap, may_reap
from monitoring.jobs.recovery import incidents_recover
from monitoring.jobs.steps import Step, steps_registered
from monitoring.jobs.stream import streams_mend
from monitoring.outcomes.partitions import log_begins, partitions_drop, partitions_ensure

logger = logging.getLogger(__name__)

# Any fixed number will do; it is this program's among the advisory locks of its database.
LOCK = 7_203_551
# People a statement, and statements a tick: after a long stop the other steps get their turn too.
DISPATCH_AT_ONCE = 10_000
DISPATCH_ROUNDS = 20
REAP_AT_ONCE = 1_000
REAP_ROUNDS = 20
CHECK_AT_ONCE = 5_000
CHECK_ROUNDS = 4
FOLD_ROUNDS = 10

CLOCKS = "SELECT now(), pg_postmaster_start_time()"
QUEUED = """
    SELECT count(*), count(*) FILTER (WHERE lane = %(admin)s)
    FROM (SELECT lane FROM jobs_job WHERE state = 0 ORDER BY lane, id LIMIT %(limit)s) AS queued
"""


@dataclass(slots=True)
class TickReport:
    """What one tick did. `worked` is False where another tick was at it throughout."""

    worked: bool = False
    moved: int = 0
    made: int = 0
    reaped: Reaped = field(default_factory=Reaped)
    checked: int = 0
    opened: int = 0
    closed: int = 0
    folded: int = 0
    recovering: int = 0
    frozen: bool = False
    failed_steps: list[str] = field(default_factory=list)


@contextmanager
def turn() -> Iterator[bool]:
    """Open a transaction and tell whether it is ours to work in."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        yield cursor.fetchone()[0]


def tick(now: datetime, *, reconnected_at: datetime | None = None) -> TickReport:
    """Do all that is due at `now`; return what was done. Cost follows what is due.

    `reconnected_at` (database clock) is when the caller got its connection back after losing it.
    Raises OperationalError or InterfaceError when the database goes away; other errors of a step
    are logged and named in the report, and the remaining steps go on.
    """
    report = TickReport()
    steps: dict[str, Callable[[], None]] = {
        "release": lambda: release(now),
        "dispatch": lambda: dispatch(report, now),
        "reap": lambda: reap(report, now, reconnected_at),
        "incidents": lambda: watch(report, now),
        "fold": lambda: fold_anew(report, now),
        "recover": lambda: recover(report, now),
        "streams": streams,
        "check": lambda: check(report, now),
        "partitions": lambda: keep_house(now),
        "errors": lambda: keep_errors(now),
        "trends": lambda: keep_trends(now),
    }
    for name, others_step in steps_registered().items():
        steps[name] = partial(others, others_step, now)
    for name, step in steps.items():
        run_step(report, name, step)
    if report.worked:
        tick_beat(failed_steps=" ".join(report.failed_steps))
        ring_doorbells()
    return report


def run_step(report: TickReport, name: str, step: Callable[[], None]) -> None:
    try:
        step()
    except Exception as error:
        if isinstance(error, DATABASE_ERRORS) and is_away(error):
            raise
        logger.exception("the tick's step %r failed; the others go on", name)
        report.failed_steps.append(name)


def dispatch(report: TickReport, now: datetime) -> None:
    """Queue jobs for all who are due, oldest first."""
    for _ in range(DISPATCH_ROUNDS):
        with turn() as mine:
            if not mine:
                return
            report.worked = True
            moved, made = jobs_dispatch(now=now, limit=DISPATCH_AT_ONCE)
        report.moved += moved
        report.made += made
        if moved < DISPATCH_AT_ONCE:
            return


def reap(report: TickReport, now: datetime, reconnected_at: datetime | None) -> None:
    """Record expired jobs as lost, unless the database was away and workers may still deliver."""
    for _ in range(REAP_ROUNDS):
        with turn() as mine:
            if not mine or not leases_count(reconnected_at):
                return
            reaped = jobs_reap(now=now, limit=REAP_AT_ONCE)
        report.reaped += reaped
        if reaped.running + reaped.unstarted < REAP_AT_ONCE:
            return


def leases_count(reconnected_at: datetime | None) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(CLOCKS)
        now, server_started_at = cursor.fetchone()
    return may_reap(
        now=now,
        server_started_at=server_started_at,
        reconnected_at=reconnected_at,
        lease=job_policy().lease,
    )


def watch(report: TickReport, now: datetime) -> None:
    """Find incidents, and follow those that are not over.

    Each is a transaction of its own, because whoever opens one keeps outcomes waiting; two ticks at
    once open it once.
    """
    with turn() as mine:
        if not mine:
            return
    report.opened += len(incidents_find(now=now))
    report.opened += len(incidents_find_across(now=now, thresholds=THRESHOLDS))
    report.closed += len(incidents_follow(now=now))
    incidents_follow_across(now=now)
    if pages_are_due(now):
        doorbell.ring_status_poll()


def fold_anew(report: TickReport, now: datetime) -> None:
    """Take back what was held against people before their incident was found."""
    for _ in range(FOLD_ROUNDS):
        with turn() as mine:
            if not mine:
                return
            folded = hits_fold_anew(now=now)
        report.folded += folded
        if folded < FOLD_AT_ONCE:
            return


def recover(report: TickReport, now: datetime) -> None:
    """Sync those hit by incidents that are over."""
    with turn() as mine:
        if mine:
            seconds = settings.TICK_SECONDS
            report.recovering += incidents_recover(now=now, seconds=seconds, pace=PACE)


def streams() -> None:
    """Let bulk syncs go on whose jobs nobody could claim in time."""
    with turn() as mine:
        if not mine:
            return
    streams_mend()


def release(now: datetime) -> None:
    """Let people sync again whose holds have run out."""
    with turn() as mine:
        if mine:
            holds_end(now=now)


def check(report: TickReport, now: datetime) -> None:
    """Judge anew the people whose health changes by time alone, unless nobody can be heard."""
    with turn() as mine:
        if not mine:
            return
        frozen = intake_watch(now=now, thresholds=THRESHOLDS)
    report.frozen = frozen.everybody or bool(frozen.organizations)
    for _ in range(0 if frozen.everybody else CHECK_ROUNDS):
        with turn() as mine:
            if not mine:
                return
            checked = health_check_due(now=now, limit=CHECK_AT_ONCE, frozen=frozen.organizations)
        report.checked += checked
        if checked < CHECK_AT_ONCE:
            return


def others(step: Step, now: datetime) -> None:
    """Do a step of a capability above, unless another tick is at work."""
    with turn() as mine:
        if not mine:
            return
    step(now)


def keep_house(now: datetime) -> None:
    """Make and drop outcome partitions, keep the counts short, forget workers long gone."""
    with turn() as mine:
        if mine:
            partitions_ensure(now)
            partitions_drop(now - timedelta(days=settings.OUTCOME_RETENTION_DAYS))
            tally_compact()
            pulses_age(now=now)
            pulses_compact(now=now)
            worker_beats_forget()


def keep_errors(now: datetime) -> None:
    """Forget verdicts and errors whose outcomes are gone; try open errors on newer rules."""
    before = now - timedelta(days=settings.OUTCOME_RETENTION_DAYS)
    with turn() as mine:
        if mine:
            # Outcomes go with their whole partition; what is left keeps its later verdicts.
            rejudgements_forget(min(before, log_begins() or before))
            unrecognised_forget(before)
            unrecognised_try_again(now=now)


def keep_trends(now: datetime) -> None:
    """Note every half hour how people stand, and keep the counts of outcomes short."""
    with turn() as mine:
        if mine:
            samples_take(now)
            counts_fold()
            counts_forget(now)


def ring_doorbells() -> None:
    """Ring for what is queued; bells that were lost or not heard are rung again this way."""
    slots = settings.DRAIN_SLOTS
    with connection.cursor() as cursor:
        cursor.execute(QUEUED, {"admin": Lane.ADMIN, "limit": slots * doorbell.JOBS_A_DOORBELL})
        queued, by_admins = cursor.fetchone()
    lane = Lane.ADMIN if by_admins else Lane.SCHEDULE
    doorbell.ring(lane, doorbell.doorbells_needed(queued, slots))
    bells_ring()
