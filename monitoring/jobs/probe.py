"""The probe: is a cluster of this host wedged? Pure; the worker manager looks and acts.

Times are seconds of one monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

# A cluster that has never shown itself gets longer: it may still be importing.
START_ALLOWANCE = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a cluster may be silent (`stat`), and find no time for old jobs (`beat`)."""

    stat: float
    beat: float


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one look at a cluster found.

    stat      its sentinel has reported lately
    neglect   jobs it serves wait although doorbells were rung for them, more than once
    beat_age  seconds since one of its drains showed that it lives, None if none ever did
    """

    at: float
    stat: bool
    neglect: bool
    beat_age: float | None


@dataclass(frozen=True, slots=True)
class Watch:
    """What is remembered from look to look: since when something is amiss."""

    seen: bool = False
    silent_since: float | None = None
    neglect_since: float | None = None
    beat_at: float | None = None

    def after(self, sighting: Sighting) -> Watch:
        """Return the watch after one more look."""
        return Watch(
            seen=self.seen or sighting.stat,
            silent_since=None if sighting.stat else first(self.silent_since, sighting.at),
            neglect_since=first(self.neglect_since, sighting.at)
            if sighting.neglect and self.seen
            else None,
            beat_at=None if sighting.beat_age is None else sighting.at - sighting.beat_age,
        )

    def blinded(self) -> Watch:
        """Return the watch after a look that could not see, as while the database is away."""
        return replace(self, silent_since=None, neglect_since=None)

    def verdict(self, now: float, limits: Limits) -> str | None:
        """Return why the cluster must be started anew, or None."""
        allowed = limits.stat if self.seen else max(limits.stat, START_ALLOWANCE)
        if self.silent_since is not None and now - self.silent_since >= allowed:
            return f"it has not reported for {now - self.silent_since:.0f} s"
        if self.neglect_since is not None:
            idle = now - max(self.neglect_since, first(self.beat_at, self.neglect_since))
            if idle >= limits.beat:
                return f"old jobs wait and none of its workers was at work for {idle:.0f} s"
        return None


def first(known: float | None, now: float) -> float:
    return now if known is None else known
