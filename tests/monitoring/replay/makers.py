"""Stories played for tests, each once a seed."""

from __future__ import annotations

from collections import Counter
from functools import cache

from monitoring.replay.scenarios import SCENARIOS
from monitoring.replay.simulation import Played, play

SEEDS = (1, 2, 3)


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
