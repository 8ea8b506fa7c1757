"""Running one rehearsal: play the outcomes of a past time, and write down what would be sent.

It queues and sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
from monitoring.replay.rehearsal_difference import compared, difference_of
from monitoring.replay.rehearsal_result import MOST_KEPT, MOST_MESSAGES, RehearsalResult, RouteThen
from monitoring.replay.rehearsal_words import Words, kept_back, messages_of
from monitoring.replay.running import STEP, read_error
from monitoring.replay.scene import Scene, Time
from monitoring.replay.scenery import Cast, casts_of, scene_of, set_for
from monitoring.replay.stored import as_json

# What went on when the time began, and whom it was told, is found by playing so much before it.
BEFORE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Side:
    """By which rules, and to whom: as it is in force, or as it is tried."""

    rules: RuleSet
    cast: Cast


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rehearsal is to play, from when to when; `tried` is None where nothing is."""

    organization_id: int
    since: datetime
    until: datetime
    in_force: Side
    tried: Side | None

    @property
    def sides(self) -> list[Side]:
        """Return the sides to be played, what is to be shown last."""
        return [self.in_force] if self.tried is None else [self.in_force, self.tried]

    @property
    def version(self) -> str:
        said, rules = version_text(self.in_force.rules.version), self.sides[-1].rules
        return said if rules is self.in_force.rules else f"{said} with this change"


@dataclass(frozen=True, slots=True)
class Play:
    """One side as it is played; `verdicts` where its rules are not those in force."""

    rehearsal: Rehearsal
    verdicts: OtherVerdicts | None

    def take(self, rows: Sequence[Row]) -> None:
        for person_id, outcome, error in rows:
            if self.verdicts is not None and error is not None:
                outcome = self.verdicts.on(outcome, read_error(error))
            self.rehearsal.play(person_id, outcome)


def rehearsal_run(claim: Claim, *, now: datetime, may_go_on: Callable[[], bool]) -> bool:
    """Run a rehearsal and store what it found. Raises what `Claim` raises."""
    asked = asked_of(claim.run, now)
    result = result_of(played_by(claim, asked, support=claim.run.is_for_support), asked)
    with transaction.atomic():
        claim.finish(result=as_json(result), now=now)
    return True


def asked_of(run: BackTest, now: datetime) -> Asked:
    organization_id, since = run.organization_id, run.starts_at
    if organization_id is None or since is None:
        raise ValueError("a rehearsal is of an organization and a time")
    ids, routes, change = [organization_id], None, run.change
    if run.routes is not None:
        routes = [each.facts for each in msgspec.convert(run.routes, list[RouteThen])]
    rules = tried_rules = rule_sets_of(ids)[organization_id]
    if change is not None:
        tried_rules = candidate_sets_of(change, ids)[organization_id]
    cast, tried_cast = casts_of(organization_id, routes, now, support=run.is_for_support)
    is_tried = change is not None or routes is not None
    return Asked(
        organization_id=organization_id,
        since=since,
        until=min(since + timedelta(days=run.days), now),
        in_force=Side(rules, cast),
        tried=Side(tried_rules, tried_cast) if is_tried else None,
    )


def played_by(claim: Claim, asked: Asked, *, support: bool) -> list[Rehearsal]:
    """Play all outcomes of the time, and of a while before it, on each side; read them once."""
    begin = asked.since - BEFORE
    plays = plays_of(asked, Time(begin, asked.until), support=support)
    span = Span(asked.organization_id, people_of(asked.organization_id), begin, asked.until)
    expected = outcomes_estimate(asked.organization_id, begin)
    claim.expect(expected)
    with collection_paused():
        for rows in slices_read(span, expected):
            take_slice(plays, rows, claim)
    for play in plays:
        play.rehearsal.finish(asked.until)
    return [play.rehearsal for play in plays]


def plays_of(asked: Asked, time: Time, *, support: bool) -> list[Play]:
    ids = [asked.organization_id]
    numbers = Numbers(
        policy=policies_of(ids)[asked.organization_id],
        own_intervals=own_intervals_of(asked.organization_id),
        waits=waits_of(ids)[asked.organization_id],
        tick=int(settings.TICK_SECONDS),
    )
    scene = scene_of(asked.organization_id, time, support=support)
    return [play_of(side, asked, scene, numbers, time.since) for side in asked.sides]


def play_of(side: Side, asked: Asked, scene: Scene, numbers: Numbers, since: datetime) -> Play:
    rehearsal = Rehearsal(
        organization_id=asked.organization_id,
        targets=side.cast.targets,
        service=side.cast.service,
        scene=set_for(scene, side.rules, side.cast.targets),
        numbers=numbers,
        since=since,
    )
    is_other = side.rules is not asked.in_force.rules
    return Play(rehearsal, OtherVerdicts(side.rules, asked.in_force.rules) if is_other else None)


def take_slice(plays: Sequence[Play], rows: Sequence[Row], claim: Claim) -> None:
    for start in range(0, len(rows), STEP):
        step = rows[start : start + STEP]
        for play in plays:
            play.take(step)
        claim.add(len(step))
    for play in plays:
        play.rehearsal.forget_changes()


def result_of(played: Sequence[Rehearsal], asked: Asked) -> RehearsalResult:
    """Return what of it falls into the time that was asked for, as it would have been said.

    Where something was tried that is shown, and how it differs from the other play.
    """
    shown, side = played[-1], asked.sides[-1]
    words = words_by(side, asked)
    messages = messages_of(shown.notices.sent, asked.since, words)
    kept = [kept_back(each, words) for each in shown.notices.kept if each.at >= asked.since]
    result = RehearsalResult(
        since=asked.since,
        until=asked.until,
        version=asked.version,
        outcomes=shown.outcomes,
        people=len(shown.people),
        messages=tuple(messages[:MOST_MESSAGES]),
        messages_total=len(messages),
        kept=tuple(kept[:MOST_KEPT]),
        kept_total=len(kept),
    )
    if asked.tried is None:
        return result
    before = messages_of(played[0].notices.sent, asked.since, words_by(asked.in_force, asked))
    marked, gone = compared(before, messages, timedelta(seconds=settings.TICK_SECONDS))
    return replace(
        result,
        messages=tuple(marked[:MOST_MESSAGES]),
        gone=tuple(gone[:MOST_MESSAGES]),
        difference=difference_of(marked, gone),
    )


def words_by(side: Side, asked: Asked) -> Words:
    return Words.of(asked.organization_id, side.rules, side.cast.routes)
