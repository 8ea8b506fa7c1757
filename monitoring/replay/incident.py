"""One incident on a stage: whom it hits, who of them got through since, and who is being recovered.

Pure: moved by what the stage tells it, with the decisions of `monitoring.incidents`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

from monitoring.health.fold import JudgedOutcome, Runs
from monitoring.health.shields import Shield, provider_of
from monitoring.incidents.detection import Course, Finding, Window


@dataclass(slots=True)
class Incident:
    """An incident of one provider, from its first failure to the last of those hit recovered.

    shield       covers the time since it opened, or opened again, last
    everybody    all whom it ever hit
    hit          whom it hit since it opened last; `waiting` of them had no good run since
    canaries     those of the waiting who try often
    to_recover   whom to ask for after its end; `under_way` were asked for, not heard of
    share        of those who tried lately, how many fail
    """

    number: int
    finding: Finding
    began_at: datetime
    opened_at: datetime
    shield: Shield
    closed_at: datetime | None = None
    flaps: int = 0
    everybody: set[int] = field(default_factory=set)
    hit: set[int] = field(default_factory=set)
    waiting: set[int] = field(default_factory=set)
    canaries: set[int] = field(default_factory=set)
    to_recover: set[int] = field(default_factory=set)
    under_way: set[int] = field(default_factory=set)
    share: float = 0.0

    def __post_init__(self) -> None:
        self.share = self.finding.share

    @property
    def provider(self) -> str:
        return self.finding.provider

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    def explains(self, runs: Runs) -> bool:
        """Tell whether the last of somebody's runs failed for what this incident is about."""
        return (
            runs.last_result not in {None, "success"}
            and provider_of(runs.last_signature) == self.provider
            and runs.last_attempt_at is not None
            and runs.last_attempt_at >= self.shield.since
        )

    def concerns(self, runs: Runs) -> bool:
        """Tell whether it is the incident that keeps somebody from syncing.

        Who was confirmed before it began, or began anew, needs a human for a reason of their own.
        """
        return runs.confirmed_at is None or runs.confirmed_at >= self.shield.since

    def hits(self, person_id: int) -> None:
        self.everybody.add(person_id)
        self.hit.add(person_id)
        self.waiting.add(person_id)

    def hears(self, person_id: int, outcome: JudgedOutcome, runs: Runs) -> None:
        """Take note of a person's run; `runs` are those with it folded in."""
        self.under_way.discard(person_id)
        self.to_recover.discard(person_id)
        if outcome.signature is None:
            self.waiting.discard(person_id)
            if person_id in self.canaries:
                self.appoint(self.canaries - {person_id})
        elif self.is_open and self.explains(runs) and self.concerns(runs):
            self.hits(person_id)

    def appoint(self, canaries: Collection[int]) -> None:
        """Say who tries often while the incident is open."""
        if canaries != self.canaries:
            self.canaries = set(canaries)
            self.shield = replace(self.shield, canaries=frozenset(canaries))

    def closes(self, now: datetime) -> None:
        self.closed_at = now
        self.shield = replace(self.shield, until=now, canaries=frozenset())
        self.canaries = set()
        self.to_recover = set(self.waiting)

    def opens_again(self, finding: Finding, shield: Shield) -> None:
        """Go on where it seemed to be over; who was heard of meanwhile is hit again by failing."""
        self.finding = finding
        self.closed_at = None
        self.flaps += 1
        self.shield = shield
        self.waiting = self.to_recover | self.under_way
        self.hit = set(self.waiting)
        self.to_recover = set()
        self.under_way = set()

    def measures(self, window: Window, few_tried: int) -> None:
        """Take note of how many fail now."""
        self.share = window.share_of(self.provider, self.share, few_tried)

    def course(self, window: Window) -> Course:
        good = len(self.hit) - len(self.waiting)
        return Course(self.provider, len(self.hit), good, 0, window)
