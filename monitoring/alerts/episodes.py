"""Episodes of people who need a human, told apart by cause. Pure.

An episode goes on from the first person stalled for a cause until nobody is. Who is stalled again
afterwards begins a new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from monitoring.alerts.plan import Episode

STALLED = "stalled"
INCIDENT = "incident"


def episodes_after(
    going_on: Iterable[Episode], stalled: Mapping[str, int], organization_id: int, now: datetime
) -> list[Episode]:
    """Return the episodes of an organization's stalled people as they are at `now`.

    `going_on` are those that had not ended, `stalled` counts people by cause, without those whom
    an open incident hits. An episode grows to the most people it had at one time. Those that are
    over now are returned once, with their end.
    """
    episodes = [continued(episode, stalled.get(episode.cause, 0), now) for episode in going_on]
    known = {episode.cause for episode in episodes}
    return episodes + [
        begun(organization_id, cause, people, now)
        for cause, people in sorted(stalled.items())
        if people > 0 and cause not in known
    ]


def continued(episode: Episode, people: int, now: datetime) -> Episode:
    if people > 0:
        return replace(episode, people=max(people, episode.people))
    # A clock that was set back must not end an episode before it began.
    return replace(episode, ended_at=max(now, episode.began_at))


def begun(organization_id: int, cause: str, people: int, now: datetime) -> Episode:
    key = f"{STALLED} {organization_id} {cause} {now.isoformat()}"
    return Episode(key, organization_id, STALLED, cause, people, now)
