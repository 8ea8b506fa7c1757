"""Stories played for tests, each once a seed."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import cache

from monitoring.replay.scenarios import SCENARIOS
from monitoring.replay.simulation import Played, play

SEEDS = (1, 2)


@cache
def played(name: str, seed: int = 1) -> Played:
    return play(SCENARIOS[name], seed)


def messages(story: Played) -> Counter[tuple[str, str, str, str]]:
    """Count messages by kind and cause of their episode, recipient and phase."""
    return Counter(
        (sent.kind, sent.cause, sent.message.recipient, sent.message.phase.value)
        for sent in story.stage.sent
    )


def personal_messages(story: Played) -> list[tuple[str, str]]:
    """Return cause and recipient of the messages about people who need a human."""
    return [
        (sent.cause, sent.message.recipient) for sent in story.stage.sent if sent.kind == "stalled"
    ]


def statuses_ever(story: Played, *, without: frozenset[int] = frozenset()) -> set[str]:
    """Return every status that anybody came to have, but for some."""
    stage = story.stage
    return {
        change.after.status
        for person_id in stage.people.known
        if person_id not in without
        for change in stage.transitions(person_id)
    }


def stalled_for_longer(story: Played, than: timedelta) -> set[int]:
    """Return who was stalled for longer than that.

    Who is confirmed in the minute before an incident is found is folded anew when it is, and the
    change back bears the time of their last run: that is no time at all.
    """
    found = set()
    for person_id in story.stage.people.known:
        since = None
        for change in story.stage.transitions(person_id):
            if since is not None and change.at - since > than:
                found.add(person_id)
            since = change.at if change.after.status == "stalled" else None
        if since is not None:
            found.add(person_id)
    return found
