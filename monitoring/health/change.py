"""What outcomes, and the passing of time, change about a person's health. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from monitoring.health.fold import (
    JudgedOutcome,
    PolicyFacts,
    Runs,
    Standing,
    fold,
    fold_all,
    jittered,
    judge,
    share_of,
)


@dataclass(frozen=True, slots=True)
class HealthFacts:
    """One Health row: the runs, where the person stands, and since when."""

    runs: Runs
    standing: Standing
    status_since: datetime
    hold_id: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One change of status or interval, as a Transition row records it."""

    at: datetime
    before: Standing
    after: Standing
    from_interval: int
    to_interval: int
    rules_version: int | None
    evidence: tuple[UUID, ...]


def take_in(
    facts: HealthFacts, outcomes: Sequence[JudgedOutcome], policy: PolicyFacts
) -> tuple[HealthFacts, list[Change]]:
    """Fold outcomes that are later than all before, each judged at its own time.

    How they were cut into batches makes no difference. What the time since then has changed is
    seen by `look_again`, which is due at `standing.check_at`.
    """
    changes: list[Change] = []
    for outcome in sorted(outcomes, key=lambda o: o.order) if len(outcomes) > 1 else outcomes:
        runs = fold(facts.runs, outcome, policy)
        facts = settle(facts, runs, policy, outcome.finished_at, changes)
    return facts, changes


def take_in_late(
    facts: HealthFacts, history: Sequence[JudgedOutcome], policy: PolicyFacts
) -> tuple[HealthFacts, list[Change]]:
    """Fold anew where an outcome arrived after a later one.

    `history` holds all outcomes since the last good run before the late one, itself included, and
    at least the last 24. What was recorded stays; the difference it makes is one change.
    """
    changes: list[Change] = []
    fresh = Runs(awaiting_since=facts.runs.awaiting_since, interval=policy.base_interval)
    runs = fold_all(fresh, list(history), policy)
    at = max(outcome.finished_at for outcome in history)
    return settle(facts, runs, policy, at, changes), changes


def take_in_again(
    facts: HealthFacts, history: Sequence[JudgedOutcome], policy: PolicyFacts, now: datetime
) -> tuple[HealthFacts, list[Change]]:
    """Fold anew, at `now`, outcomes of which some were given another verdict.

    As `take_in_late`, but the person's health changes now, not when they last ran.
    """
    after, changes = take_in_late(facts, history, policy)
    if not changes:
        return after, changes
    at = max(now, changes[0].at)
    since = at if after.standing.status != facts.standing.status else facts.status_since
    return replace(after, status_since=since), [replace(change, at=at) for change in changes]


def look_again(
    facts: HealthFacts, policy: PolicyFacts, now: datetime
) -> tuple[HealthFacts, list[Change]]:
    """See what the passing of time alone has changed."""
    changes: list[Change] = []
    return settle(facts, facts.runs, policy, now, changes), changes


def take_hold(
    facts: HealthFacts,
    hold_id: int | None,
    policy: PolicyFacts,
    now: datetime,
    wait: timedelta = timedelta(),
) -> tuple[HealthFacts, list[Change]]:
    """Put a person under a hold, or under none; who comes back is due at once, or after a wait.

    The time spent held is neither failure nor silence.
    """
    runs = facts.runs
    if hold_id is None and facts.hold_id is not None and was_ever_run(runs):
        allowed = max(now + wait, runs.not_before or now)
        runs = replace(runs, awaiting_since=now, expected_at=allowed)
    changes: list[Change] = []
    held = replace(facts, runs=runs, hold_id=hold_id)
    return settle(held, runs, policy, now, changes), changes


def take_interval(
    facts: HealthFacts, former_base: int, policy: PolicyFacts, now: datetime
) -> tuple[HealthFacts, list[Change]]:
    """Let a person follow a policy whose base interval was `former_base` until now.

    Who runs at the base follows at once. Who is slowed stays slowed until a good run, and never
    runs more often than the new base.
    """
    runs = facts.runs
    slowed = runs.interval > former_base or runs.confirmed_at is not None
    base = policy.base_interval
    interval = max(runs.interval, base) if slowed and not got_through(runs) else base
    changes: list[Change] = []
    moved = replace(runs, interval=interval, expected_at=expected_anew(runs, interval, now))
    return settle(facts, moved, policy, now, changes), changes


def expected_anew(runs: Runs, interval: int, now: datetime) -> datetime | None:
    """Return when the next run is due by another interval.

    Counted from the last attempt; whose time would have passed already is spread over one interval,
    so that many at once are no burst. Who is due stays due, and who waits for a first or an early
    try waits no longer than before.
    """
    due = runs.expected_at
    if due is None or due <= now:
        return due
    if runs.last_attempt_at is None or runs.last_attempt_id is None:
        return now + (due - now) % timedelta(seconds=interval)
    expected = runs.last_attempt_at + jittered(runs.last_attempt_id, interval)
    if expected <= now:
        wait = round(interval * share_of(runs.last_attempt_id))
        expected = min(due, now + timedelta(seconds=wait))
    if not got_through(runs):
        expected = min(due, expected)
    return max(expected, runs.not_before or expected)


def got_through(runs: Runs) -> bool:
    """Tell whether the last run, if there was one, was good."""
    return runs.last_result in {None, "success"}


def was_ever_run(runs: Runs) -> bool:
    return runs.awaiting_since is not None or runs.last_attempt_at is not None


def settle(
    facts: HealthFacts, runs: Runs, policy: PolicyFacts, at: datetime, changes: list[Change]
) -> HealthFacts:
    """Judge `runs` at a moment, note what changed, and return the facts thereafter.

    A change is recorded no earlier than the one before it: an outcome may come in after the clock
    has judged its absence.
    """
    before = facts.standing
    after = judge(runs, facts.hold_id is not None, policy, at)
    if after.status == before.status and runs.interval == facts.runs.interval:
        return HealthFacts(runs, after, facts.status_since, facts.hold_id)
    since = max(facts.status_since, at)
    changes.append(
        Change(
            since,
            before,
            after,
            facts.runs.interval,
            runs.interval,
            runs.rules_version,
            runs.evidence,
        )
    )
    if after.status == before.status:
        since = facts.status_since
    return HealthFacts(runs, after, since, facts.hold_id)
