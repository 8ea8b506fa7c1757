"""The shell around the fold: lock Health rows, call the pure functions, write what came of it.

Rows are always locked in the order of person ids, so two batches never wait for each other in a
circle. All of it happens in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from monitoring.health.change import (
    Change,
    HealthFacts,
    look_again,
    take_in,
    take_in_again,
    take_in_late,
)
from monitoring.health.fold import (
    JudgedOutcome,
    PolicyFacts,
    Runs,
    Standing,
    severity,
    unwell_since,
    with_own_base,
)
from monitoring.health.histories import histories_read
from monitoring.health.models import Policy
from monitoring.health.shields import ShieldsSince, no_shields
from monitoring.outcomes.staging import copy, fetch, joined, stage

RUNS = [field.name for field in fields(Runs)]
assert RUNS[-1] == "evidence"
# A tuple would be written as something else than an array.
EVIDENCE = RUNS.index("evidence")
POLICY = [field.name for field in fields(PolicyFacts)]

# Name and type of each written column: the key, the runs, then where the person stands.
all_runs = attrgetter(*RUNS)
COLUMNS = {
    "person_id": "int8",
    "awaiting_since": "timestamptz",
    "last_attempt_id": "uuid",
    "last_attempt_at": "timestamptz",
    "last_result": "text",
    "last_success_at": "timestamptz",
    "failures": "int4",
    "failing_since": "timestamptz",
    "last_rule": "text",
    "last_interpretation": "text",
    "rules_version": "int4",
    "suspect_interpretation": "text",
    "suspect_rule": "text",
    "suspect_at": "timestamptz",
    "confirmed_at": "timestamptz",
    "recent": "text",
    "interval": "int4",
    "expected_at": "timestamptz",
    "not_before": "timestamptz",
    "last_signature": "text",
    "in_incident": "bool",
    "evidence": "uuid[]",
    "status": "text",
    "cause": "text",
    "severity": "int2",
    "check_at": "timestamptz",
    "status_since": "timestamptz",
    "unwell_since": "timestamptz",
    "next_due": "timestamptz",
    "hold_id": "int8",
}
TRANSITION_COLUMNS = {
    "organization_id": "int8",
    "person_id": "int8",
    "at": "timestamptz",
    "from_status": "text",
    "to_status": "text",
    "from_cause": "text",
    "to_cause": "text",
    "from_interval": "int4",
    "to_interval": "int4",
    "rules_version": "int4",
    "evidence": "uuid[]",
}

LOCK = f"""
    SELECT person_id, organization_id, own_interval, hold_id, status, cause, check_at, status_since,
        evidence, {", ".join(RUNS[:-1])}
    FROM health_health WHERE person_id = ANY(string_to_array(%s, chr(31))::bigint[])
    ORDER BY person_id FOR UPDATE
"""  # noqa: S608 - made of constants
# What a good run of a healthy person changes; most batches are made of these.
OFTEN = (
    "person_id",
    "last_attempt_id",
    "last_attempt_at",
    "last_success_at",
    "recent",
    "expected_at",
    "check_at",
    "next_due",
)


class Folded(NamedTuple):
    """What folding did to one person: their organization, their runs before and after."""

    organization_id: int
    before: Runs
    after: Runs


class Row(NamedTuple):
    """One locked Health row. `own_interval` is the person's base interval where they have one."""

    organization_id: int
    own_interval: int | None
    facts: HealthFacts


# What to do with one person's facts under the policy in force for them.
Step = Callable[[int, HealthFacts, PolicyFacts], tuple[HealthFacts, list[Change]]]


def health_fold(
    judged: Mapping[int, Sequence[JudgedOutcome]], shields_since: ShieldsSince = no_shields
) -> dict[int, Folded]:
    """Fold newly appended outcomes, by person id, into health.

    They come marked where an incident explains them; `shields_since` is asked for the incidents of
    those that must be folded anew because one arrived late. Returns what became of each person.
    """
    locked = lock(judged.keys())
    late = {
        person: min(outcome.finished_at for outcome in judged[person])
        for person, (_, _, facts) in locked.items()
        if any(facts.runs.is_late(outcome) for outcome in judged[person])
    }
    histories = histories_read(late, organizations_of(locked), shields_since) if late else {}

    def step(
        person: int, facts: HealthFacts, policy: PolicyFacts
    ) -> tuple[HealthFacts, list[Change]]:
        if person in late:
            return take_in_late(facts, histories[person], policy)
        return take_in(facts, judged[person], policy)

    return folded(locked, advance(locked, step))


def health_fold_anew(
    since: Mapping[int, datetime], shields_since: ShieldsSince, *, now: datetime | None = None
) -> dict[int, Folded]:
    """Fold people's outcomes anew from the last good run before a moment, given by person id.

    For when what is known about the past has changed: an incident that was found, or a verdict
    given again. What changes by it bears the time of the last run, or of `now`. Returns what became
    of each person.
    """
    locked = lock(since.keys())
    wanted = {person: since[person] for person in locked}
    histories = histories_read(wanted, organizations_of(locked), shields_since)

    def step(
        person: int, facts: HealthFacts, policy: PolicyFacts
    ) -> tuple[HealthFacts, list[Change]]:
        history = histories[person]
        if not history:
            return facts, []
        if now is None:
            return take_in_late(facts, history, policy)
        return take_in_again(facts, history, policy, now)

    return folded(locked, advance(locked, step))


def folded(locked: Mapping[int, Row], after: Mapping[int, HealthFacts]) -> dict[int, Folded]:
    return {
        person: Folded(organization, facts.runs, after[person].runs)
        for person, (organization, _, facts) in locked.items()
    }


def health_look_again(person_ids: Collection[int], *, now: datetime) -> int:
    """Judge people anew at `now` without any outcome; return how many there were."""
    return len(advance(lock(person_ids), lambda _, facts, policy: look_again(facts, policy, now)))


def advance(locked: Mapping[int, Row], step: Step) -> dict[int, HealthFacts]:
    """Take a step with each locked person, write what came of it, and return that."""
    policies = policies_of({organization for organization, _, _ in locked.values()})
    after: dict[int, HealthFacts] = {}
    changes: list[tuple[int, int, Change]] = []
    for person, (organization, own_interval, facts) in locked.items():
        policy = policies[organization]
        if own_interval is not None:
            policy = with_own_base(policy, own_interval)
        after[person], changed = step(person, facts, policy)
        changes += [(organization, person, change) for change in changed]
    write(locked, after, changes)
    return after


def lock(person_ids: Collection[int]) -> dict[int, Row]:
    """Lock the Health rows of the people; return them by person id."""
    rows = fetch(LOCK, [joined(person_ids)])
    return {row[0]: Row(row[1], row[2], read(*row[3:])) for row in rows}


def organizations_of(locked: Mapping[int, Row]) -> dict[int, int]:
    return {person: row.organization_id for person, row in locked.items()}


def read(
    hold: int | None,
    status: str,
    cause: str,
    check_at: datetime | None,
    status_since: datetime,
    evidence: list[UUID],
    *runs: Any,
) -> HealthFacts:
    """Make the facts of one row of LOCK."""
    return HealthFacts(
        Runs(*(*runs, tuple(evidence))), Standing(status, cause, check_at), status_since, hold
    )


def policies_of(organization_ids: Collection[int]) -> dict[int, PolicyFacts]:
    """Return the policy in force by organization; the built-in numbers where none was set."""
    stored = {
        row[0]: PolicyFacts(*row[1:])
        for row in Policy.objects.filter(organization_id__in=organization_ids).values_list(
            "organization_id", *POLICY
        )
    }
    return {id_: stored.get(id_, PolicyFacts()) for id_ in organization_ids}


def write(
    before: Mapping[int, Row],
    after: Mapping[int, HealthFacts],
    changes: Sequence[tuple[int, int, Change]],
) -> None:
    """Store Health rows and append their transitions.

    Rows in which little changed are written by a statement of fewer columns, which halves the cost.
    """
    little: list[tuple[Any, ...]] = []
    much: list[tuple[Any, ...]] = []
    for person, facts in after.items():
        if seldom(facts) == seldom(before[person].facts):
            little.append(often(person, facts))
        else:
            much.append(values(person, facts))
    with connection.cursor() as cursor:
        if little:
            update(cursor, "health_staged_little", {name: COLUMNS[name] for name in OFTEN}, little)
        if much:
            update(cursor, "health_staged", COLUMNS, much)
        if changes:
            copy(cursor, "health_transition", TRANSITION_COLUMNS, map(transition, changes))


def update(
    cursor: Any, table: str, columns: Mapping[str, str], rows: list[tuple[Any, ...]]
) -> None:
    """Write rows, the person's id first, into Health by way of a staging table."""
    batch = stage(cursor, table, columns, rows)
    assignments = ", ".join(f"{name} = staged.{name}" for name in columns if name != "person_id")
    cursor.execute(
        f"UPDATE health_health SET {assignments} FROM {table} staged "  # noqa: S608 - constants
        "WHERE staged.batch = %s AND health_health.person_id = staged.person_id",
        [batch],
    )


def values(person: int, facts: HealthFacts) -> tuple[Any, ...]:
    """Return a row in the order of COLUMNS."""
    runs, standing = facts.runs, facts.standing
    told = list(all_runs(runs))
    told[EVIDENCE] = list(runs.evidence)
    return (
        person,
        *told,
        standing.status,
        standing.cause,
        severity(standing),
        standing.check_at,
        facts.status_since,
        unwell_since(runs, standing),
        None if facts.hold_id else runs.expected_at,
        facts.hold_id,
    )


seldom = attrgetter(
    "standing.status",
    "standing.cause",
    "status_since",
    "hold_id",
    *(f"runs.{name}" for name in RUNS if name not in OFTEN),
)


def often(person: int, facts: HealthFacts) -> tuple[Any, ...]:
    """Return what changes often, in the order of OFTEN."""
    runs = facts.runs
    return (
        person,
        runs.last_attempt_id,
        runs.last_attempt_at,
        runs.last_success_at,
        runs.recent,
        runs.expected_at,
        facts.standing.check_at,
        None if facts.hold_id else runs.expected_at,
    )


def transition(row: tuple[int, int, Change]) -> tuple[Any, ...]:
    organization, person, change = row
    return (
        organization,
        person,
        change.at,
        change.before.status,
        change.after.status,
        change.before.cause,
        change.after.cause,
        change.from_interval,
        change.to_interval,
        change.rules_version,
        list(change.evidence),
    )
