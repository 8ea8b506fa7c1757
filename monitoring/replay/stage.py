"""A stage: all that the service knows of one organization's people, in memory. Pure.

Outcomes and the clock come from outside; everything between is decided by the functions that the
service itself runs. Nothing here can disable anybody: there are no holds on a stage.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitoring.alerts.plan_facts import Target
from monitoring.health.change import Change
from monitoring.health.fold import JudgedOutcome, Runs
from monitoring.replay.incident import Incident
from monitoring.replay.notices import EVERYBODY, Notices, Sent
from monitoring.replay.numbers import Numbers
from monitoring.replay.people import People
from monitoring.replay.watch import Start, Watch

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Hour:
    """How things stood at the end of an hour, and what it brought. Intervals are in seconds.

    runs          outcomes taken in
    opened        incidents that opened, or opened again; `closed` likewise; `open` at its end
    sent          messages by phase and recipient
    holds         people switched off; nobody ever is, for errors place no holds
    """

    start: datetime
    statuses: Mapping[str, int]
    intervals: Mapping[int, int]
    runs: int
    opened: int
    open: int
    closed: int
    sent: Mapping[tuple[str, str], int]
    holds: int = 0


@dataclass(frozen=True, slots=True)
class Marks:
    """How far the counts had come when an hour began."""

    runs: int = 0
    opened: int = 0
    closed: int = 0
    sent: int = 0


class Stage:
    """One organization: `take` its outcomes as they end, `tick` every `numbers.tick` seconds."""

    def __init__(
        self,
        *,
        numbers: Numbers | None = None,
        targets: Collection[Target] = EVERYBODY,
        organization_id: int = 1,
    ) -> None:
        self.numbers = numbers or Numbers()
        self.people = People(self.numbers.policy, self.numbers.own_intervals)
        self.watch = Watch(self.people, self.numbers)
        self.notices = Notices(organization_id, targets, self.numbers)
        self._runs = 0
        self._hour: datetime | None = None
        self._marks = Marks()
        self._hours: dict[datetime, Hour] = {}

    def add(self, person_id: int, runs: Runs, now: datetime) -> None:
        """Bring in a person with what their runs have been so far."""
        self.people.add(person_id, runs, now)

    def take(self, person_id: int, outcome: JudgedOutcome) -> None:
        """Take in one outcome; one of somebody unknown brings them in."""
        self._runs += 1
        watch = self.watch
        watch.hear(person_id, outcome, self.people.take(person_id, outcome, watch.shields))

    def tick(self, now: datetime) -> list[Start]:
        """Do what the service's tick does; return whom to sync now outside the schedule, and when.

        Hours are those of `now`; a clock that goes back writes an hour anew.
        """
        self._turn_hour(now)
        starts = self.watch.tick(now)
        self.people.look_again(now)
        self.notices.tick(self.people, self.watch.active, now)
        return starts

    def due(self, now: datetime) -> list[int]:
        """Return who is due, the longest first, and move their next run by their interval."""
        return self.people.due(now)

    def pass_time(self, since: datetime, until: datetime) -> datetime:
        """Tick from `since` on up to `until`; return when the next tick is due.

        Ticks that could not change anything are left out.
        """
        step = timedelta(seconds=self.numbers.tick)
        while since <= until:
            self.tick(since)
            awaited = min(self._next_change(since) or until, until)
            since += step * max((awaited - since) // step, 1)
        return since

    def _next_change(self, now: datetime) -> datetime | None:
        """Return before which moment time alone changes nothing; None for never."""
        if not self.watch.is_idle:
            return now
        moments = (self.people.next_deadline, self.notices.next_message(now))
        return min((moment for moment in moments if moment is not None), default=None)

    @property
    def incidents(self) -> list[Incident]:
        return self.watch.incidents

    @property
    def sent(self) -> list[Sent]:
        return self.notices.sent

    def is_everybody_well(self, *, but: Collection[int] = ()) -> bool:
        """Tell whether everybody is healthy, leaving some out of account."""
        unwell = len(self.people) - self.people.statuses["healthy"]
        if unwell > len(but):
            return False
        return unwell == sum(self.people.status(person_id) != "healthy" for person_id in but)

    def ever_disabled(self) -> int:
        """Return how many people were ever switched off."""
        return sum(
            any(change.after.status == "disabled" for change in self.transitions(person_id))
            for person_id in self.people.known
        )

    def transitions(self, person_id: int) -> list[Change]:
        """Return every change of a person's status or interval, oldest first."""
        return self.people.known[person_id].changes

    def hours(self) -> list[Hour]:
        """Return all hours in order, the one in progress last."""
        if self._hour is not None:
            self._hours[self._hour] = self._hour_so_far(self._hour)
        return [self._hours[start] for start in sorted(self._hours)]

    def _turn_hour(self, now: datetime) -> None:
        hour = now.replace(minute=0, second=0, microsecond=0)
        if hour == self._hour:
            return
        if self._hour is not None:
            self._hours[self._hour] = self._hour_so_far(self._hour)
            self._marks = self._marks_now()
            for quiet in hours_between(self._hour, hour):
                self._hours[quiet] = self._hour_so_far(quiet)
        self._hour = hour

    def _hour_so_far(self, start: datetime) -> Hour:
        marks, now = self._marks, self._marks_now()
        sent: dict[tuple[str, str], int] = {}
        for each in self.sent[marks.sent :]:
            key = (each.message.phase.value, str(each.message.recipient))
            sent[key] = sent.get(key, 0) + 1
        return Hour(
            start,
            +self.people.statuses,
            +self.people.intervals,
            now.runs - marks.runs,
            now.opened - marks.opened,
            len(self.watch.open),
            now.closed - marks.closed,
            sent,
            self.people.statuses["disabled"],
        )

    def _marks_now(self) -> Marks:
        return Marks(self._runs, self.watch.opened, self.watch.closed, len(self.sent))


def hours_between(before: datetime, after: datetime) -> Iterator[datetime]:
    """Yield the hours strictly between two."""
    hour = before + HOUR
    while hour < after:
        yield hour
        hour += HOUR
