"""What a batch of outcomes changes in the counts by which incidents are found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter

from django.db import connection

from monitoring.health.fold import JudgedOutcome, Runs
from monitoring.outcomes.staging import copy

# Longer than any window that is looked at, so that a person's earlier run in it is taken out.
HORIZON = timedelta(hours=2, minutes=10)

COLUMNS = {
    "organization_id": "int8",
    "minute": "timestamptz",
    "signature": "text",
    "people": "int4",
    "attempts": "int4",
}
ORDER = attrgetter("order")
# Before the signature of a run that an incident explains.
EXPLAINED = "~"
# Organization, minute and signature.
PulseKey = tuple[int, datetime, str]


def minute_of(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def pulse_name(signature: str | None, explained: bool) -> str:
    """Return what a run is counted under; explained ones are nothing to find an incident by."""
    if not signature:
        return ""
    return EXPLAINED + signature if explained else signature


def person_pulses(
    organization_id: int, before: Runs, outcomes: Sequence[JudgedOutcome], now: datetime
) -> Iterator[tuple[PulseKey, int, int]]:
    """Yield how one person's new outcomes change people and attempts, by pulse. Pure.

    `before` are the person's runs without them. What came in long after it happened changes
    nothing: no window reaches back that far.
    """
    oldest = now - HORIZON
    latest_at = before.last_attempt_at
    latest_name = pulse_name(before.last_signature, before.in_incident)
    for outcome in sorted(outcomes, key=ORDER) if len(outcomes) > 1 else outcomes:
        if outcome.finished_at < oldest:
            continue
        name = pulse_name(outcome.signature, outcome.penalty_held)
        key = organization_id, minute_of(outcome.finished_at), name
        if latest_at is not None and outcome.finished_at < latest_at:
            yield key, 0, 1
            continue
        if latest_at is not None and latest_at >= oldest:
            yield (organization_id, minute_of(latest_at), latest_name), -1, 0
        yield key, 1, 1
        latest_at, latest_name = outcome.finished_at, name


def pulses_record(
    judged: Mapping[int, Sequence[JudgedOutcome]],
    before: Mapping[int, tuple[int, Runs]],
    *,
    now: datetime,
) -> None:
    """Append what outcomes, by person id, change; `before` gives organization and runs until now.

    Runs in the caller's transaction.
    """
    people: defaultdict[PulseKey, int] = defaultdict(int)
    attempts: defaultdict[PulseKey, int] = defaultdict(int)
    for person, outcomes in judged.items():
        for key, moved, made in person_pulses(*before[person], outcomes, now):
            people[key] += moved
            attempts[key] += made
    pulses_append(people, attempts)


def pulses_explain(found: Iterable[tuple[int, Runs]]) -> None:
    """Count the latest runs of people anew: an incident explains them, which was found later.

    `found` gives their organizations and runs. Runs in the caller's transaction.
    """
    people: defaultdict[PulseKey, int] = defaultdict(int)
    for organization_id, runs in found:
        if runs.last_attempt_at is not None and runs.last_signature:
            minute = minute_of(runs.last_attempt_at)
            people[organization_id, minute, runs.last_signature] -= 1
            people[organization_id, minute, pulse_name(runs.last_signature, True)] += 1
    pulses_append(people, {})


def pulses_append(people: Mapping[PulseKey, int], attempts: Mapping[PulseKey, int]) -> None:
    rows = [
        (*key, number, attempts.get(key, 0))
        for key, number in people.items()
        if number or attempts.get(key)
    ]
    if rows:
        with connection.cursor() as cursor:
            copy(cursor, "incidents_pulse", COLUMNS, rows)
