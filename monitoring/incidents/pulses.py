"""What a batch of outcomes changes in the counts by which incidents are found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
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
# Organization, minute and signature.
PulseKey = tuple[int, datetime, str]


def minute_of(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def person_pulses(
    organization_id: int, before: Runs, outcomes: Sequence[JudgedOutcome], now: datetime
) -> Iterator[tuple[PulseKey, int, int]]:
    """Yield how one person's new outcomes change people and attempts, by pulse. Pure.

    `before` are the person's runs without them. What came in long after it happened changes
    nothing: no window reaches back that far.
    """
    oldest = now - HORIZON
    latest_at, latest_signature = before.last_attempt_at, before.last_signature
    for outcome in sorted(outcomes, key=ORDER) if len(outcomes) > 1 else outcomes:
        if outcome.finished_at < oldest:
            continue
        key = organization_id, minute_of(outcome.finished_at), outcome.signature or ""
        if latest_at is not None and outcome.finished_at < latest_at:
            yield key, 0, 1
            continue
        if latest_at is not None and latest_at >= oldest:
            yield (organization_id, minute_of(latest_at), latest_signature or ""), -1, 0
        yield key, 1, 1
        latest_at, latest_signature = outcome.finished_at, outcome.signature


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
    rows = [(*key, people[key], attempts[key]) for key in people if people[key] or attempts[key]]
    if rows:
        with connection.cursor() as cursor:
            copy(cursor, "incidents_pulse", COLUMNS, rows)
