"""Taking the demo's past in, oldest first, and looking at it when something may have changed."""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from random import Random

from accounts.models import Person
from monitoring.errors.interpretation import built_in_rules
from monitoring.intake.record import ReportedOutcome, outcomes_record
from synccenter.demo.alerts import look, look_for_incidents, next_look
from synccenter.demo.cast import Part
from synccenter.demo.past import (
    DAYS,
    LAPTOP_CLOSED,
    TROUBLE_STARTED,
    WENT_SILENT,
    PastRun,
    past_of,
    trouble_began,
)

BATCH = 1_000
# The past was looked at on the half minutes of the clock, as a rehearsal of it does.
TICK = timedelta(seconds=30)
DAY = timedelta(days=1)
# Before this it is only looked at the outage.
LOOKED_AT = timedelta(days=7)
# So many in a row prove what is the matter with somebody; more change nothing.
PROOF = 2
# From then on nothing may be heard of them for so long that it is news.
QUIET_FROM = {Part.SILENT: WENT_SILENT, Part.LAPTOP: LAPTOP_CLOSED}

Cast = dict[Person, Part]
# Something that happened at a moment of the past, and what makes it so.
Happening = tuple[datetime, Callable[[datetime], object]]


def past_record(
    cast: Cast, now: datetime, random: Random, happened: Iterable[Happening] = ()
) -> int:
    """Take everybody's past in, oldest first, as it would have come; return how many outcomes.

    What else happened is done as soon as all that ended before it has been taken in.
    """
    rules = built_in_rules()
    runs = [
        (run, person) for person, part in cast.items() for run in past_of(part, rules, now, random)
    ]
    runs.sort(key=lambda each: each[0].finished_at)
    outcomes = [reported(run, person) for run, person in runs]
    begins = [(now - since, look) for since in QUIET_FROM.values()]
    looks = [(tick_from(at), at_it) for at, at_it in [*begins, *looks_at(runs, cast, now)]]
    in_time = (each for each in [*happened, *looks] if each[0] <= now)
    fixed = sorted(in_time, key=lambda each: each[0])
    taken, past = 0, now - DAYS * DAY
    for at, happen in [*fixed, (now, None)]:
        while now - past < LOOKED_AT:
            due = next_look(past, quiet_at(past, cast, now))
            if due is None or tick_from(due) > at:
                break
            past = tick_from(due)
            taken = take_until(outcomes, taken, past)
            look(past)
        taken, past = take_until(outcomes, taken, at), at
        if happen is not None:
            happen(at)
    return len(outcomes)


def tick_from(moment: datetime) -> datetime:
    """Return the first tick from a moment on. Pure."""
    return moment + (datetime.min.replace(tzinfo=moment.tzinfo) - moment) % TICK


def quiet_at(moment: datetime, cast: Cast, now: datetime) -> Collection[int]:
    """Return of whom it is news, at a moment, that nothing is heard any more."""
    return [
        person.pk
        for person, part in cast.items()
        if part in QUIET_FROM and now - moment <= QUIET_FROM[part]
    ]


def looks_at(
    runs: Iterable[tuple[PastRun, Person]], cast: Cast, now: datetime
) -> Iterator[Happening]:
    """Yield the looks after runs that are news of whoever has a trouble; runs in order of time.

    Where all of an organization fail it is looked after each.
    """
    lately = now - TROUBLE_STARTED[Part.MAINTENANCE]
    began = {part: trouble_began(part, now) or now for part in Part}
    failed: Counter[Person] = Counter()
    for run, person in runs:
        part = cast[person]
        if run.error and run.finished_at > lately:
            yield run.finished_at, look_for_incidents
        elif run.finished_at > began[part]:
            before, failed[person] = failed[person], failed[person] + 1 if run.error else 0
            if is_news(part, before, failed[person]):
                yield run.finished_at, look


def is_news(part: Part, before: int, failed: int) -> bool:
    """Tell whether a run may change how somebody stands, by the failures in a row up to it. Pure.

    What proves a trouble does, what ends it, and each that is heard of who was silent.
    """
    return failed == PROOF or (before >= PROOF and not failed) or part is Part.LAPTOP


def take_until(outcomes: Sequence[ReportedOutcome], taken: int, at: datetime) -> int:
    """Take in what ended before a moment; return how many outcomes are taken in then."""
    until = bisect(outcomes, at, key=lambda each: each.finished_at)
    for start in range(taken, until, BATCH):
        batch = outcomes[start : min(start + BATCH, until)]
        outcomes_record(batch, now=batch[-1].finished_at)
    return until


def reported(run: PastRun, person: Person) -> ReportedOutcome:
    return ReportedOutcome(
        run.attempt_id,
        person.organization_id,
        person.pk,
        run.trigger,
        run.started_at,
        run.finished_at,
        run.result,
        run.error,
        run.counts,
    )
