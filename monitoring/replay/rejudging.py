"""Judging history again by the rules now in force: new verdicts beside the old, health anew."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

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
    from_json,
    most_outcomes,
    together,
)
from monitoring.replay.findings import Span as MovedSpan
from monitoring.replay.history import (
    SLICE,
    Span,
    outcomes_estimate,
    outcomes_read,
    people_of,
)
from monitoring.replay.running import STEP, organizations_left, read_error
from monitoring.replay.stored import as_json

# People in a piece, fewer where so many have more outcomes than a slice.
PEOPLE_AT_ONCE = 100


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
    before, here = (
        None if kept[key] is None else from_json(kept[key]) for key in ("before", "here")
    )
    reached = Reached(kept["organization"], kept["person"], before, here)
    whole = reached.whole()
    # What a run was cut off in is done again, and so not counted as done.
    claim.done = 0 if whole is None else whole.outcomes
    return reached


def history_rejudge_run(claim: Claim, *, now: datetime, may_go_on: Callable[[], bool]) -> bool:
    """Judge the outcomes of the last days again, some people at a time.

    Each piece is judged first and then written in one short transaction: the new verdicts, health,
    and how far that is, so that it may end anywhere and nothing is done twice. False where it was
    given back because `may_go_on` said so. Raises what `Claim` raises.
    """
    reached = reached_by(claim)
    claim.expect(outcomes_estimate(claim.run.organization_id, since_of(claim, now), errors=True))
    for organization_id in organizations_left(claim, reached.organization - 1):
        reached.enter(organization_id)
        for people in people_left(reached, since_of(claim, now)):
            if not may_go_on():
                claim.hand_back()
                return False
            people_rejudge(claim, reached, people, now)
    version = version_text(level_version(claim.run.of_change.organization_id))
    result = reached.whole() or BackTestResult(version=version, days=claim.run.days)
    claim.finish(result=as_json(result), now=now)
    return True


def people_left(reached: Reached, since: datetime) -> Iterator[Sequence[int]]:
    """Yield the people of the organization who are still to be looked at, a piece at a time."""
    people = people_of(reached.organization)
    outcomes = outcomes_estimate(reached.organization, since, errors=True)
    left = [each for each in people if each > reached.person]
    at_once = people_at_once(len(people), outcomes)
    for start in range(0, len(left), at_once):
        yield left[start : start + at_once]


def people_at_once(people: int, outcomes: int) -> int:
    """Return how many people make a piece, where `people` have about so many outcomes."""
    return max(1, min(PEOPLE_AT_ONCE, SLICE * people // max(1, outcomes)))


def since_of(claim: Claim, now: datetime) -> datetime:
    return now - timedelta(days=claim.run.days)


def people_rejudge(claim: Claim, reached: Reached, people: Sequence[int], now: datetime) -> None:
    """Judge the outcomes of some people again, and fold anew the health of whom that concerns.

    An attempt whose newest verdict is what the rules say now is left alone.
    """
    turns = judged_again(claim, Span(reached.organization, people, since_of(claim, now), now))
    with transaction.atomic():
        # First of all the run is written to, and so locked: nobody else takes it up meanwhile.
        claim.hold()
        rejudgements_append(turns.rejudged, now=now)
        moved = health_follow(turns.since, now)
        reached.add(people[-1], found(claim, reached, len(people), turns, moved))
        claim.keep(reached.written())


def judged_again(claim: Claim, span: Span) -> Turns:
    """Read the outcomes of a span and judge them by the rules in force; nothing is written yet."""
    claim.add(0)
    rules = rule_sets_of([span.organization_id])[span.organization_id]
    interpreter = Interpreter(rules)
    turns = Turns(rules.version)
    rows = outcomes_read(span, errors=True)
    for start in range(0, len(rows), STEP):
        for person_id, outcome, error in rows[start : start + STEP]:
            verdict = interpreter.interpret(read_error(error or "null"))
            said = said_by(verdict)
            if said != (outcome.interpretation, outcome.rule):
                turn = (outcome.interpretation, outcome.rule, *said)
                again = Rejudged(outcome.attempt_id, span.organization_id, person_id, verdict)
                turns.note(turn, again, outcome.finished_at)
        claim.add(len(rows[start : start + STEP]))
    turns.looked_at = len(rows)
    return turns


class Turns:
    """The verdicts that are given again, and from when on each person's health is to be folded.

    `looked_at` counts the outcomes that were judged by the rules of `rules_version`.
    """

    def __init__(self, rules_version: int) -> None:
        self.rules_version = rules_version
        self.looked_at = 0
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
    """Fold anew the health of people whose verdicts have changed; return who stands otherwise.

    In the caller's transaction, which keeps their health locked.
    """
    # Locked first, in the order of all who lock health: what it was before is what is folded.
    before = standings(health_of(since).order_by("person").select_for_update(of=("self",)))
    folded = health_fold_anew(since, shields_since, now=now)
    after = standings(health_of(folded))
    return [
        Moved(person_id, 0, (span_between(now, stood, standing),))
        for person_id, standing in sorted(after.items())
        if (stood := before.get(person_id)) is not None and differs(stood, standing)
    ]


def health_of(people: Collection[int]) -> QuerySet[Health]:
    return Health.objects.filter(person__in=list(people))


def standings(health: QuerySet[Health]) -> dict[int, Standing]:
    rows = health.values_list("person", "status", "cause")
    return {person: Standing(status, cause) for person, status, cause in rows}


def span_between(now: datetime, before: Standing, after: Standing) -> MovedSpan:
    return MovedSpan(now, None, before.status, before.cause, after.status, after.cause)


def found(
    claim: Claim, reached: Reached, people: int, turns: Turns, moved: Sequence[Moved]
) -> BackTestResult:
    outcomes, changed = turns.looked_at, len(turns.rejudged)
    shifts = (Shift(*turn, n, len(turns.people[turn])) for turn, n in turns.outcomes.items())
    whole = OrganizationMoved(reached.organization, outcomes, changed, people, len(moved))
    return BackTestResult(
        version=version_text(turns.rules_version),
        days=claim.run.days,
        outcomes=outcomes,
        outcomes_changed=changed,
        people=people,
        people_moved=len(moved),
        breakdown=most_outcomes(shifts),
        moved=tuple(moved[:MOST_PEOPLE]),
        organizations=(whole,),
    )
