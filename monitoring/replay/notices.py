"""Which messages a stage would send: episodes as they go on, and what is due of them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitoring.alerts.episodes import INCIDENT, STALLED, episodes_after
from monitoring.alerts.plan import Episode, Message, Phase, messages_due
from monitoring.replay.incident import Incident
from monitoring.replay.numbers import Numbers
from monitoring.replay.people import People


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that would have gone out, of which kind and cause of episode.

    began_at and ended_at are the episode's, the latter None while it goes on.
    """

    at: datetime
    message: Message
    kind: str
    cause: str
    began_at: datetime
    ended_at: datetime | None


class Notices:
    """The episodes of one organization and the messages sent about them."""

    def __init__(self, organization_id: int, recipients: Collection[str], numbers: Numbers) -> None:
        self._organization_id = organization_id
        self._recipients = {organization_id: tuple(recipients)}
        self._waits = numbers.waits
        self._live: dict[str, Episode] = {}
        self._told: set[tuple[str, str, Phase]] = set()
        self.sent: list[Sent] = []

    def next_message(self, now: datetime) -> datetime | None:
        """Return when, after `now`, a message may come due by the passing of time."""
        opened, over = timedelta(seconds=self._waits.opened), timedelta(seconds=self._waits.over)
        moments = [
            episode.began_at + opened if episode.ended_at is None else episode.ended_at + over
            for episode in self._live.values()
        ]
        return min((moment for moment in moments if moment > now), default=None)

    def tick(self, people: People, incidents: Iterable[Incident], now: datetime) -> None:
        """Bring the episodes up to date and send what is due."""
        incidents = list(incidents)
        if people.causes or incidents or self._live:
            self.follow(stalled_alone(people, incidents), incidents, now)

    def follow(
        self, stalled: Mapping[str, int], incidents: Collection[Incident], now: datetime
    ) -> None:
        """Do so for people who are stalled and told of one by one, counted by cause."""
        if not (stalled or incidents or self._live):
            return
        self._follow_stalled(stalled, now)
        self._follow_incidents(incidents)
        for message in messages_due(
            self._live.values(), self._recipients, self._told, now, self._waits
        ):
            episode = self._live[message.episode]
            self._told.add(message.key)
            self.sent.append(
                Sent(now, message, episode.kind, episode.cause, episode.began_at, episode.ended_at)
            )
        self._live = {key: each for key, each in self._live.items() if self._is_live(each)}

    def _follow_stalled(self, stalled: Mapping[str, int], now: datetime) -> None:
        going_on = [
            episode
            for episode in self._live.values()
            if episode.kind == STALLED and episode.ended_at is None
        ]
        for episode in episodes_after(going_on, stalled, self._organization_id, now):
            self._live[episode.key] = episode

    def _follow_incidents(self, incidents: Iterable[Incident]) -> None:
        for incident in incidents:
            key = f"{INCIDENT} {self._organization_id} {incident.number}"
            known = self._live.get(key)
            if known is None and not incident.is_open:
                continue
            episode = known or Episode(
                key, self._organization_id, INCIDENT, incident.finding.signature, 0,
                incident.began_at,
            )  # fmt: skip
            self._live[key] = replace(
                episode, people=len(incident.everybody), ended_at=incident.closed_at
            )

    def _is_live(self, episode: Episode) -> bool:
        """Tell whether there may still be something to say of an episode."""
        if episode.ended_at is None:
            return True
        return any(
            (episode.key, recipient, Phase.OPENED) in self._told
            and (episode.key, recipient, Phase.OVER) not in self._told
            for recipient in self._recipients[self._organization_id]
        )


def stalled_alone(people: People, incidents: Iterable[Incident]) -> Mapping[str, int]:
    """Count the stalled people by cause, without those whom an open incident hits."""
    hit = {
        person_id
        for incident in incidents
        if incident.is_open
        for person_id in incident.waiting & people.stalled.keys()
    }
    return people.causes - Counter(people.stalled[person_id] for person_id in hit)
