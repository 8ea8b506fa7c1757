"""Which alerts about people who need a human go out on one side of a back-test only. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from monitoring.alerts.kinds import AlertKind
from monitoring.alerts.plan_facts import Name, Phase
from monitoring.replay.findings import AlertShift
from monitoring.replay.notices import Sent

PHASES = frozenset({Phase.OPENED, Phase.OVER})


@dataclass(slots=True)
class Told:
    """An episode that was told of, with what was sent."""

    cause: str
    began_at: datetime
    ended_at: datetime | None = None
    sent: dict[Phase, Sent] = field(default_factory=dict)

    def overlaps(self, other: Told) -> bool:
        """Tell whether both are of one cause and of one time."""
        return (
            self.cause == other.cause
            and (other.ended_at is None or self.began_at <= other.ended_at)
            and (self.ended_at is None or other.began_at <= self.ended_at)
        )


def alerts_apart(
    stands: Iterable[Sent], otherwise: Iterable[Sent]
) -> tuple[list[AlertShift], list[AlertShift]]:
    """Return the alerts that go out on the first side only, and those on the second only.

    Episodes of one cause that overlap in time are the same one, each once: it may have begun a
    little earlier on one side, or count other people.
    """
    dropped, added = told_of(stands), told_of(otherwise)
    by_cause: defaultdict[str, list[Told]] = defaultdict(list)
    for episode in added:
        by_cause[episode.cause].append(episode)
    for episode in dropped:
        left = by_cause[episode.cause]
        same = next((each for each in left if episode.overlaps(each)), None)
        if same is not None:
            left.remove(same)
            take_out_shared(episode, same)
    return shifts(dropped), shifts(added)


def told_of(sent: Iterable[Sent]) -> list[Told]:
    """Return the episodes of stalled people that messages tell of, in order of their beginning.

    Only beginnings and ends: how often somebody is reminded in between says nothing new.
    """
    episodes: dict[Name, Told] = {}
    for each in sent:
        told = each.episode
        if told.kind != AlertKind.STALLED or each.message.phase not in PHASES:
            continue
        episode = episodes.setdefault(told.key, Told(told.cause, told.began_at))
        episode.ended_at = told.ended_at
        episode.sent[each.message.phase] = each
    return sorted(episodes.values(), key=lambda each: (each.began_at, each.cause))


def take_out_shared(one: Told, other: Told) -> None:
    for phase in one.sent.keys() & other.sent.keys():
        del one.sent[phase], other.sent[phase]


def shifts(episodes: Iterable[Told]) -> list[AlertShift]:
    return [
        AlertShift(phase.value, each.cause, sent.message.people, each.began_at, sent.at)
        for each in episodes
        for phase, sent in each.sent.items()
    ]
