"""The people on a stage: their health, their recent runs, and when each is due. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from monitoring.health.change import Change, HealthFacts, look_again, take_in, take_in_late
from monitoring.health.fold import (
    RECENT_RUNS,
    JudgedOutcome,
    PolicyFacts,
    Runs,
    grace_of,
    judge,
    later,
    with_own_base,
)
from monitoring.health.shields import Shield, hold_penalty
from monitoring.incidents.recovery import Waiting
from monitoring.replay.agenda import Agenda
from monitoring.replay.known import Known


class People:
    """Everybody of one organization. `statuses` and `intervals` count them as they are now.

    failing    those whose latest run did not get through
    stalled    those who need a human, with the cause; `causes` counts them, and `stalled_noted`
               how often that may have changed

    `own_intervals` are the base intervals of those who have one of their own.
    """

    def __init__(self, policy: PolicyFacts, own_intervals: Mapping[int, int] | None = None) -> None:
        self.policy = policy
        self.own_intervals = own_intervals or {}
        self._grace = timedelta(seconds=grace_of(policy.base_interval, policy))
        self.known: dict[int, Known] = {}
        self.statuses: Counter[str] = Counter()
        self.intervals: Counter[int] = Counter()
        self.failing: set[int] = set()
        self.stalled: dict[int, str] = {}
        self.causes: Counter[str] = Counter()
        self.stalled_noted = 0
        self._deadlines = Agenda()
        self._due = Agenda()

    def __len__(self) -> int:
        return len(self.known)

    def runs(self, person_id: int) -> Runs:
        return self.known[person_id].facts.runs

    def status(self, person_id: int) -> str:
        return self.known[person_id].facts.standing.status

    def policy_of(self, person_id: int) -> PolicyFacts:
        """Return the policy in force for a person."""
        own = self.own_intervals.get(person_id)
        return self.policy if own is None else with_own_base(self.policy, own)

    def add(self, person_id: int, runs: Runs, now: datetime) -> Known:
        """Bring in a person with what their runs have been so far."""
        policy = self.policy_of(person_id)
        facts = HealthFacts(runs, judge(runs, False, policy, now), now)
        return self._bring(person_id, Known(facts, policy))

    def adopt(self, person_id: int, known: Known) -> None:
        """Bring in a person as they are known among other people, who keep theirs."""
        copied = Known(known.facts, known.policy)
        copied.history = list(known.history)
        self._bring(person_id, copied)

    def _bring(self, person_id: int, known: Known) -> Known:
        self.known[person_id] = known
        facts = known.facts
        self.statuses[facts.standing.status] += 1
        self.intervals[facts.runs.interval] += 1
        if facts.runs.last_result not in {None, "success"}:
            self.failing.add(person_id)
        self._place(person_id, facts)
        return known

    def release(self, person_id: int) -> None:
        """Forget a person."""
        facts = self.known.pop(person_id).facts
        self.statuses[facts.standing.status] -= 1
        self.intervals[facts.runs.interval] -= 1
        self.failing.discard(person_id)
        self._note_stalled(person_id, None)
        self._deadlines.put(person_id, None)
        self._due.put(person_id, None)

    def take(self, person_id: int, outcome: JudgedOutcome, shields: Iterable[Shield]) -> bool:
        """Fold a person's outcome; tell whether it is the latest of them."""
        known = self.known.get(person_id) or self.add(
            person_id,
            Runs(
                awaiting_since=outcome.finished_at,
                interval=self.policy_of(person_id).base_interval,
                expected_at=outcome.finished_at,
            ),
            outcome.finished_at,
        )
        history = known.history
        history.append(outcome)
        if known.stays_well(outcome):
            if len(history) >= 2 * RECENT_RUNS:
                del history[:-RECENT_RUNS]
            policy = known.policy
            grace = self._grace
            if policy is not self.policy:
                grace = timedelta(seconds=grace_of(policy.base_interval, policy))
            expected_at = later(outcome, policy.base_interval)
            self._deadlines.put(person_id, expected_at + grace)
            self._due.put(person_id, expected_at)
            return True
        if known.facts.runs.is_late(outcome):
            history.sort(key=lambda each: each.order)
            self.fold_anew(person_id, shields)
            return False
        if outcome.result == "success":
            self.failing.discard(person_id)
            if len(history) >= 2 * RECENT_RUNS:
                del history[:-RECENT_RUNS]
        else:
            self.failing.add(person_id)
            outcome = hold_penalty(outcome, person_id, shields)
        self._set(person_id, known, *take_in(known.facts, (outcome,), known.policy))
        return True

    def fold_anew(self, person_id: int, shields: Iterable[Shield]) -> None:
        """Fold a person's recent runs again, now that more is known of what explains them."""
        known = self.known[person_id]
        marked = [hold_penalty(outcome, person_id, shields) for outcome in known.history]
        self._set(person_id, known, *take_in_late(known.facts, marked, known.policy))

    def look_again(self, now: datetime) -> list[int]:
        """Judge those anew whom the time that passed may have changed; return who they are."""
        due = self._deadlines.take_due(now)
        for person_id in due:
            known = self.known[person_id]
            self._set(person_id, known, *look_again(known.facts, known.policy, now), moved=False)
        return due

    def _set(
        self,
        person_id: int,
        known: Known,
        facts: HealthFacts,
        changes: list[Change],
        *,
        moved: bool = True,
    ) -> None:
        """Keep a person's new facts; `moved` says that their next run is due at another time."""
        known.facts = facts
        for change in changes:
            known.changes.append(change)
            self.statuses[change.before.status] -= 1
            self.statuses[change.after.status] += 1
            self.intervals[change.from_interval] -= 1
            self.intervals[change.to_interval] += 1
        standing = facts.standing
        if person_id in self.stalled or standing.status == "stalled":
            self._note_stalled(person_id, standing.cause if standing.status == "stalled" else None)
        self._deadlines.put(person_id, standing.check_at)
        if moved:
            self._due.put(person_id, facts.runs.expected_at)

    def _place(self, person_id: int, facts: HealthFacts) -> None:
        if facts.standing.status == "stalled":
            self._note_stalled(person_id, facts.standing.cause)
        self._deadlines.put(person_id, facts.standing.check_at)
        self._due.put(person_id, facts.runs.expected_at)

    def _note_stalled(self, person_id: int, cause: str | None) -> None:
        self.stalled_noted += 1
        before = self.stalled.pop(person_id, None)
        if before is not None:
            self.causes[before] -= 1
            if not self.causes[before]:
                del self.causes[before]
        if cause is not None:
            self.stalled[person_id] = cause
            self.causes[cause] += 1

    def due(self, now: datetime) -> list[int]:
        """Return who is due, the longest first, and move their next run by their interval."""
        due = self._due.take_due(now)
        for person_id in due:
            self._due.put(person_id, now + timedelta(seconds=self.runs(person_id).interval))
        return due

    def pull_forward(self, person_id: int, now: datetime) -> None:
        """Let a person be due now, or as soon as the provider allows."""
        self._due.put(person_id, max(now, self.runs(person_id).not_before or now))

    def put_off(self, person_id: int, now: datetime) -> None:
        """Let a person be due an interval from now."""
        later = now + timedelta(seconds=self.runs(person_id).interval)
        self._due.put(person_id, max(later, self.runs(person_id).not_before or later))

    def waiting(self, person_ids: Collection[int], now: datetime) -> list[Waiting]:
        """Return people as recovery sees them."""
        waiting = []
        for person_id in person_ids:
            runs = self.runs(person_id)
            gap_since = runs.last_success_at or runs.awaiting_since or now
            waiting.append(Waiting(person_id, gap_since, runs.not_before))
        return waiting

    @property
    def next_deadline(self) -> datetime | None:
        """Return a moment before which time alone changes nobody."""
        return self._deadlines.earliest
