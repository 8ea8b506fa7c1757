"""Running one rehearsal: play the outcomes of a past time, and write down what would be sent.

It queues and sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from django.conf import settings
from django.db import transaction

from monitoring.alerts.targets import waits_of
from monitoring.errors.candidates import candidate_sets_of
from monitoring.errors.rulebook import rule_sets_of
from monitoring.errors.ruleset import RuleSet
from monitoring.errors.versions import version_text
from monitoring.health.intervals import own_intervals_of
from monitoring.health.store import policies_of
from monitoring.intake.ingest import collection_paused
from monitoring.replay.backtest import OtherVerdicts
from monitoring.replay.claims import Claim
from monitoring.replay.history import Row, Span, outcomes_estimate, people_of, slices_read
from monitoring.replay.models import BackTest
from monitoring.replay.numbers import Numbers
from monitoring.replay.rehearsal import Rehearsal
from monitoring.replay.rehearsal_result import MOST_KEPT, MOST_MESSAGES, RehearsalResult, RouteThen
from monitoring.replay.rehearsal_words import Words, kept_back, messages_of
from monitoring.replay.running import STEP, read_error
from monitoring.replay.scene import Time
from monitoring.replay.scenery import Cast, cast_of, scene_of
from monitoring.replay.stored import as_json

# What went on when the time began, and whom it was told, is found by playing so much before it.
BEFORE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rehearsal is to play: from when to when, by which rules, whom it tells."""

    organization_id: int
    since: datetime
    until: datetime
    in_force: RuleSet
    candidate: RuleSet | None
    cast: Cast

    @property
    def rules(self) -> RuleSet:
        return self.candidate or self.in_force

    @property
    def version(self) -> str:
        said = version_text(self.in_force.version)
        return f"{said} with this change" if self.candidate else said


def rehearsal_run(claim: Claim, *, now: datetime, may_go_on: Callable[[], bool]) -> bool:
    """Run a rehearsal and store what it found. Raises what `Claim` raises."""
    asked = asked_of(claim.run, now)
    played = played_by(claim, asked, support=claim.run.is_for_support)
    result = result_of(played, asked)
    with transaction.atomic():
        claim.finish(result=as_json(result), now=now)
    return True


def asked_of(run: BackTest, now: datetime) -> Asked:
    organization_id, since = run.organization_id, run.starts_at
    if organization_id is None or since is None:
        raise ValueError("a rehearsal is of an organization and a time")
    tried = None
    if run.routes is not None:
        tried = [each.facts for each in msgspec.convert(run.routes, list[RouteThen])]
    ids = [organization_id]
    change = run.change
    return Asked(
        organization_id=organization_id,
        since=since,
        until=min(since + timedelta(days=run.days), now),
        in_force=rule_sets_of(ids)[organization_id],
        candidate=None if change is None else candidate_sets_of(change, ids)[organization_id],
        cast=cast_of(organization_id, tried, now, support=run.is_for_support),
    )


def played_by(claim: Claim, asked: Asked, *, support: bool) -> Rehearsal:
    """Play all outcomes of the time, and of a while before it."""
    ids, begin = [asked.organization_id], asked.since - BEFORE
    numbers = Numbers(
        policy=policies_of(ids)[asked.organization_id],
        own_intervals=own_intervals_of(asked.organization_id),
        waits=waits_of(ids)[asked.organization_id],
        tick=int(settings.TICK_SECONDS),
    )
    time = Time(begin, asked.until)
    rehearsal = Rehearsal(
        organization_id=asked.organization_id,
        targets=asked.cast.targets,
        service=asked.cast.service,
        scene=scene_of(
            asked.organization_id, asked.rules, asked.cast.targets, time, support=support
        ),
        numbers=numbers,
        since=begin,
    )
    verdicts = OtherVerdicts(asked.candidate, asked.in_force) if asked.candidate else None
    span = Span(asked.organization_id, people_of(asked.organization_id), begin, asked.until)
    expected = outcomes_estimate(asked.organization_id, begin)
    claim.expect(expected)
    with collection_paused():
        for rows in slices_read(span, expected):
            take_slice(rehearsal, verdicts, rows, claim)
    rehearsal.finish(asked.until)
    return rehearsal


def take_slice(
    rehearsal: Rehearsal, verdicts: OtherVerdicts | None, rows: list[Row], claim: Claim
) -> None:
    for start in range(0, len(rows), STEP):
        for person_id, outcome, error in rows[start : start + STEP]:
            if verdicts is not None and error is not None:
                outcome = verdicts.on(outcome, read_error(error))
            rehearsal.play(person_id, outcome)
        claim.add(len(rows[start : start + STEP]))
    rehearsal.forget_changes()


def result_of(played: Rehearsal, asked: Asked) -> RehearsalResult:
    """Return what of it falls into the time that was asked for, as it would have been said."""
    words = Words.of(asked.organization_id, asked.rules, asked.cast.routes)
    messages = messages_of(played.notices.sent, asked.since, words)
    kept = [kept_back(each, words) for each in played.notices.kept if each.at >= asked.since]
    return RehearsalResult(
        since=asked.since,
        until=asked.until,
        version=asked.version,
        outcomes=played.outcomes,
        people=len(played.people),
        messages=tuple(messages[:MOST_MESSAGES]),
        messages_total=len(messages),
        kept=tuple(kept[:MOST_KEPT]),
        kept_total=len(kept),
    )
