"""What a batch of outcomes changes in the counts by which incidents are found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import connection

from monitoring.health.fold import JudgedOutcome, Runs
from monitoring.health.store import Folded
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


def person_pulses(folded: Folded, now: datetime) -> Iterator[tuple[PulseKey, int]]:
    """Yield how one person's latest run moved: out of the pulse before, into the one after. Pure.

    What no window reaches any more changes nothing.
    """
    before, after = (latest_pulse(folded.organization_id, runs, now) for runs in folded[1:])
    if before != after:
        if before is not None:
            yield before, -1
        if after is not None:
            yield after, 1


def latest_pulse(organization_id: int, runs: Runs, now: datetime) -> PulseKey | None:
    """Return under what a person's latest run is counted, if a window can still reach it. Pure."""
    at = runs.last_attempt_at
    if at is None or at < now - HORIZON:
        return None
    return organization_id, minute_of(at), pulse_name(runs.last_signature, runs.in_incident)


def pulses_record(
    judged: Mapping[int, Sequence[JudgedOutcome]], folded: Mapping[int, Folded], *, now: datetime
) -> None:
    """Append what outcomes, by person id, change; `folded` is what became of each person.

    Runs in the caller's transaction.
    """
    attempts: defaultdict[PulseKey, int] = defaultdict(int)
    oldest = now - HORIZON
    for person, outcomes in judged.items():
        organization_id = folded[person].organization_id
        for outcome in outcomes:
            if outcome.finished_at >= oldest:
                name = pulse_name(outcome.signature, outcome.penalty_held)
                attempts[organization_id, minute_of(outcome.finished_at), name] += 1
    pulses_append(people_moved(folded.values(), now), attempts)


def pulses_move(folded: Iterable[Folded], *, now: datetime) -> None:
    """Append what folding anew changes: whose latest run an incident explains that was found later.

    Runs in the caller's transaction.
    """
    pulses_append(people_moved(folded, now), {})


def people_moved(folded: Iterable[Folded], now: datetime) -> Mapping[PulseKey, int]:
    people: defaultdict[PulseKey, int] = defaultdict(int)
    for each in folded:
        for key, moved in person_pulses(each, now):
            people[key] += moved
    return people


def pulses_append(people: Mapping[PulseKey, int], attempts: Mapping[PulseKey, int]) -> None:
    rows = [
        (*key, people.get(key, 0), attempts.get(key, 0))
        for key in people.keys() | attempts.keys()
        if people.get(key) or attempts.get(key)
    ]
    if rows:
        with connection.cursor() as cursor:
            copy(cursor, "incidents_pulse", COLUMNS, rows)
