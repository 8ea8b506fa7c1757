"""Which messages are to be sent: one an episode, recipient and phase. Pure.

An episode is something worth telling: an incident, or people who need a human for one cause. It
is told when it has lasted for a while, and its end is told to whom its beginning was. What heals
meanwhile is never told. People whom an open incident hits are not told of one by one; who is
stalled for a reason of their own is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Phase(StrEnum):
    """What a message says of its episode."""

    OPENED = "opened"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds an episode must have lasted, or been over, before it is told."""

    opened: int = 900
    over: int = 1_800


@dataclass(frozen=True, slots=True)
class Episode:
    """Something worth telling. `key` never changes; `ended_at` is None while it goes on."""

    key: str
    organization_id: int
    kind: str
    cause: str
    people: int
    began_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one recipient; `key` is unique for all time."""

    episode: str
    recipient: str
    phase: Phase
    people: int

    @property
    def key(self) -> tuple[str, str, Phase]:
        return self.episode, self.recipient, self.phase


def messages_due(
    episodes: Iterable[Episode],
    recipients: Mapping[int, Collection[str]],
    told: Collection[tuple[str, str, Phase]],
    now: datetime,
    waits: Waits,
) -> list[Message]:
    """Return the messages to send at `now`.

    `recipients` are those of each organization, `told` the keys of all messages sent before.
    Asking again with these among `told` gives none of them again.
    """
    return [
        message
        for episode in episodes
        for recipient in sorted(recipients.get(episode.organization_id, ()))
        for message in messages_of(episode, recipient, told, now, waits)
    ]


def messages_of(
    episode: Episode,
    recipient: str,
    told: Collection[tuple[str, str, Phase]],
    now: datetime,
    waits: Waits,
) -> Iterator[Message]:
    """Yield what one recipient is to be told of one episode."""
    knows = (episode.key, recipient, Phase.OPENED) in told
    lasted = (episode.ended_at or now) - episode.began_at
    if episode.ended_at is None and not knows and lasted >= timedelta(seconds=waits.opened):
        yield Message(episode.key, recipient, Phase.OPENED, episode.people)
    knows_the_end = (episode.key, recipient, Phase.OVER) in told
    is_settled = episode.ended_at and now - episode.ended_at >= timedelta(seconds=waits.over)
    if knows and is_settled and not knows_the_end:
        yield Message(episode.key, recipient, Phase.OVER, episode.people)
