"""The inbox of errors that no rule knows: noted as they come, settled once a rule knows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection, transaction

from monitoring.errors.drafts import draft_from
from monitoring.errors.facts import RawError
from monitoring.errors.interpretation import built_in_rules, interpret
from monitoring.errors.models import RuleChange, UnrecognisedError
from monitoring.errors.rulebook import rule_sets_of
from monitoring.errors.versions import CHANGES, number_in

__all__ = [
    "Seen",
    "draft_from",
    "unrecognised_note",
    "unrecognised_resolve",
    "unrecognised_try_again",
]

# How many open errors a rule that goes live is tried on, of most people first.
TRIED = 2_000
# And how many at once where other rules are in force.
AGAIN = 500

NOTE = """
    INSERT INTO errors_unrecognisederror AS kept (organization_id, provider, signature, first_seen,
        last_seen, outcomes, people, sample, sample_attempt_id, rules_tried)
    SELECT organization_id, provider, signature, first_seen, last_seen, outcomes, 0, sample::jsonb,
        attempt_id, rules_version
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[],
        %s::bigint[], %s::text[], %s::uuid[], %s::int[]) AS seen (organization_id, provider,
        signature, first_seen, last_seen, outcomes, sample, attempt_id, rules_version)
    ORDER BY organization_id, signature
    ON CONFLICT (organization_id, signature) DO UPDATE SET
        outcomes = kept.outcomes + excluded.outcomes,
        first_seen = least(kept.first_seen, excluded.first_seen),
        last_seen = greatest(kept.last_seen, excluded.last_seen)
    RETURNING organization_id, signature, id, resolved_at IS NOT NULL
"""
# The rows are ours since NOTE, so nobody else adds people to them meanwhile.
COUNT_PEOPLE = """
    WITH added AS (
        INSERT INTO errors_unrecognisedperson (unrecognised_id, person_id)
        SELECT * FROM unnest(%s::bigint[], %s::bigint[]) ORDER BY 1, 2
        ON CONFLICT DO NOTHING RETURNING unrecognised_id
    )
    UPDATE errors_unrecognisederror AS kept SET people = kept.people + counted.people
    FROM (SELECT unrecognised_id, count(*) AS people FROM added GROUP BY unrecognised_id) AS counted
    WHERE kept.id = counted.unrecognised_id
"""
# Rules older than the change that settled an error can't tell that it is open again.
REOPEN = """
    UPDATE errors_unrecognisederror AS kept
    SET resolved_at = NULL, resolved_by_id = NULL, rules_tried = seen.version
    FROM unnest(%s::bigint[], %s::int[], %s::int[]) AS seen (id, number, version)
    WHERE kept.id = seen.id AND seen.number >= coalesce(
        (SELECT change.number FROM errors_rulechange change WHERE change.id = kept.resolved_by_id),
        0)
"""
# `monitoring.errors.rulebook` makes the version of an organization's rules likewise.
UNTRIED = """
    WITH newest AS (
        SELECT organization_id, max(number) AS number FROM errors_rulechange
        WHERE state = 'live' GROUP BY organization_id
    ), operators AS (
        SELECT max(number) AS number FROM newest WHERE organization_id IS NULL
    )
    SELECT kept.id FROM errors_unrecognisederror AS kept CROSS JOIN operators
    LEFT JOIN newest AS own ON own.organization_id = kept.organization_id
    WHERE kept.resolved_at IS NULL AND kept.rules_tried <> coalesce(
        %(built_in)s * %(changes)s + greatest(own.number, operators.number), %(built_in)s)
    ORDER BY kept.id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """One outcome whose error no rule knew. `error` is the error as the log keeps it, masked."""

    organization_id: int
    person_id: int
    attempt_id: UUID
    finished_at: datetime
    signature: str
    error: dict[str, Any]
    rules_version: int


# The organization and the signature: what one row of the inbox stands for.
Key = tuple[int, str]


def unrecognised_note(found: Sequence[Seen]) -> None:
    """Count newly recorded outcomes with unrecognised errors, in the caller's transaction.

    Times are those of the runs, whatever order they come in; the first sample stays. An error that
    was settled and comes unrecognised again is open again. Call it last: the rows of the inbox are
    locked, in order, until the transaction ends, and many deliveries meet there.
    """
    if not found:
        return
    groups: dict[Key, list[Seen]] = {}
    for seen in found:
        groups.setdefault((seen.organization_id, seen.signature), []).append(seen)
    with connection.cursor() as cursor:
        cursor.execute(NOTE, columns(note(group) for group in groups.values()))
        noted = {(row[0], row[1]): (row[2], row[3]) for row in cursor.fetchall()}
        people = {
            (noted[key][0], seen.person_id) for key, group in groups.items() for seen in group
        }
        cursor.execute(COUNT_PEOPLE, columns(sorted(people)))
        settled = [
            (id_, *newest_rules(groups[key]))
            for key, (id_, is_settled) in noted.items()
            if is_settled
        ]
        if settled:
            cursor.execute(REOPEN, columns(settled))


def newest_rules(group: Sequence[Seen]) -> tuple[int, int]:
    """Return the number of the last change in the newest rules that judged them, and a version."""
    return max((number_in(seen.rules_version), seen.rules_version) for seen in group)


def note(group: Sequence[Seen]) -> tuple[Any, ...]:
    """Return what NOTE takes of outcomes with one and the same error."""
    sample = group[0]
    times = [seen.finished_at for seen in group]
    return (
        sample.organization_id,
        sample.error["provider"],
        sample.signature,
        min(times),
        max(times),
        len(group),
        msgspec.json.encode(sample.error).decode(),
        sample.attempt_id,
        sample.rules_version,
    )


def columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Turn rows into one array a column, as `unnest` takes them."""
    return [list(column) for column in zip(*rows, strict=True)]


def unrecognised_resolve(change: RuleChange, *, now: datetime) -> int:
    """Settle the open errors that are known since the change went live; return how many.

    Tried are those of its organization, or of all for a change of the operator's, at most TRIED.
    What is left open though it is known `unrecognised_try_again` finds. Runs in the caller's
    transaction.
    """
    if change.after is None:
        return 0
    tried = UnrecognisedError.objects.open()
    if change.organization_id is not None:
        tried = tried.filter(organization_id=change.organization_id)
    if providers := change.after.get("providers"):
        tried = tried.filter(provider__in=providers)
    rows = list(tried.most_people_first().values_list("id", "organization_id", "sample")[:TRIED])
    sets = rule_sets_of({organization for _, organization, _ in rows})
    known = [
        id_
        for id_, organization, sample in rows
        if interpret(RawError(**sample), sets[organization]).rule_id is not None
    ]
    return settle(known, change, now)


def settle(ids: Sequence[int], change: RuleChange, now: datetime) -> int:
    """Mark errors as known by a change; their rows are locked in the order deliveries take."""
    ours = UnrecognisedError.objects.open().filter(pk__in=ids).in_order_of_deliveries()
    still_open = [error.pk for error in ours.select_for_update().only("pk")]
    return UnrecognisedError.objects.filter(pk__in=still_open).update(
        resolved_at=now, resolved_by=change
    )


@transaction.atomic
def unrecognised_try_again(*, now: datetime) -> int:
    """Try open errors on the rules in force where others were tried last; settle what is known.

    For what no change brought: newer built-in rules, and errors that a change did not get to. A
    piece of at most AGAIN; returns how many were settled. They bear no change that settled them.
    What a delivery is just adding to is left for the next time.
    """
    ids = untried()
    if not ids:
        return 0
    ours = UnrecognisedError.objects.open().filter(pk__in=ids).in_order_of_deliveries()
    rows = list(
        ours.select_for_update(skip_locked=True).values_list("id", "organization_id", "sample")
    )
    sets = rule_sets_of({organization for _, organization, _ in rows})
    known: list[int] = []
    tried: dict[int, list[int]] = {}
    for id_, organization, sample in rows:
        rules = sets[organization]
        tried.setdefault(rules.version, []).append(id_)
        if interpret(RawError(**sample), rules).rule_id is not None:
            known.append(id_)
    for version, those in tried.items():
        UnrecognisedError.objects.filter(pk__in=those).update(rules_tried=version)
    return UnrecognisedError.objects.filter(pk__in=known).update(resolved_at=now)


def untried() -> list[int]:
    """Return the ids of open errors that were last tried on other rules than those in force."""
    values = {"built_in": built_in_rules().version, "changes": CHANGES, "limit": AGAIN}
    with connection.cursor() as cursor:
        cursor.execute(UNTRIED, values)
        return [id_ for (id_,) in cursor.fetchall()]
