"""Lives of episodes for property tests: what they are like, minute by minute, and who is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import strategies as st

from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.plan import plan_at, told_after
from monitoring.alerts.plan_facts import Episode, Message, Mute, Name, Phase, Target, Told, Waits
from tests.factories import NOW

WAITS = Waits()
LONGEST = 400


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def episode(began: float = 0, ended: float | None = None, **overrides: object) -> Episode:
    made = Episode(
        "e1",
        1,
        AlertKind.INCIDENT,
        "down",
        40,
        at(began),
        None if ended is None else at(ended),
        weight=40,
    )
    return replace(made, **overrides)


@dataclass(frozen=True)
class Life:
    """An episode as it will have been, and in which spans (minutes) it is silenced or known of."""

    episode: Episode
    silenced: tuple[int, int] = (0, 0)
    acknowledged: int = LONGEST + 1
    critical: int = 3 * LONGEST

    def at(self, minute: float) -> Episode | None:
        """Return the episode as it is known at a minute; None before it began."""
        now, told = at(minute), self.episode
        if told.began_at > now:
            return None
        is_silenced = self.silenced[0] <= minute < self.silenced[1]
        return replace(
            told,
            ended_at=told.ended_at if told.ended_at and told.ended_at <= now else None,
            people=0 if is_silenced else told.people,
            silenced=told.people if is_silenced else 0,
            teams={} if is_silenced else told.teams,
            acknowledged_at=at(self.acknowledged) if minute >= self.acknowledged else None,
            severity=Severity.CRITICAL if minute >= self.critical else told.severity,
        )


@dataclass
class Played:
    """What came of asking at some minutes."""

    sent: list[tuple[float, Message]] = field(default_factory=list)
    kept: list[tuple[float, Mute]] = field(default_factory=list)
    told: dict[tuple[Name, Name], Told] = field(default_factory=dict)
    told_at: dict[str, datetime] = field(default_factory=dict)

    def first(self, episode: Name, recipient: Name, phase: Phase) -> float | None:
        found = (m for m, each in self.sent if each.key[:3] == (episode, recipient, phase))
        return next(found, None)


def play(
    lives: Sequence[Life],
    targets: Sequence[Target],
    minutes: Sequence[float],
    waits: Waits = WAITS,
) -> Played:
    """Ask at some minutes what is to be told, and tell it."""
    played = Played()
    addresses = {each.recipient: each.address or str(each.recipient) for each in targets}
    for minute in minutes:
        episodes = [known for life in lives if (known := life.at(minute)) is not None]
        by_key = {each.key: each for each in episodes}
        now = at(minute)
        timed = [
            replace(each, told_at=played.told_at.get(addresses[each.recipient])) for each in targets
        ]
        plan = plan_at(episodes, {1: timed}, played.told, now, waits)
        for message in plan.messages:
            place = (message.episode, message.recipient)
            weight = by_key[message.episode].weight
            played.told[place] = told_after(played.told.get(place), message, weight, now)
            played.told_at[addresses[message.recipient]] = now
            played.sent.append((minute, message))
        played.kept += [(minute, mute) for mute in plan.mutes]
    return played


@st.composite
def lives(draw: st.DrawFn) -> list[Life]:
    """Draw lives of some episodes of one organization; some never end."""
    return [draw(life(f"e{number}")) for number in range(draw(st.integers(0, 4)))]


@st.composite
def life(draw: st.DrawFn, key: str) -> Life:
    began = draw(st.integers(0, 120))
    lasted = draw(st.none() | st.integers(0, 200))
    people = draw(st.integers(1, 50))
    ada, bob = draw(st.integers(0, people)), draw(st.integers(0, 5))
    silenced_from = draw(st.integers(0, LONGEST))
    told = episode(
        began,
        None if lasted is None else began + lasted,
        key=key,
        kind=draw(st.sampled_from(AlertKind)),
        severity=draw(st.sampled_from(Severity)),
        people=people,
        weight=float(people),
        teams=draw(st.sampled_from(({}, {"a": ada, "b": bob}, {"": people}))),
        flaps=draw(st.integers(0, 5)),
        is_part=draw(st.booleans()),
    )
    return Life(
        told,
        (silenced_from, silenced_from + draw(st.integers(0, 120))),
        draw(st.integers(0, 2 * LONGEST)),
        draw(st.integers(0, 2 * LONGEST)),
    )


@st.composite
def targets(draw: st.DrawFn) -> list[Target]:
    """Draw the routes of three recipients; some have several, two share an address."""
    return [
        Target(
            recipient,
            route=number,
            kinds=draw(st.sampled_from((frozenset(), frozenset(list(AlertKind)[:4])))),
            least=draw(st.sampled_from(Severity)),
            teams=draw(st.sampled_from((frozenset(), frozenset("a"), frozenset("ab")))),
            after=draw(st.sampled_from((0, 0, 3_600))),
            is_service=draw(st.booleans()),
            address=ADDRESSES[recipient],
        )
        for number in range(draw(st.integers(0, 6)))
        for recipient in [draw(st.sampled_from(sorted(ADDRESSES)))]
    ]


ADDRESSES = {"admin": "a@example.com", "boss": "b@example.com", "bosss-other-hat": "b@example.com"}


@st.composite
def moments(draw: st.DrawFn) -> list[float]:
    """Draw minutes in order, some close together."""
    steps = draw(st.lists(st.sampled_from((0.5, 0.5, 1, 7, 16, 31, 61)), max_size=40))
    minutes, minute = [], 0.0
    for step in steps:
        minute += step
        minutes.append(minute)
    return minutes
