"""What a plan of messages is made from: episodes, targets, what was told, and waits. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from monitoring.alerts.hours import Hours
from monitoring.alerts.kinds import AlertKind, Severity

# Names of an episode and of a recipient: whatever the caller tells them apart by.
Name = int | str


class Phase(StrEnum):
    """What a message says of its episode."""

    OPENED = "opened"
    GROWN = "grown"
    REMINDER = "reminder"
    OVER = "over"


class Muted(StrEnum):
    """Why a beginning is not told."""

    SILENCED = "silenced"
    ABSORBED = "absorbed"
    FLAPPING = "flapping"


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds, unless said otherwise.

    opened     an episode must have lasted before it is told, and `over` it must have been over,
               with all like it that began later
    reminder   between two messages about an episode that goes on, unless it is acknowledged
    acknowledged   so long an acknowledgement keeps reminders and escalations back
    grown      between two messages about one that grows; growing is `growth` times what was told
               and `growth_people` more people. Of fewer people than that, `growth_few` times as
               many will do. An incident has grown when so many times the people are hit, and the
               failing share is `growth_share` times what was told. One that gets graver has grown
               at once
    flapping   one of those that began `flaps` times within a day must last to be told after all
    pace       between two messages to anybody
    """

    opened: int = 900
    over: int = 1_800
    reminder: int = 86_400
    acknowledged: int = 604_800
    grown: int = 3_600
    growth: float = 3.0
    growth_few: float = 2.0
    growth_share: float = 1.5
    growth_people: int = 10
    flaps: int = 3
    flapping: int = 3_600
    pace: int = 60


@dataclass(frozen=True, slots=True)
class Episode:
    """Something worth telling. `key` never changes; `ended_at` is None while it goes on.

    people      that may be told of: all of them, less `silenced`
    silenced    about whom nothing may be told now
    is_absorbed an incident hits all of them, and they are told of with it: they count as silenced
    teams       the same people by team, where it is known; "" is who has none
    weight      what growing goes by, but of people who need a human: people, or a share of them
    flaps       how many like it ended within the day before it began
    acknowledged_at   when somebody said that they are at it
    is_part     of something that is told to support as a whole
    is_back     one like it that began later goes on, and is not wholly silenced or absorbed
    back_until  when the last of those like it that began later ended
    """

    key: Name
    organization_id: int | None
    kind: str
    cause: str
    people: int
    began_at: datetime
    ended_at: datetime | None = None
    severity: Severity = Severity.WARNING
    silenced: int = 0
    is_absorbed: bool = False
    teams: Mapping[str, int] = field(default_factory=dict)
    weight: float = 0.0
    flaps: int = 0
    acknowledged_at: datetime | None = None
    is_part: bool = False
    is_back: bool = False
    back_until: datetime | None = None

    def people_in(self, teams: Collection[str]) -> int:
        """Return how many of the people are of some teams: all, where none is named or known."""
        if not teams or not self.teams:
            return self.people
        return sum(people for team, people in self.teams.items() if team in teams)


@dataclass(frozen=True, slots=True)
class Target:
    """A recipient, and what one route has for them. Hours and pace are the recipient's.

    kinds and teams narrow it to those, where they are given: with teams to alerts about people,
    who are counted by team. `after` seconds after somebody was
    told without that delay, and then only if nobody has acknowledged: an escalation. `told_at` is
    the last message to them, or to whatever other recipient has the same `address`. A route of the
    service (`is_service`) hears of the whole instead of its parts, and of no organization's own
    rule changes. `only_ends`: told only that what they were told of is over, because no route leads
    to them any more.
    """

    recipient: Name
    route: int | None = None
    kinds: frozenset[AlertKind] = frozenset()
    least: Severity = Severity.NOTICE
    teams: frozenset[str] = frozenset()
    after: int = 0
    hours: Hours = field(default_factory=Hours)
    told_at: datetime | None = None
    is_service: bool = False
    address: str = ""
    only_ends: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What one recipient was told of one episode: the last numbers, and how often.

    `at_once` is when it was first told by a route without a delay, if by such a one, and `severity`
    the gravest that was told.
    """

    last_at: datetime
    people: int
    weight: float
    at_once: datetime | None = None
    reminders: int = 0
    growths: int = 0
    is_over: bool = False
    severity: Severity = Severity.WARNING


@dataclass(frozen=True, slots=True)
class Message:
    """What one recipient is to be told of one episode; `key` is unique for all time.

    people   of those `teams`, where the recipient's routes narrow it and teams are known, else of
             all; of an end, no fewer than were told of last
    after    the delay of the route; 0 where one without is due as well
    """

    episode: Name
    recipient: Name
    phase: Phase
    people: int
    number: int = 0
    route: int | None = None
    teams: frozenset[str] = frozenset()
    after: int = 0
    severity: Severity = Severity.WARNING

    @property
    def key(self) -> tuple[Name, Name, Phase, int]:
        return self.episode, self.recipient, self.phase, self.number


@dataclass(frozen=True, slots=True)
class Mute:
    """A beginning that would be told now, and why it is not."""

    episode: Name
    recipient: Name
    reason: Muted
    people: int
    route: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be told at one moment, and what is kept back."""

    messages: tuple[Message, ...]
    mutes: tuple[Mute, ...]
