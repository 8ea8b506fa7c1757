"""A scenario played on a stage, event by event, on a simulated clock. Pure: a seed repeats it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from random import Random

from monitoring.errors.facts import RawError
from monitoring.errors.interpretation import Interpreter, built_in_rules
from monitoring.health.fold import JudgedOutcome, Runs
from monitoring.incidents.recovery import rate_of
from monitoring.outcomes.identifiers import attempt_id_at
from monitoring.replay.judging import judged
from monitoring.replay.numbers import Numbers
from monitoring.replay.rules_of_2008 import disables_at_once
from monitoring.replay.scenario import Scenario
from monitoring.replay.stage import Stage

SHORTEST_RUN, LONGEST_RUN = 1.0, 4.0
# A run reads Google once and Salesforce twice, then writes what there is to catch up.
READS = ("google", "salesforce", "salesforce")
WRITE = "salesforce"


@dataclass(frozen=True, slots=True, order=True)
class Run:
    """A run under way: when it ends, whose it is, and what will have come of it."""

    ends_at: datetime
    person_id: int
    outcome: JudgedOutcome = field(compare=False)
    error: RawError | None = field(compare=False)


@dataclass(slots=True)
class Played:
    """What came of a scenario.

    disabled_in_2008   when the rules of 2008 would have switched each person off
    healthy_at         when, after the trouble, everybody was well; None if never
    requests           requests to the scenario's provider by second, from the trouble's end on
                       until everybody was well
    """

    scenario: Scenario
    stage: Stage
    disabled_in_2008: dict[int, datetime] = field(default_factory=dict)
    healthy_at: datetime | None = None
    requests: Counter[datetime] = field(default_factory=Counter)

    @property
    def minutes_to_all_healthy(self) -> float | None:
        if self.scenario.trouble is None or self.healthy_at is None:
            return None
        return (self.healthy_at - self.scenario.trouble[1]).total_seconds() / 60

    @property
    def max_requests_per_second(self) -> int:
        return max(self.requests.values(), default=0)


def play(scenario: Scenario, seed: int = 1, numbers: Numbers | None = None) -> Played:
    """Play a scenario from its start to its end."""
    simulation = Simulation(scenario, seed, numbers or Numbers())
    simulation.run()
    return simulation.played


class Simulation:
    """The clock, the workers and the providers around a stage."""

    def __init__(self, scenario: Scenario, seed: int, numbers: Numbers) -> None:
        self.scenario = scenario
        self.random = Random(seed)  # noqa: S311 - a story, not a secret
        self.stage = Stage(numbers=numbers)
        self.played = Played(scenario, self.stage)
        self._interpreter = Interpreter(built_in_rules())
        self._under_way: list[Run] = []
        self._busy: set[int] = set()
        self._next_start = scenario.start
        # An organization's runs start so far apart, whatever asked for them.
        self._apart = timedelta(seconds=1 / rate_of(scenario.people, numbers.pace))
        self._add_people()

    def _add_people(self) -> None:
        """Everybody got through within the last interval; their next runs are spread over one."""
        scenario, interval = self.scenario, self.stage.numbers.policy.base_interval
        step = timedelta(seconds=interval / scenario.people)
        for person_id in range(1, scenario.people + 1):
            due = scenario.start + step * person_id
            runs = Runs(awaiting_since=scenario.start, interval=interval, expected_at=due)
            if person_id not in scenario.newcomers:
                runs = self._long_healthy(due - timedelta(seconds=interval), runs)
            self.stage.add(person_id, runs, scenario.start)

    def _long_healthy(self, last: datetime, runs: Runs) -> Runs:
        return Runs(
            awaiting_since=last - timedelta(days=30),
            last_attempt_id=attempt_id_at(last, self.random),
            last_attempt_at=last,
            last_result="success",
            last_success_at=last,
            recent="s" * 24,
            interval=runs.interval,
            expected_at=runs.expected_at,
        )

    def run(self) -> None:
        now, step = self.scenario.start, timedelta(seconds=self.stage.numbers.tick)
        while now <= self.scenario.end:
            self._end_runs(now)
            self._tick(now)
            now += step

    def _tick(self, now: datetime) -> None:
        """Tick, then start who is wanted, evenly spaced; the clock of the tick may be wrong."""
        ahead = self.scenario.clock_error(now)
        asked = self.stage.tick(now + ahead)
        wanted = [(person_id, now) for person_id in self.stage.due(now + ahead)]
        wanted += [(person_id, at - ahead) for person_id, at in asked]
        for person_id, at in sorted(wanted, key=lambda each: each[1]):
            if person_id not in self._busy:
                self._start(person_id, max(at, self._next_start))

    def _start(self, person_id: int, at: datetime) -> None:
        self._next_start = at + self._apart
        self._busy.add(person_id)
        result, error = self.scenario.answer(person_id, at, self.random)
        lasts = timedelta(seconds=self.random.uniform(SHORTEST_RUN, LONGEST_RUN))
        self._count_requests(person_id, at, lasts, result, error)
        attempt_id = attempt_id_at(at, self.random)
        outcome = judged(attempt_id, at + lasts, result, error, self._interpreter)
        heappush(self._under_way, Run(at + lasts, person_id, outcome, error))

    def _end_runs(self, now: datetime) -> None:
        while self._under_way and self._under_way[0].ends_at <= now:
            run = heappop(self._under_way)
            self._busy.discard(run.person_id)
            self.stage.take(run.person_id, run.outcome)
            if disables_at_once(run.outcome.result, run.error):
                self.played.disabled_in_2008.setdefault(run.person_id, run.ends_at)
            self._note_recovery(run.ends_at)

    def _note_recovery(self, now: datetime) -> None:
        trouble = self.scenario.trouble
        if trouble is None or now < trouble[1] or self.played.healthy_at is not None:
            return
        if self.stage.is_everybody_well(but=self.scenario.alone):
            self.played.healthy_at = now
            requests = self.played.requests
            for moment in [each for each in requests if not trouble[1] <= each <= now]:
                del requests[moment]

    def _count_requests(
        self,
        person_id: int,
        at: datetime,
        lasts: timedelta,
        result: str,
        error: RawError | None,
    ) -> None:
        trouble = self.scenario.trouble
        if trouble is None or at + lasts < trouble[1] or self.played.healthy_at is not None:
            return
        requests = list(requests_of(result, error, self._catches_up(person_id, at)))
        for place, provider in enumerate(requests):
            share = (place + self.random.random()) / len(requests)
            moment = (at + lasts * share).replace(microsecond=0)
            if provider == self.scenario.provider and moment >= trouble[1]:
                self.played.requests[moment] += 1

    def _catches_up(self, person_id: int, at: datetime) -> bool:
        runs = self.stage.people.runs(person_id)
        since = runs.last_success_at
        return since is None or at - since > timedelta(seconds=1.1 * runs.interval)


def requests_of(result: str, error: RawError | None, catches_up: bool) -> Iterator[str]:
    """Yield the providers a run asks, in order; one that fails asks no further."""
    for provider in READS:
        yield provider
        if result == "failure" and error is not None and error.provider == provider:
            return
    if catches_up:
        yield WRITE
