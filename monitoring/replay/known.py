"""What is known of one person on a stage. Pure.

A run of good runs of somebody who is well is folded only when somebody asks: of such, each makes
void all that the one before it said. Most outcomes there are are of this kind.
"""

from __future__ import annotations

from monitoring.health.change import Change, HealthFacts
from monitoring.health.fold import JudgedOutcome, PolicyFacts, after_good_runs, judge


class Known:
    """Facts, recent runs as they came, and what changed."""

    __slots__ = ("_facts", "_good", "_last_good", "changes", "history", "policy")

    def __init__(self, facts: HealthFacts, policy: PolicyFacts) -> None:
        self._facts = facts
        self.policy = policy
        # Good runs not folded yet, and the last of them.
        self._good = 0
        self._last_good: JudgedOutcome | None = None
        self.history: list[JudgedOutcome] = []
        self.changes: list[Change] = []

    @property
    def facts(self) -> HealthFacts:
        last = self._last_good
        if last is not None:
            before = self._facts
            runs = after_good_runs(before.runs, self._good, last, self.policy)
            standing = judge(runs, False, self.policy, last.finished_at)
            self.facts = HealthFacts(runs, standing, before.status_since, before.hold_id)
        return self._facts

    @facts.setter
    def facts(self, facts: HealthFacts) -> None:
        self._facts = facts
        self._good, self._last_good = 0, None

    def stays_well(self, outcome: JudgedOutcome) -> bool:
        """Take in an outcome that leaves a person as well as they are; tell whether it is one.

        Nothing happens where it is not.
        """
        facts = self._facts
        if (
            outcome.result != "success"
            or facts.standing.status != "healthy"
            or facts.runs.interval != self.policy.base_interval
        ):
            return False
        last = self._last_good
        if facts.runs.is_late(outcome) if last is None else outcome.order <= last.order:
            return False
        self._good += 1
        self._last_good = outcome
        return True
