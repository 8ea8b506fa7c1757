"""The back-test: past outcomes under the verdicts as they stand, and under other rules. Pure.

Both sides are folded, judged and told of by the functions the service itself runs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from monitoring.alerts.plan_facts import Target
from monitoring.errors.facts import RawError
from monitoring.errors.interpretation import Interpreter, RuleSet, Verdict
from monitoring.health.fold import JudgedOutcome, signature_of
from monitoring.replay.findings import (
    BackTestResult,
    OrganizationMoved,
    Shift,
    Turn,
    earliest,
    most_outcomes,
)
from monitoring.replay.notices import Notices
from monitoring.replay.numbers import Numbers
from monitoring.replay.otherwise import Otherwise
from monitoring.replay.stage import Stage
from monitoring.replay.told import alerts_apart
from monitoring.replay.watch import Start

__all__ = ["BackTestResult", "BackTester", "OtherVerdicts", "Recorded", "back_test"]

# An alert is an episode and phase here, to however many people it goes.
TARGETS = (Target("admin"),)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A person's outcome with its verdict as it stands, and the error behind it."""

    person_id: int
    outcome: JudgedOutcome
    error: RawError | None = None


class OtherVerdicts:
    """What a candidate says of errors, from memory where it has judged the same one before.

    With the rules `in_force`, only what the candidate changes of them counts: a verdict that both
    would give stays as it stands, though older rules have given another.
    """

    def __init__(self, candidate: RuleSet, in_force: RuleSet | None = None) -> None:
        self._candidate = Interpreter(candidate)
        self._in_force = None if in_force is None else Interpreter(in_force)

    def on(self, outcome: JudgedOutcome, error: RawError) -> JudgedOutcome:
        """Return the outcome with its other verdict; the very same one where it has none."""
        verdict = self._candidate.interpret(error)
        said = said_by(verdict)
        if said == (outcome.interpretation, outcome.rule):
            return outcome
        if self._in_force is not None and said == said_by(self._in_force.interpret(error)):
            return outcome
        return replace(
            outcome,
            interpretation=verdict.interpretation.value,
            rule=verdict.rule_id,
            rules_version=verdict.rules_version,
            signature=signature_of(outcome.result, verdict.signature, verdict.interpretation),
        )


def said_by(verdict: Verdict) -> tuple[str, str | None]:
    return verdict.interpretation, verdict.rule_id


def back_test(
    recorded: Iterable[Recorded],
    candidate: RuleSet,
    *,
    until: datetime,
    version: str,
    in_force: RuleSet | None = None,
    numbers: Numbers | None = None,
    organization_id: int = 1,
    days: int = 30,
) -> BackTestResult:
    """Test a candidate on an organization's outcomes, in whatever order they come.

    `until` is when they were looked at; without an outcome since, people fall silent by then.
    """
    tester = BackTester(numbers=numbers, organization_id=organization_id)
    verdicts = OtherVerdicts(candidate, in_force)
    for each in sorted(recorded, key=lambda each: each.outcome.order):
        outcome = each.outcome
        otherwise = outcome if each.error is None else verdicts.on(outcome, each.error)
        tester.take_both(each.person_id, outcome, otherwise)
    return tester.finish(until=until, version=version, days=days)


class BackTester(Stage):
    """A stage with another side, on which some verdicts are others: `take_both`, then `finish`."""

    def __init__(self, *, numbers: Numbers | None = None, organization_id: int = 1) -> None:
        super().__init__(numbers=numbers, targets=TARGETS, organization_id=organization_id)
        self.organization_id = organization_id
        self.otherwise = Otherwise(self.people, self.watch)
        self.other_notices = Notices(organization_id, TARGETS, self.numbers)
        self.outcomes = 0
        self._changed: Counter[Turn] = Counter()
        self._changed_people: defaultdict[Turn, set[int]] = defaultdict(set)
        self._next_tick: datetime | None = None
        self._noted: tuple[int, int] | None = None
        self._next_message: datetime | None = None

    def take_both(self, person_id: int, outcome: JudgedOutcome, otherwise: JudgedOutcome) -> None:
        """Let time pass up to an outcome and take it in, with either verdict.

        Outcomes come in order of time. `otherwise` is the same object where the verdict is.
        """
        now, next_tick = outcome.finished_at, self._next_tick
        if next_tick is None or next_tick <= now:
            self._next_tick = self.pass_time(next_tick or now, now)
        self.outcomes += 1
        if otherwise is not outcome:
            self._note_changed(person_id, outcome, otherwise)
            self.otherwise.begin(person_id)
        self.take(person_id, outcome)
        if otherwise is not outcome or person_id in self.otherwise:
            self.otherwise.take(person_id, otherwise)

    def _note_changed(
        self, person_id: int, outcome: JudgedOutcome, otherwise: JudgedOutcome
    ) -> None:
        key = (outcome.interpretation, outcome.rule, otherwise.interpretation, otherwise.rule)
        self._changed[key] += 1
        self._changed_people[key].add(person_id)

    def tick(self, now: datetime) -> list[Start]:
        """Tick on both sides. Hours are not kept."""
        starts = self.watch.tick(now)
        self.otherwise.tick(now, self.people.look_again(now))
        self._send(now)
        return starts

    def _send(self, now: datetime) -> None:
        """Send what is due on either side, unless nothing has come up since the last look."""
        noted = self.people.stalled_noted, self.otherwise.people.stalled_noted
        waits = self._next_message is None or now < self._next_message
        if not self.watch.active and noted == self._noted and waits:
            return
        self.notices.tick(self.people, self.watch.active, now)
        self.other_notices.follow(self.otherwise.stalled_alone(), (), now)
        self._noted = noted
        self._next_message = earlier(
            self.notices.next_message(now), self.other_notices.next_message(now)
        )

    def _next_change(self, now: datetime) -> datetime | None:
        if not self.watch.is_idle:
            return now
        there = earlier(super()._next_change(now), self.other_notices.next_message(now))
        return earlier(there, self.otherwise.people.next_deadline)

    def forget_changes(self) -> None:
        """Drop what has changed of everybody so far, which no result needs."""
        for people in (self.people, self.otherwise.people):
            for known in people.known.values():
                known.changes.clear()

    def finish(self, *, until: datetime, version: str, days: int) -> BackTestResult:
        """Let time pass up to the end, and return what differs."""
        if self._next_tick is not None:
            self.pass_time(self._next_tick, until)
        differences = self.otherwise.differences
        differences.finish(until)
        dropped, added = alerts_apart(self.sent, self.other_notices.sent)
        result = BackTestResult(
            version=version,
            days=days,
            outcomes=self.outcomes,
            outcomes_changed=self._changed.total(),
            people=len(self.people),
            people_moved=differences.people,
            people_reworded=differences.reworded,
            breakdown=most_outcomes(self._shifts()),
            moved=differences.most_affected,
            alerts_dropped=earliest(dropped),
            alerts_added=earliest(added),
            alerts_dropped_total=len(dropped),
            alerts_added_total=len(added),
            worst_hour=differences.worst_hour,
        )
        return replace(result, organizations=(self._as_one_of_many(result),))

    def _shifts(self) -> Iterator[Shift]:
        for key, outcomes in self._changed.items():
            yield Shift(*key, outcomes, len(self._changed_people[key]))

    def _as_one_of_many(self, result: BackTestResult) -> OrganizationMoved:
        return OrganizationMoved(
            self.organization_id,
            result.outcomes,
            result.outcomes_changed,
            result.people,
            result.people_moved,
            result.worst_hour,
        )


def earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """Return the earlier of two moments, None where there is none."""
    return min((each for each in (one, other) if each is not None), default=None)
