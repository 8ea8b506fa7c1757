"""What a story is made of: people, a span of time, and what their providers answer. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from monitoring.errors.facts import RawError

# A result of an outcome (success, partial, failure, lost) and its error, if it has one.
Answer = tuple[str, RawError | None]
GOOD: Answer = ("success", None)


def on_time(at: datetime) -> timedelta:
    return timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A story for the simulation; people are numbered from 1 to `people`.

    answer        what comes of a person's run at a moment; draws from `random` alone, so that a
                  seed repeats it
    trouble       when it begins and ends, if it ends; `provider` is the one that has it
    alone         people with a trouble of their own, who are not to be healthy in the end
    newcomers     people whose syncing begins with the story; all others have been healthy
    clock_error   by how much the clock of the ticks is ahead at a moment
    """

    name: str
    title: str
    start: datetime
    end: datetime
    answer: Callable[[int, datetime, Random], Answer]
    trouble: tuple[datetime, datetime] | None = None
    provider: str = "salesforce"
    people: int = 430
    zone: str = "America/Los_Angeles"
    alone: frozenset[int] = frozenset()
    newcomers: frozenset[int] = frozenset()
    clock_error: Callable[[datetime], timedelta] = on_time
