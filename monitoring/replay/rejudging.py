"""Judging history again by the rules now in force: new verdicts beside the old, health anew."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from monitoring.errors.interpretation import Interpreter
from monitoring.errors.rejudging import Rejudged, rejudgements_append
from monitoring.errors.rulebook import level_version, rule_sets_of
from monitoring.errors.versions import version_text
from monitoring.health.fold import Standing
from monitoring.health.models import Health
from monitoring.health.store import health_fold_anew
from monitoring.incidents.active import shields_since
from monitoring.replay.backtest import said_by
from monitoring.replay.claims import Claim
from monitoring.replay.differences import differs
from monitoring.replay.findings import (
    MOST_PEOPLE,
    BackTestResult,
    Moved,
    OrganizationMoved,
    Shift,
    Turn,
    added,
    as_json,
    from_json,
    most_outcomes,
    together,
)
from monitoring.replay.findings import Span as MovedSpan
from monitoring.replay.history import Span, outcomes_estimate, outcomes_read, people_of
from monitoring.replay.running import organizations_left, read_error

PEOPLE_AT_ONCE = 1_000


@dataclass(slots=True)
class Reached:
    """How far a run has come: through this person of this organization, and what it changed.

    `before` is what was found in the organizations before, `here` what in this one.
    """

    organization: int = 0
    person: int = 0
    before: BackTestResult | None = None
    here: BackTestResult | None = None

    def enter(self, organization_id: int) -> None:
        if organization_id != self.organization:
            self.before = self.whole()
            self.organization, self.person, self.here = organization_id, 0, None

    def add(self, person_id: int, found: BackTestResult) -> None:
        self.person = person_id
        self.here = found if self.here is None else added(self.here, found)

    def whole(self) -> BackTestResult | None:
        found = [each for each in (self.before, self.here) if each is not None]
        return together(found) if found else None

    def written(self) -> dict[str, object]:
        return {
            "organization": self.organization,
            "person": self.person,
            "before": None if self.before is None else as_json(self.before),
            "here": None if self.here is None else as_json(self.here),
        }


def reached_by(claim: Claim) -> Reached:
    kept = claim.run.kept
    if not kept:
        return Reached()
    claim.done = claim.run.done
    before, here = (
        None if kept[key] is None else from_json(kept[key]) for key in ("before", "here")
    )
    return Reached(kept["organization"], kept["person"], before, here)


def history_rejudge_run(claim: Claim, *, now: datetime, may_go_on: Callable[[], bool]) -> bool:
    """Judge the outcomes of the last days again, a thousand people at a time.

    Each thousand is one transaction: their new verdicts, their health, and how far that is, so
    that it may end anywhere and nothing is done twice. False where it was given back because
    `may_go_on` said so. Raises what `Claim` raises.
    """
    reached = reached_by(claim)
    claim.expect(outcomes_estimate(claim.run.organization_id, since_of(claim, now), errors=True))
    for organization_id in organizations_left(claim, reached.organization - 1):
        reached.enter(organization_id)
        for people in people_left(reached):
            if not may_go_on():
                claim.hand_back()
                return False
            people_rejudge(claim, reached, people, now)
    version = version_text(level_version(claim.run.change.organization_id))
    result = reached.whole() or BackTestResult(version=version, days=claim.run.days)
    claim.finish(result=as_json(result), now=now)
    return True


def people_left(reached: Reached) -> Iterator[Sequence[int]]:
    """Yield the people of the organization who are still to be looked at, a thousand at a time."""
    people = [each for each in people_of(reached.organization) if each > reached.person]
    for start in range(0, len(people), PEOPLE_AT_ONCE):
        yield people[start : start + PEOPLE_AT_ONCE]


def since_of(claim: Claim, now: datetime) -> datetime:
    return now - timedelta(days=claim.run.days)


@transaction.atomic
def people_rejudge(claim: Claim, reached: Reached, people: Sequence[int], now: datetime) -> None:
    """Judge the outcomes of some people again, and fold anew the health of whom that concerns.

    An attempt whose newest verdict is what the rules say now is left alone.
    """
    # First of all the run is written to, and so locked: nobody else can take it up meanwhile.
    claim.beat()
    span = Span(reached.organization, people, since_of(claim, now), now)
    rules = rule_sets_of([span.organization_id])[span.organization_id]
    interpreter = Interpreter(rules)
    turns = Turns()
    rows = outcomes_read(span, errors=True)
    for person_id, outcome, error in rows:
        verdict = interpreter.interpret(read_error(error or "null"))
        said = said_by(verdict)
        if said != (outcome.interpretation, outcome.rule):
            turn = (outcome.interpretation, outcome.rule, *said)
            again = Rejudged(outcome.attempt_id, span.organization_id, person_id, verdict)
            turns.note(turn, again, outcome.finished_at)
    rejudgements_append(turns.rejudged, now=now)
    moved = health_follow(turns.since, now)
    claim.done += len(rows)
    version = version_text(rules.version)
    reached.add(people[-1], found(claim, reached, len(rows), len(people), turns, moved, version))
    claim.keep(reached.written())


class Turns:
    """The verdicts that are given again, and from when on each person's health is to be folded."""

    def __init__(self) -> None:
        self.rejudged: list[Rejudged] = []
        self.since: dict[int, datetime] = {}
        self.outcomes: Counter[Turn] = Counter()
        self.people: defaultdict[Turn, set[int]] = defaultdict(set)

    def note(self, turn: Turn, rejudged: Rejudged, finished_at: datetime) -> None:
        """Note one; they come in order of time."""
        self.rejudged.append(rejudged)
        self.since.setdefault(rejudged.person_id, finished_at)
        self.outcomes[turn] += 1
        self.people[turn].add(rejudged.person_id)


def health_follow(since: dict[int, datetime], now: datetime) -> list[Moved]:
    """Fold anew the health of people whose verdicts have changed; return who stands otherwise."""
    before = standings_of(since)
    health_fold_anew(since, shields_since, now=now)
    after = standings_of(since)
    return [
        Moved(person_id, 0, (span_between(now, before[person_id], standing),))
        for person_id, standing in sorted(after.items())
        if differs(before[person_id], standing)
    ]


def standings_of(people: dict[int, datetime]) -> dict[int, Standing]:
    rows = Health.objects.filter(person__in=list(people)).values_list("person", "status", "cause")
    return {person: Standing(status, cause) for person, status, cause in rows}


def span_between(now: datetime, before: Standing, after: Standing) -> MovedSpan:
    return MovedSpan(now, None, before.status, before.cause, after.status, after.cause)


def found(
    claim: Claim,
    reached: Reached,
    outcomes: int,
    people: int,
    turns: Turns,
    moved: Sequence[Moved],
    version: str,
) -> BackTestResult:
    changed = len(turns.rejudged)
    shifts = (Shift(*turn, n, len(turns.people[turn])) for turn, n in turns.outcomes.items())
    whole = OrganizationMoved(reached.organization, outcomes, changed, people, len(moved))
    return BackTestResult(
        version=version,
        days=claim.run.days,
        outcomes=outcomes,
        outcomes_changed=changed,
        people=people,
        people_moved=len(moved),
        breakdown=most_outcomes(shifts),
        moved=tuple(moved[:MOST_PEOPLE]),
        organizations=(whole,),
    )
