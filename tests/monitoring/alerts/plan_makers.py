"""Plans of one episode, for the tests of what is told of it."""

from __future__ import annotations

from dataclasses import replace

from monitoring.alerts.kinds import AlertKind
from monitoring.alerts.plan import plan_at
from monitoring.alerts.plan_facts import (
    Episode,
    Plan,
    Target,
    Told,
)
from tests.monitoring.alerts.lives import (
    LONGEST,
    WAITS,
    at,
    episode,
)

ADMIN = Target("admin")
EVERY_MINUTE = list(range(LONGEST))
# In minutes.
DAY = 24 * 60


def planned(known: Episode, *routes: Target, minutes: float, told: Told | None = None) -> Plan:
    """What is to be told of one episode that belongs to organization 1."""
    places = {} if told is None else {(known.key, routes[0].recipient): told}
    return plan_at([known], {1: routes}, places, at(minutes), WAITS)


def said(known: Episode, *routes: Target, minutes: float, told: Told | None = None) -> list[str]:
    """The phases of it."""
    return [each.phase for each in planned(known, *routes, minutes=minutes, told=told).messages]


def stalled(people: int) -> Episode:
    """So many people who need a human."""
    return episode(kind=AlertKind.STALLED, people=people, weight=float(people))


def told(minutes: float = 15, people: int = 40, weight: float = 40, **overrides: object) -> Told:
    return replace(Told(at(minutes), people, weight, at(minutes)), **overrides)
