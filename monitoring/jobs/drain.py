"""The drain: the one queue task. It claims jobs, keeps many in flight, and closes them.

The main thread alone talks to the database; the passes run in threads that wait on the network.
An attempt is in exactly one of three places: claimed (not begun), in flight, or finished (its
outcome not yet in the database). Whatever happens to this process, an attempt that does not get out
of the third place is recorded as lost by the reaper.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from uuid import UUID, uuid4

from django.db import close_old_connections

from monitoring.intake.record import ReportedOutcome
from monitoring.jobs import lifeline
from monitoring.jobs.beats import worker_beat
from monitoring.jobs.bells import bells_ring
from monitoring.jobs.claims import Claim, jobs_claim, jobs_renew, seconds_to_next_start
from monitoring.jobs.closing import jobs_close, jobs_withdraw
from monitoring.jobs.crew import Crew, stuck_threads
from monitoring.jobs.models import Lane
from monitoring.jobs.outage import Outage
from monitoring.jobs.policy import JobPolicy, job_policy
from monitoring.jobs.reports import broken, deadline_passed, outcome_of
from monitoring.jobs.runner import Runner, make_runner
from monitoring.outcomes.models import Trigger
from syncing.reports import PassReport

logger = logging.getLogger(__name__)

# Seconds. Outcomes are gathered for so long before they are written together.
GATHER = 0.1
# How soon a drain with free threads looks again when it found less than it could take.
LOOK_AGAIN = 0.2
# How soon those who wait for what came of an admin's jobs are told again.
TELL_AGAIN = 1.0
# More at once would hold up the main thread for the loading.
CLAIM_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class InFlight:
    claim: Claim
    started_at: datetime
    deadline: float


def drain(lane: int, budget: float) -> None:
    """Work on jobs of the lanes up to `lane` for `budget` seconds, or until there are none.

    The task behind every doorbell. Returns nothing; what came of the jobs is in the outcomes.
    """
    close_old_connections()
    policy = job_policy()
    session = Drain(
        lane=Lane(lane),
        budget=min(budget, policy.budget),
        policy=policy,
        runner=make_runner(),
        must_stop=lifeline.is_cut,
    )
    session.work()
    if stuck_threads() >= policy.stuck_limit:
        logger.error("%d passes never came back; this process ends", stuck_threads())
        # Only the end of the process frees those threads. All jobs are closed, and the queue starts
        # a new process in its place.
        logging.shutdown()
        os._exit(1)


class Drain:
    """One run of the drain."""

    def __init__(
        self,
        *,
        lane: Lane,
        budget: float,
        policy: JobPolicy,
        runner: Runner,
        must_stop: Callable[[], bool],
    ) -> None:
        self.lane = lane
        self.policy = policy
        self.runner = runner
        self.must_stop = must_stop
        self.token = uuid4()
        self.crew = Crew(runner.run)
        self.database = Outage("drain")
        self.claimed: list[Claim] = []
        # The leases of all that is claimed last at least until a lease after this.
        self.leased_at = 0.0
        self.in_flight: dict[UUID, InFlight] = {}
        self.finished: list[ReportedOutcome] = []
        begun = monotonic()
        self.claim_until = begun + budget
        self.give_up_at = begun + policy.utmost
        self.next_claim = begun
        # Jobs that may not start yet are worth staying for until then.
        self.stay_until = begun
        self.next_renewal = begun + policy.lease / 3
        self.next_beat = begun
        self.has_news = False
        self.next_news = begun

    def work(self) -> None:
        """Work until the budget is spent or nothing is left, and everything claimed is closed."""
        self.beat()
        self.claim()
        while self.is_wanted() and monotonic() < self.give_up_at:
            self.gather()
            self.expire()
            self.close()
            self.tell()
            self.renew()
            self.beat()
            self.begin()
            self.claim()
        self.crew.dismiss()
        self.next_beat = self.next_news = 0.0
        self.beat()
        self.tell()
        self.tell_what_is_left()

    def is_busy(self) -> bool:
        return bool(self.claimed or self.in_flight or self.finished)

    def is_wanted(self) -> bool:
        """Tell whether there is work, or will be shortly."""
        if self.is_busy():
            return True
        if monotonic() >= self.stay_until:
            self.stay()
        return monotonic() < self.stay_until and not self.must_stop()

    def may_claim(self) -> bool:
        now = monotonic()
        return (
            self.next_claim <= now < self.claim_until
            and not self.database.is_on
            and stuck_threads() < self.policy.stuck_limit
            and not self.must_stop()
        )

    def claim(self) -> None:
        """Claim as many jobs as there are free threads, and begin them."""
        free = self.policy.threads - len(self.in_flight) - len(self.claimed)
        if free < 1 or not self.may_claim():
            return
        limit, asked_at = min(free, CLAIM_AT_ONCE), monotonic()
        claims = self.take(limit)
        if len(claims) < limit:
            self.next_claim = monotonic() + LOOK_AGAIN
        if not self.claimed:
            self.leased_at = asked_at
        self.claimed += claims
        self.begin()

    def take(self, limit: int) -> list[Claim]:
        """Claim jobs. While others wait, bulk syncs get half of the threads, and then the rest."""
        claims: list[Claim] = []
        for most, bulk in ((self.room_for_bulk(), True), (limit, False), (limit, True)):
            wanted = min(most, limit - len(claims))
            if wanted < 1:
                continue
            got = self.take_of(wanted, bulk)
            claims += got or ()
            if got is None or (bulk and len(got) < wanted):
                break
        return claims

    def take_of(self, limit: int, bulk: bool) -> list[Claim] | None:
        return self.database.attempt(
            lambda: jobs_claim(
                lane=self.lane, limit=limit, token=self.token, lease=self.policy.lease, bulk=bulk
            )
        )

    def room_for_bulk(self) -> int:
        """Return how many more bulk syncs there may be in half of the threads."""
        ours = [flight.claim for flight in self.in_flight.values()] + self.claimed
        return self.policy.threads // 2 - sum(claim.lane == Lane.BULK for claim in ours)

    def stay(self) -> None:
        """Stay for the next job that may not start yet, if it may while this drain claims."""
        wait = self.database.attempt(lambda: seconds_to_next_start(self.lane))
        if wait is not None and monotonic() + wait < self.claim_until:
            self.stay_until = monotonic() + wait + LOOK_AGAIN

    def begin(self) -> None:
        """Load what the claimed jobs need and start their passes."""
        if not self.claimed:
            return
        if not self.withdraw([claim for claim in self.claimed if claim.held]):
            return
        people = [claim.person_id for claim in self.claimed]
        try:
            works = self.database.attempt(lambda: self.runner.load(people))
        except Exception as error:
            logger.exception("the work of %d jobs could not be loaded", len(people))
            self.finish_claimed(broken(error))
            return
        if works is None:
            return
        if not self.withdraw([c for c in self.claimed if c.person_id not in works]):
            return
        if not self.leases_outlive_passes():
            return
        claimed, self.claimed = self.claimed, []
        for claim in claimed:
            flight = self.flight(claim)
            self.in_flight[claim.attempt_id] = flight
            must_end = flight.deadline - self.policy.head_start
            self.crew.start(claim.attempt_id, works[claim.person_id], must_end)

    def flight(self, claim: Claim) -> InFlight:
        deadline = min(monotonic() + self.policy.deadline, self.leased_at + self.policy.lease)
        return InFlight(claim, datetime.now(UTC), deadline)

    def leases_outlive_passes(self) -> bool:
        """Renew the leases if a pass begun now could outlive them; False if that failed.

        Who lost a lease meanwhile may already be synced by another worker.
        """
        if monotonic() + self.policy.deadline <= self.leased_at + self.policy.lease:
            return True
        return self.renew_now()

    def withdraw(self, claims: list[Claim]) -> bool:
        """Give up, without an outcome, jobs of people who were held or deleted meanwhile.

        Returns whether that is done.
        """
        attempts = {claim.attempt_id: claim.person_id for claim in claims}
        if attempts:
            done = self.database.attempt(lambda: jobs_withdraw(token=self.token, attempts=attempts))
            if done is None:
                return False
            self.claimed = [claim for claim in self.claimed if claim.attempt_id not in attempts]
        return True

    def finish_claimed(self, report: PassReport) -> None:
        claimed, self.claimed = self.claimed, []
        for claim in claimed:
            self.finish(self.flight(claim), report)

    def finish(self, flight: InFlight, report: PassReport, at: datetime | None = None) -> None:
        self.finished.append(
            outcome_of(
                flight.claim,
                report,
                started_at=flight.started_at,
                finished_at=at or datetime.now(UTC),
            )
        )

    def gather(self) -> None:
        """Take in the reports of finished passes for a moment, or until a good batch is there."""
        until = monotonic() + GATHER
        enough = max(1, self.policy.threads // 4)
        while (left := until - monotonic()) > 0 and len(self.finished) < enough:
            if not self.in_flight:
                # A database that is away keeps us here with nothing in flight, or a job to come.
                time.sleep(left if self.database.is_on or not self.is_busy() else 0)
                return
            finished = self.crew.next(left)
            if finished is not None and finished.key in self.in_flight:
                self.finish(self.in_flight.pop(finished.key), finished.report, finished.at)

    def expire(self) -> None:
        """Close what is past its deadline, and leave its thread behind."""
        now = monotonic()
        for key, flight in list(self.in_flight.items()):
            if flight.deadline <= now:
                self.crew.abandon(key)
                self.finish(self.in_flight.pop(key), deadline_passed(self.policy.deadline))

    def close(self) -> None:
        """Write the finished outcomes. While the database is away they wait here."""
        if not self.finished:
            return
        outcomes = list(self.finished)
        try:
            closed = self.write(outcomes)
        except Exception:
            logger.exception("%d outcomes could not be written together", len(outcomes))
            self.close_one_by_one()
            return
        if closed is None:
            return
        self.finished.clear()
        self.has_news |= any(outcome.trigger == Trigger.ADMIN for outcome in outcomes)
        late = [str(o.attempt_id) for o in outcomes if o.attempt_id not in closed]
        if late:
            logger.warning("closed elsewhere meanwhile, nothing written: %s", ", ".join(late))

    def write(self, outcomes: list[ReportedOutcome]) -> set[UUID] | None:
        return self.database.attempt(
            lambda: jobs_close(token=self.token, outcomes=outcomes, now=datetime.now(UTC))
        )

    def close_one_by_one(self) -> None:
        """Keep one outcome that can't be written from taking the others with it.

        Its job stays open and is recorded as lost when the lease ends.
        """
        for outcome in list(self.finished):
            try:
                written = self.write([outcome])
            except Exception:
                logger.exception("the outcome of attempt %s can't be written", outcome.attempt_id)
                written = set()
            if written is not None:
                self.finished.remove(outcome)

    def tell(self) -> None:
        """Ring for those who wait for what came of jobs that admins asked for."""
        if self.has_news and monotonic() >= self.next_news:
            self.has_news = False
            self.next_news = monotonic() + TELL_AGAIN
            self.database.attempt(lambda: bells_ring(runs_ended=True))

    def renew(self) -> None:
        """Renew the leases of all that is not closed yet, three times a lease."""
        if self.is_busy() and monotonic() >= self.next_renewal:
            self.renew_now()

    def renew_now(self) -> bool:
        """Renew all leases and let go of what the reaper took; False while that can't be done."""
        flying = [flight.claim for flight in self.in_flight.values()]
        ours: list[Claim | ReportedOutcome] = [*flying, *self.claimed, *self.finished]
        attempts = {one.attempt_id: one.person_id for one in ours}
        asked_at = monotonic()
        renewed = self.database.attempt(
            lambda: jobs_renew(token=self.token, attempts=attempts, lease=self.policy.lease)
        )
        if renewed is None:
            return False
        self.leased_at = asked_at
        self.next_renewal = monotonic() + self.policy.lease / 3
        self.let_go(attempts.keys() - renewed)
        return True

    def let_go(self, lost: Set[UUID]) -> None:
        """Forget attempts that are no longer ours; finished ones find that out when closed."""
        self.claimed = [claim for claim in self.claimed if claim.attempt_id not in lost]
        for key in self.in_flight.keys() & lost:
            self.crew.abandon(key)
            del self.in_flight[key]

    def beat(self) -> None:
        if monotonic() < self.next_beat:
            return
        in_flight = len(self.in_flight)
        self.database.attempt(lambda: worker_beat(lane=self.lane, in_flight=in_flight))
        self.next_beat = monotonic() + self.policy.beat

    def tell_what_is_left(self) -> None:
        """Say which outcomes could not be delivered; the reaper records them as lost."""
        if self.is_busy():
            logger.error(
                "the database was away too long: %d outcomes not written, %d jobs not finished",
                len(self.finished),
                len(self.claimed) + len(self.in_flight),
            )
