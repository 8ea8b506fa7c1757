"""Running one back-test: read, compare, keep what was found beside the change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from django.db import transaction

from accounts.models import Organization
from monitoring.errors.candidates import candidate_sets_of
from monitoring.errors.changes import rule_change_tested
from monitoring.errors.facts import RawError
from monitoring.errors.rulebook import level_version, rule_sets_of
from monitoring.errors.versions import version_text
from monitoring.health.fold import JudgedOutcome
from monitoring.health.intervals import own_intervals_of
from monitoring.health.store import policies_of
from monitoring.intake.ingest import collection_paused
from monitoring.replay.backtest import BackTester, OtherVerdicts
from monitoring.replay.claims import Claim
from monitoring.replay.findings import BackTestResult, OrganizationMoved, from_json, together
from monitoring.replay.history import Row, Span, outcomes_estimate, people_of, slices_read
from monitoring.replay.numbers import Numbers
from monitoring.replay.stored import as_json

# Outcomes between two looks at the clock.
STEP = 1_000
read_error = msgspec.json.Decoder(RawError).decode


@dataclass(slots=True)
class Kept:
    """How far a run has come: what was found in the organizations up to the last one done."""

    against: int
    reached: int = 0
    result: BackTestResult | None = None

    def add(self, organization_id: int, found: BackTestResult) -> None:
        self.reached = organization_id
        if self.result is None or not self.result.people:
            self.result = found
        elif found.people:
            self.result = together([self.result, found])

    def written(self) -> dict[str, object]:
        result = None if self.result is None else as_json(self.result)
        return {"against": self.against, "reached": self.reached, "result": result}


def kept_of(claim: Claim) -> Kept:
    """Return how far a run has come; nowhere if the rules have changed since it was begun."""
    against = level_version(claim.run.of_change.organization_id)
    kept = claim.run.kept
    if not kept or kept["against"] != against:
        return Kept(against)
    claim.done = claim.run.done
    result = kept["result"]
    return Kept(against, kept["reached"], None if result is None else from_json(result))


def back_test_run(claim: Claim, *, now: datetime, may_go_on: Callable[[], bool]) -> bool:
    """Run a back-test on the outcomes up to `now`, and store what was found.

    One organization is finished after the other; between two of them it is given back where
    `may_go_on` says so, and then False is returned. Raises what `Claim` raises, and
    RuleChangeRefusedError where the change is no longer open.
    """
    kept = kept_of(claim)
    since = now - timedelta(days=claim.run.days)
    claim.expect(outcomes_estimate(claim.run.organization_id, since))
    for organization_id in organizations_left(claim, kept.reached):
        kept.add(organization_id, organization_test(claim, organization_id, kept.against, now))
        claim.keep(kept.written())
        if not may_go_on() and next(organizations_left(claim, kept.reached), None) is not None:
            claim.hand_back()
            return False
    store(claim, kept, now)
    return True


def organizations_left(claim: Claim, reached: int) -> Iterator[int]:
    """Yield whose outcomes are still to be run: one organization's, or everybody's in turn."""
    own = claim.run.organization_id
    if own is not None:
        if own > reached:
            yield own
        return
    left = Organization.objects.filter(pk__gt=reached).order_by("pk")
    yield from left.values_list("pk", flat=True)


def organization_test(
    claim: Claim, organization_id: int, against: int, now: datetime
) -> BackTestResult:
    """Return what a change makes of one organization's outcomes."""
    days = claim.run.days
    version = f"{version_text(against)} with this change"
    span = Span(organization_id, people_of(organization_id), now - timedelta(days=days), now)
    verdicts = OtherVerdicts(
        candidate_sets_of(claim.run.of_change, [organization_id])[organization_id],
        rule_sets_of([organization_id])[organization_id],
    )
    policy = policies_of([organization_id])[organization_id]
    numbers = Numbers(policy=policy, own_intervals=own_intervals_of(organization_id))
    tester = BackTester(numbers=numbers, organization_id=organization_id)
    expected = outcomes_estimate(organization_id, span.since)
    with collection_paused():
        for rows in slices_read(span, expected):
            take_slice(tester, verdicts, rows, claim)
    return tester.finish(until=now, version=version, days=days)


def take_slice(tester: BackTester, verdicts: OtherVerdicts, rows: list[Row], claim: Claim) -> None:
    take = tester.take_both
    for start in range(0, len(rows), STEP):
        for person_id, outcome, error in rows[start : start + STEP]:
            take(person_id, outcome, outcome if error is None else other(outcome, error, verdicts))
        claim.add(len(rows[start : start + STEP]))
    tester.forget_changes()


def other(outcome: JudgedOutcome, error: str, verdicts: OtherVerdicts) -> JudgedOutcome:
    """Return the outcome with the other verdict on the error it was stored with."""
    return verdicts.on(outcome, read_error(error))


@transaction.atomic
def store(claim: Claim, kept: Kept, now: datetime) -> None:
    """Store the result, and its figures beside the change: the share is the largest there is."""
    result = kept.result or BackTestResult(version=version_text(kept.against), days=claim.run.days)
    claim.finish(result=as_json(result), now=now)
    largest = result.largest or OrganizationMoved(0, 0, 0, 0, 0)
    rule_change_tested(
        change=claim.run.of_change,
        people=largest.people,
        people_moved=largest.people_moved,
        outcomes=result.outcomes,
        outcomes_moved=result.outcomes_changed,
        now=now,
        against=kept.against,
    )
