"""How an organization's people are doing at this moment, counted as they run. Pure.

A person counts once, in the minute of their latest run, under its signature; "" is a good run.
What the longest window has left behind becomes what is usual: attempts, not people, without those
that an incident explains. The minute in progress belongs to every window.

People whose latest run an incident explains are counted apart: they are part of how it stands, but
nothing by which to find one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from monitoring.health.shields import Shield, provider_of
from monitoring.incidents.detection import Thresholds, Usual, Window

MINUTE = 60
USUAL_HOURS = 7 * 24
# Before the signature of a run that an incident explains.
EXPLAINED = "~"
NOBODY: dict[str, int] = {}


class Pulse:
    """The sliding counts of one organization. Costs follow the minutes, not the people."""

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self._longest = thresholds.longest_window // MINUTE
        # The minute of each person's latest run, and its signature.
        self._latest: dict[int, tuple[dict[str, int], str]] = {}
        self._people: dict[int, dict[str, int]] = {}
        self._attempts: dict[int, dict[str, int]] = {}
        self._left: dict[int, Counter[str]] = {}
        self._usual: Counter[str] = Counter()
        self._slid_to = 0
        self._newest = 0
        # How many runs were no good ones, and when and at how many of them none was to be found.
        self._bad_runs = 0
        self._ruled_out = (0, 0)
        self._failing = 0

    @property
    def is_calm(self) -> bool:
        """Tell whether too few fail unexplained for there to be an incident to be found."""
        return self._failing < min(self._thresholds.people, self._thresholds.small_people)

    @property
    def is_empty(self) -> bool:
        """Tell whether nobody ran in the longest window."""
        return not self._people

    def take(
        self, person_id: int, finished_at: datetime, signature: str, *, explained: bool = False
    ) -> None:
        """Count a run that is later than all of the person's before it."""
        minute = minute_of(finished_at)
        self.count(minute, signature)
        before = self._latest.get(person_id)
        if before is not None:
            self._forget(*before)
        people = self._people.get(minute)
        if people is None:
            people = self._people[minute] = {}
            self._newest = max(self._newest, minute)
        self._keep(person_id, people, EXPLAINED + signature if explained else signature)

    def explain(self, person_id: int) -> None:
        """Say that an incident explains a person's latest run."""
        people, name = self._latest[person_id]
        if name in people and is_unexplained(name):
            self._forget(people, name)
            self._keep(person_id, people, EXPLAINED + name)

    def take_late(self, finished_at: datetime, signature: str) -> None:
        """Count a run after which the person has run already."""
        self.count(minute_of(finished_at), signature)

    def count(self, minute: int, signature: str) -> None:
        attempts = self._attempts.get(minute)
        if attempts is None:
            attempts = self._attempts[minute] = {}
        attempts[signature] = attempts.get(signature, 0) + 1

    def _keep(self, person_id: int, people: dict[str, int], name: str) -> None:
        self._latest[person_id] = people, name
        people[name] = people.get(name, 0) + 1
        if name:
            self._bad_runs += 1
        if is_unexplained(name):
            self._failing += 1

    def _forget(self, people: dict[str, int], name: str) -> None:
        """Take a person's former run out of its minute, which is empty once it has left."""
        if name in people:
            people[name] -= 1
            if is_unexplained(name):
                self._failing -= 1

    def slide(self, now: datetime, shields: Iterable[Shield]) -> None:
        """Move what has left the longest window to what is usual, without what is explained."""
        minute = minute_of(now)
        if minute == self._slid_to:
            return
        self._slid_to = minute
        last = minute - self._longest
        for old in [each for each in self._people if each < last]:
            people = self._people.pop(old)
            self._failing -= sum(people[name] for name in people if is_unexplained(name))
            people.clear()
        explained = list(shields)
        for old in [each for each in self._attempts if each < last]:
            self._leave(old, self._attempts.pop(old), explained)
        oldest = minute // 60 - USUAL_HOURS
        for hour in [each for each in self._left if each < oldest]:
            self._usual.subtract(self._left.pop(hour))

    def _leave(self, minute: int, attempts: dict[str, int], shields: list[Shield]) -> None:
        hour = self._left.setdefault(minute // 60, Counter())
        for name, count in attempts.items():
            if not name or not is_explained(minute, provider_of(name), shields):
                hour[name] += count
                self._usual[name] += count

    def rules_out(self, now: datetime) -> bool:
        """Tell, at little cost, that no window can show an incident: too few fail of many.

        Good runs alone change nothing about that until the window moves on.
        """
        looked_at = minute_of(now), self._bad_runs
        if looked_at != self._ruled_out and self._too_few_fail(looked_at[0]):
            self._ruled_out = looked_at
        return looked_at == self._ruled_out

    def _too_few_fail(self, minute: int) -> bool:
        thresholds = self._thresholds
        tried = failing = 0
        for each in range(minute - thresholds.window // MINUTE, self._newest + 1):
            for name, count in self._people.get(each, NOBODY).items():
                if not name.startswith(EXPLAINED):
                    tried += count
                    failing += count if name else 0
        if tried < thresholds.few_tried:
            return False
        return failing < max(thresholds.people, thresholds.share * tried)

    def windows(self, now: datetime) -> dict[int, Window]:
        """Return the windows in which an incident is to be looked for, by their length.

        The longer ones are there only where too few tried in the short one.
        """
        short, small = self._thresholds.window, self._thresholds.windows_small
        windows = self._windows_of([short], now, explained=False)
        if windows[short].tried < self._thresholds.few_tried:
            windows = self._windows_of([short, *small], now, explained=False)
        return windows

    def window(self, length: int, now: datetime) -> Window:
        """Return everybody in a window, by which an incident is seen to be over."""
        return self._windows_of([length], now, explained=True)[length]

    def _windows_of(
        self, lengths: Iterable[int], now: datetime, *, explained: bool
    ) -> dict[int, Window]:
        newest = sorted(self._people, reverse=True)
        counts: dict[str, int] = {}
        windows, place = {}, 0
        for length in sorted(lengths):
            since = minute_of(now) - length // MINUTE
            while place < len(newest) and newest[place] >= since:
                for name, count in self._people[newest[place]].items():
                    if not name.startswith(EXPLAINED):
                        counts[name] = counts.get(name, 0) + count
                    elif explained:
                        counts[name[1:]] = counts.get(name[1:], 0) + count
                place += 1
            failing = {name: count for name, count in counts.items() if name and count}
            windows[length] = Window(sum(counts.values()), failing)
        return windows

    @property
    def usual(self) -> Usual:
        """Return how runs usually end."""
        failed = {name: count for name, count in self._usual.items() if name and count}
        return Usual(self._usual.total(), failed)


def minute_of(moment: datetime) -> int:
    return int(moment.timestamp()) // MINUTE


def is_unexplained(name: str) -> bool:
    """Tell whether a name people are counted under is of a failure to be explained."""
    return name != "" and not name.startswith(EXPLAINED)


def is_explained(minute: int, provider: str, shields: Iterable[Shield]) -> bool:
    """Tell whether an incident of a provider went on in a minute."""
    return any(
        shield.provider == provider
        and minute_of(shield.since) <= minute
        and (shield.until is None or minute <= minute_of(shield.until))
        for shield in shields
    )
