"""Which messages are to be sent: one an episode, recipient and phase. Pure.

An episode is something worth telling: an incident, people who need a human for one cause, a
service in trouble. It is told when it has lasted for a while, again when it has grown much or goes
on for long, and its end is told to whom its beginning was. What heals meanwhile is never told.
People whom an open incident hits are not told of one by one; who is stalled for a reason of their
own is. Silences and flapping keep beginnings from being told, never ends.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from monitoring.alerts.hours import Hours, is_awake
from monitoring.alerts.kinds import EVENTS, AlertKind, Severity

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
    FLAPPING = "flapping"


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds, unless said otherwise.

    opened     an episode must have lasted before it is told, and `over` it must have been over
    reminder   between two messages about an episode that goes on, unless it is acknowledged
    grown      between two messages about one that grows; growing is `growth` times what was told
               and `growth_people` more people
    flapping   one of those that began `flaps` times within a day must last to be told after all
    pace       between two messages to anybody
    """

    opened: int = 900
    over: int = 1_800
    reminder: int = 86_400
    grown: int = 3_600
    growth: float = 3.0
    growth_people: int = 10
    flaps: int = 3
    flapping: int = 3_600
    pace: int = 60


@dataclass(frozen=True, slots=True)
class Episode:
    """Something worth telling. `key` never changes; `ended_at` is None while it goes on.

    people      that may be told of: all of them, less `silenced`
    silenced    about whom nothing may be told now
    teams       the same people by team, where it is known; "" is who has none
    weight      what growing goes by: people, or a share of them
    flaps       how many like it ended within the day before it began
    is_part     of something that is told to support as a whole
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
    teams: Mapping[str, int] = field(default_factory=dict)
    weight: float = 0.0
    flaps: int = 0
    is_acknowledged: bool = False
    is_part: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A recipient, and what one route has for them.

    kinds and teams narrow it to those, where they are given. `after` seconds later than others, and
    then only if nobody has acknowledged: an escalation. `told_at` is their last message. A route
    of the service (`is_service`) hears of the whole instead of its parts.
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


@dataclass(frozen=True, slots=True)
class Told:
    """What one recipient was told of one episode."""

    last_at: datetime
    people: int
    weight: float
    reminders: int = 0
    growths: int = 0
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """What one recipient is to be told of one episode; `key` is unique for all time."""

    episode: Name
    recipient: Name
    phase: Phase
    people: int
    number: int = 0
    route: int | None = None

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


def plan_at(
    episodes: Iterable[Episode],
    targets: Mapping[int | None, Collection[Target]],
    told: Mapping[tuple[Name, Name], Told],
    now: datetime,
    waits: Waits,
) -> Plan:
    """Return what is to be told at `now`.

    `targets` are those of each organization (None: of what belongs to none), in the order in which
    they count where one recipient has several. `told` is by episode and recipient; asking again
    with the messages folded in (`told_after`) gives none of them again. All messages of one
    recipient belong into one mail.
    """
    messages, mutes = [], []
    for episode in episodes:
        done: set[Name] = set()
        for target in targets.get(episode.organization_id, ()):
            if target.recipient in done:
                continue
            found = due(episode, target, told.get((episode.key, target.recipient)), now, waits)
            if found is None:
                continue
            done.add(target.recipient)
            if isinstance(found, Mute):
                mutes.append(found)
            else:
                messages.append(found)
    return Plan(tuple(messages), tuple(mutes))


def due(
    episode: Episode, target: Target, told: Told | None, now: datetime, waits: Waits
) -> Message | Mute | None:
    """Return what one target is to be told of one episode now, or what is kept from them."""
    if is_paced(target, now, waits) or not is_reachable(target, episode, now):
        return None
    if told is None:
        return beginning(episode, target, now, waits) if matches(target, episode) else None
    if told.is_over:
        return None
    if episode.ended_at is not None:
        return ending(episode, target, now, waits)
    return continuation(episode, target, told, now, waits) if matches(target, episode) else None


def is_paced(target: Target, now: datetime, waits: Waits) -> bool:
    """Tell whether the target's last message is too short a while ago for another."""
    return target.told_at is not None and now - target.told_at < timedelta(seconds=waits.pace)


def is_reachable(target: Target, episode: Episode, now: datetime) -> bool:
    is_urgent = episode.severity >= Severity.CRITICAL and target.hours.urgent_always
    return is_urgent or is_awake(target.hours, now)


def matches(target: Target, episode: Episode) -> bool:
    """Tell whether a route is about an episode, whoever is silenced in it."""
    if target.kinds and episode.kind not in target.kinds:
        return False
    if episode.is_part and target.is_service:
        return False
    if target.teams and episode.teams and not target.teams & episode.teams.keys():
        return False
    return episode.severity >= target.least


def people_for(target: Target, episode: Episode) -> int:
    """Return how many people of an episode concern a target: those of its teams."""
    if not target.teams or not episode.teams:
        return episode.people
    return sum(people for team, people in episode.teams.items() if team in target.teams)


def beginning(
    episode: Episode, target: Target, now: datetime, waits: Waits
) -> Message | Mute | None:
    if episode.ended_at is not None or (target.after and episode.is_acknowledged):
        return None
    lasted = now - episode.began_at
    wait = target.after + (0 if episode.kind in EVENTS else waits.opened)
    if lasted < timedelta(seconds=wait):
        return None
    people = people_for(target, episode)
    if not people and episode.silenced:
        reason, route = Muted.SILENCED, target.route
        return Mute(episode.key, target.recipient, reason, episode.silenced, route)
    if episode.flaps >= waits.flaps and lasted < timedelta(seconds=waits.flapping):
        return Mute(episode.key, target.recipient, Muted.FLAPPING, people, target.route)
    return message_of(episode, target, Phase.OPENED)


def ending(episode: Episode, target: Target, now: datetime, waits: Waits) -> Message | None:
    if episode.kind in EVENTS or episode.ended_at is None:
        return None
    is_settled = now - episode.ended_at >= timedelta(seconds=waits.over)
    return message_of(episode, target, Phase.OVER) if is_settled else None


def continuation(
    episode: Episode, target: Target, told: Told, now: datetime, waits: Waits
) -> Message | None:
    """Return what is to be told of an episode that goes on, and was told before."""
    if episode.kind in EVENTS or not people_for(target, episode):
        return None
    since = now - told.last_at
    if has_grown(episode, target, told, waits) and since >= timedelta(seconds=waits.grown):
        return message_of(episode, target, Phase.GROWN, told.growths + 1)
    if since >= timedelta(seconds=waits.reminder) and not episode.is_acknowledged:
        return message_of(episode, target, Phase.REMINDER, told.reminders + 1)
    return None


def has_grown(episode: Episode, target: Target, told: Told, waits: Waits) -> bool:
    is_more = people_for(target, episode) >= told.people + waits.growth_people
    return is_more and episode.weight >= told.weight * waits.growth > 0


def message_of(episode: Episode, target: Target, phase: Phase, number: int = 0) -> Message:
    people = people_for(target, episode)
    return Message(episode.key, target.recipient, phase, people, number, target.route)


def told_after(told: Told | None, message: Message, weight: float, now: datetime) -> Told:
    """Return what a recipient was told of an episode, with one more message. `weight` is its."""
    if told is None:
        return Told(now, message.people, weight, is_over=message.phase == Phase.OVER)
    match message.phase:
        case Phase.OVER:
            return replace(told, last_at=now, is_over=True)
        case Phase.GROWN:
            grown = replace(told, people=message.people, weight=weight)
            return replace(grown, last_at=now, growths=message.number)
        case Phase.REMINDER:
            return replace(told, last_at=now, reminders=message.number)
    return replace(told, last_at=now)
