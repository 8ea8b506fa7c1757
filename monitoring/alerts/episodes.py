"""Episodes: what was found, moment by moment, told apart by kind, organization and cause. Pure.

An episode goes on as long as it is found. What is found again afterwards is a new one, unless it is
known to have been going on all the while and nobody was told of its end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitoring.alerts.findings import Finding
from monitoring.alerts.plan_facts import Name

DAY = timedelta(days=1)
# Organization, kind and cause: of one such place one episode goes on at a time.
Place = tuple[int | None, str, str]


@dataclass(frozen=True, slots=True)
class Known:
    """An episode as it is stored: one that goes on, or one of whose end nobody was told yet."""

    key: Name
    organization_id: int | None
    kind: str
    cause: str
    began_at: datetime
    ended_at: datetime | None = None

    @property
    def place(self) -> Place:
        return self.organization_id, self.kind, self.cause


@dataclass(frozen=True, slots=True)
class Begun:
    """A new episode."""

    finding: Finding
    began_at: datetime


@dataclass(frozen=True, slots=True)
class GoesOn:
    """What was found of an episode that goes on, after all if it had ended (`known.ended_at`)."""

    known: Known
    finding: Finding


@dataclass(frozen=True, slots=True)
class Ended:
    """An episode that is over, and the last that was found of it, if anything was."""

    known: Known
    ended_at: datetime
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What becomes of all episodes at one moment; one that is in none of the three stays so."""

    begun: tuple[Begun, ...]
    going_on: tuple[GoesOn, ...]
    ended: tuple[Ended, ...]


def changes_at(
    known: Iterable[Known], findings: Iterable[Finding], kinds: Collection[str], now: datetime
) -> Changes:
    """Return what `findings` make of the episodes that are known.

    `kinds` are those that were looked for: what is not found of any other stays as it was. Asking
    again at once, with the answer stored, changes nothing.
    """
    found = {place_of(finding): finding for finding in findings if finding.kind in kinds}
    latest: dict[Place, Known] = {}
    for each in sorted(known, key=lambda each: (each.ended_at is None, each.ended_at or now)):
        latest[each.place] = each
    begun, going_on, ended = [], [], []
    for place, finding in found.items():
        episode = latest.get(place)
        if finding.ended_at is not None:
            continue
        if episode is not None and is_same(episode, finding):
            going_on.append(GoesOn(episode, finding))
        else:
            begun.append(Begun(finding, beginning_of(finding, episode, now)))
    for place, episode in latest.items():
        last = found.get(place)
        is_found = last is not None and last.ended_at is None
        if episode.ended_at is None and episode.kind in kinds and not is_found:
            ended.append(Ended(episode, end_of(episode, last, now), last))
    return Changes(tuple(begun), tuple(going_on), tuple(ended))


def place_of(finding: Finding) -> Place:
    return finding.organization_id, finding.kind, finding.cause


def is_same(episode: Known, finding: Finding) -> bool:
    """Tell whether what is found is the known episode, going on or taken for ended too early."""
    if episode.ended_at is None:
        return True
    return finding.began_at is not None and finding.began_at < episode.ended_at


def beginning_of(finding: Finding, before: Known | None, now: datetime) -> datetime:
    """Return when a new episode began: not in the future, nor before the end of the last."""
    began = min(finding.began_at or now, now)
    return max(began, before.ended_at) if before and before.ended_at else began


def end_of(episode: Known, last: Finding | None, now: datetime) -> datetime:
    """Return when an episode ended; a clock that was set back ends none before it began."""
    ended = now if last is None or last.ended_at is None else min(last.ended_at, now)
    return max(ended, episode.began_at)


def flaps_of(ends: Iterable[datetime], began_at: datetime) -> int:
    """Count the ends of episodes like one that began, within the day before it did."""
    return sum(began_at - DAY <= end <= began_at for end in ends)
