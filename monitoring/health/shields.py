"""Shields: while one cause hits many, its failures are not held against anybody. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from monitoring.health.fold import JudgedOutcome


@dataclass(frozen=True, slots=True)
class Shield:
    """A span of time in which an organization's failures against a provider have one cause.

    It covers runs that end from `since` on and before `until`; None means it goes on. `canaries`
    are the ids of the people who try often while it does.
    """

    provider: str
    since: datetime
    until: datetime | None = None
    canaries: frozenset[int] = frozenset()

    def covers(self, outcome: JudgedOutcome) -> bool:
        """Tell whether the run is a bad one that this shield explains."""
        return (
            outcome.result != "success"
            and outcome.signature is not None
            and provider_of(outcome.signature) == self.provider
            and self.since <= outcome.finished_at
            and (self.until is None or outcome.finished_at < self.until)
        )


# Shields by organization.
Shields = Mapping[int, Sequence[Shield]]
# Returns the shields of organizations that reach beyond a moment.
ShieldsSince = Callable[[Collection[int], datetime], Shields]


def no_shields(organization_ids: Collection[int], since: datetime) -> Shields:
    """Know of no incident."""
    return {}


def provider_of(signature: str | None) -> str:
    """Return the provider a signature begins with; empty for none."""
    return (signature or "").partition(" ")[0]


def hold_penalty(
    outcome: JudgedOutcome, person_id: int, shields: Iterable[Shield]
) -> JudgedOutcome:
    """Return the outcome, marked where a shield explains it."""
    for shield in shields:
        if shield.covers(outcome):
            canary = person_id in shield.canaries
            return replace(outcome, penalty_held=True, canary=canary)
    return outcome
