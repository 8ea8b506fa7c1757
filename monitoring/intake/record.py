"""Recording valid outcomes: append, judge, fold, in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from monitoring.errors.facts import RawError
from monitoring.errors.inbox import Seen, unrecognised_note
from monitoring.errors.interpretation import RuleSet, Verdict
from monitoring.errors.rulebook import interpreter_of, rule_sets_of
from monitoring.health.fold import JudgedOutcome, signature_of
from monitoring.health.shields import hold_penalty
from monitoring.health.store import health_fold
from monitoring.incidents.active import incidents_active, shields_of, shields_since
from monitoring.incidents.hits import hits_record
from monitoring.incidents.locks import share_incidents
from monitoring.incidents.pulses import pulses_record
from monitoring.intake.counts import Key, counts_append, key_of
from monitoring.outcomes.append import outcomes_append


@dataclass(frozen=True, slots=True)
class ReportedOutcome:
    """One outcome, valid in form and of a known person. `error` and `counts` as in design §6."""

    attempt_id: UUID
    organization_id: int
    person_id: int
    trigger: str
    started_at: datetime
    finished_at: datetime
    result: str
    error: dict[str, Any] | None
    counts: dict[str, Any] | None


def outcomes_record(outcomes: Sequence[ReportedOutcome], *, now: datetime) -> set[UUID]:
    """Append the outcomes that are new, judge them by the rules in force, fold them into health.

    `now` is when they were recorded; health goes by the times of the runs. Runs in the caller's
    transaction. Returns the attempt ids appended; the others were there. Of several outcomes of
    one attempt the first counts.
    """
    share_incidents()
    rules = rule_sets_of({each.organization_id for each in outcomes if each.error is not None})
    judged: dict[UUID, tuple[ReportedOutcome, Verdict | None]] = {}
    for outcome in outcomes:
        judged.setdefault(outcome.attempt_id, (outcome, verdict_on(outcome, rules)))
    appended = outcomes_append(rows(judged.values(), now))
    new = [each for each in judged.values() if each[0].attempt_id in appended]
    if new:
        fold_into_health(new, now)
        counts_append(counted_as(*each) for each in new)
        unrecognised_note([seen for each in new if (seen := unrecognised(*each)) is not None])
    return appended


def fold_into_health(
    judged: Sequence[tuple[ReportedOutcome, Verdict | None]], now: datetime
) -> None:
    """Fold new outcomes into health and into what incidents are found and followed by."""
    organizations = {outcome.organization_id for outcome, _ in judged}
    earliest = min(outcome.finished_at for outcome, _ in judged)
    active = incidents_active(organizations, earliest)
    shields = shields_of(active)
    by_person: defaultdict[int, list[JudgedOutcome]] = defaultdict(list)
    for outcome, verdict in judged:
        found = judgement(outcome, verdict)
        if active:
            own = shields.get(outcome.organization_id, ())
            found = hold_penalty(found, outcome.person_id, own)
        by_person[outcome.person_id].append(found)
    folded = health_fold(by_person, shields_since)
    pulses_record(by_person, folded, now=now)
    hits_record(by_person, folded, active)


def verdict_on(outcome: ReportedOutcome, rules: Mapping[int, RuleSet]) -> Verdict | None:
    """Interpret the outcome's error, if it has one, by its organization's rules."""
    if outcome.error is None:
        return None
    interpreter = interpreter_of(rules[outcome.organization_id])
    return interpreter.interpret(RawError(**outcome.error))


def counted_as(outcome: ReportedOutcome, verdict: Verdict | None) -> Key:
    interpretation = None if verdict is None else verdict.interpretation
    return key_of(outcome.organization_id, outcome.finished_at, outcome.result, interpretation)


def unrecognised(outcome: ReportedOutcome, verdict: Verdict | None) -> Seen | None:
    """Return what the inbox notes of an outcome whose error no rule knows."""
    if outcome.error is None or verdict is None or verdict.rule_id is not None:
        return None
    return Seen(
        outcome.organization_id,
        outcome.person_id,
        outcome.attempt_id,
        outcome.finished_at,
        verdict.signature,
        outcome.error,
        verdict.rules_version,
    )


def judgement(outcome: ReportedOutcome, verdict: Verdict | None) -> JudgedOutcome:
    if verdict is None:
        signature = signature_of(outcome.result, None)
        return JudgedOutcome(
            outcome.attempt_id, outcome.finished_at, outcome.result, signature=signature
        )
    return JudgedOutcome(
        outcome.attempt_id,
        outcome.finished_at,
        outcome.result,
        verdict.interpretation,
        verdict.rule_id,
        verdict.rules_version,
        verdict.retry_after,
        signature_of(outcome.result, verdict.signature, verdict.interpretation),
    )


def rows(
    judged: Iterable[tuple[ReportedOutcome, Verdict | None]], now: datetime
) -> Iterable[tuple[Any, ...]]:
    """Yield the log's rows, values in the order of `monitoring.outcomes.append.COLUMNS`."""
    for outcome, verdict in judged:
        yield (
            outcome.attempt_id,
            outcome.organization_id,
            outcome.person_id,
            outcome.trigger,
            outcome.started_at,
            outcome.finished_at,
            now,
            outcome.result,
            *(
                (None, None, None, None, None)
                if verdict is None
                else (
                    verdict.interpretation,
                    verdict.rule_id,
                    verdict.rules_version,
                    verdict.signature,
                    verdict.retry_after,
                )
            ),
            as_json(outcome.error),
            as_json(outcome.counts),
        )


def as_json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
