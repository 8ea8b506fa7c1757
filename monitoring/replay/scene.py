"""What was in force in an organization at the time that is rehearsed, runs aside. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from monitoring.alerts.findings import Finding


@dataclass(frozen=True, slots=True)
class Time:
    """A stretch of time; one without an end goes on."""

    since: datetime
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        return self.since <= now and (self.until is None or now < self.until)

    def overlaps(self, since: datetime, until: datetime | None) -> bool:
        begins = until is None or self.since <= until
        return begins and (self.until is None or since <= self.until)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Somebody's trouble, as silences look at it."""

    person: int
    cause: str
    provider: str


@dataclass(frozen=True, slots=True)
class Quiet:
    """A silence: of `people` by name, or with None of whoever matches.

    One that is not `is_whole` is the part of a silence that somebody was taken out of later.
    """

    time: Time
    people: frozenset[int] | None = None
    team: str = ""
    cause: str = ""
    provider: str = ""
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class InHand:
    """An alert that somebody acknowledged: who and when; `provider` of one about an incident."""

    kind: str
    cause: str
    provider: str
    time: Time
    acknowledged_at: datetime
    name: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """An incident of the organization that was part of a larger one."""

    provider: str
    time: Time
    incident_id: int
    is_part: bool


@dataclass(frozen=True, slots=True)
class FoundThen:
    """Something that was found at the time and that no play of runs finds again."""

    finding: Finding
    time: Time


@dataclass(frozen=True)
class Scene:
    """What was in force, and what cannot be played anew.

    everybody   all people there are
    teams       of those people who are in one
    is_by_team  somebody is told of some teams only
    asking      the causes after which only the person can act
    here        people whom this service syncs, and no other engine
    off         people whom somebody had switched off
    incidents   as they were recorded, to tell which were parts of larger ones
    """

    everybody: frozenset[int] = frozenset()
    teams: Mapping[int, str] = field(default_factory=dict)
    is_by_team: bool = False
    asking: frozenset[str] = frozenset()
    here: frozenset[int] = frozenset()
    silences: tuple[Quiet, ...] = ()
    off: Mapping[int, tuple[Time, ...]] = field(default_factory=dict)
    in_hand: tuple[InHand, ...] = ()
    incidents: tuple[Part, ...] = ()
    found: tuple[FoundThen, ...] = ()

    @cached_property
    def turns(self) -> list[datetime]:
        """All moments at which something of it begins or ends."""
        times = [
            *(each.time for each in self.silences),
            *(each.time for each in self.found),
            *(time for times in self.off.values() for time in times),
        ]
        moments = {moment for time in times for moment in (time.since, time.until)}
        moments |= {each.acknowledged_at for each in self.in_hand}
        return sorted(moment for moment in moments if moment is not None)

    def next_turn(self, now: datetime) -> datetime | None:
        """Return when, after `now`, something begins or ends."""
        place = bisect_right(self.turns, now)
        return self.turns[place] if place < len(self.turns) else None

    def is_plain(self, now: datetime) -> bool:
        """Tell whether at that moment nothing makes a difference between people."""
        is_silent = any(each.time.holds(now) for each in self.silences)
        return not (self.is_by_team or self.off or is_silent)

    def is_off(self, person: int, now: datetime) -> bool:
        return any(time.holds(now) for time in self.off.get(person, ()))

    def off_until(self, person: int, now: datetime) -> datetime | None:
        """Return when somebody was last switched on again, None where nobody had to."""
        ends = (time.until for time in self.off.get(person, ()) if time.until is not None)
        return max((end for end in ends if end <= now), default=None)

    def is_silenced(self, trouble: Trouble, now: datetime) -> bool:
        return any(each.time.holds(now) and self.mutes(each, trouble) for each in self.silences)

    def silences_at(self, now: datetime) -> int:
        """Return how many silences are in force."""
        return sum(each.is_whole and each.time.holds(now) for each in self.silences)

    def mutes(self, silence: Quiet, trouble: Trouble) -> bool:
        """Tell whether a silence is about somebody's trouble."""
        if silence.people is not None:
            return trouble.person in silence.people
        return (
            silence.team in {"", self.teams.get(trouble.person, "")}
            and silence.cause in {"", trouble.cause}
            and silence.provider in {"", trouble.provider}
        )
