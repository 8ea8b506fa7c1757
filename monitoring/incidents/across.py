"""One cause across organizations: each may be too small to show it alone. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitoring.incidents.detection import Thresholds, tail_probability

LEAST_ORGANIZATIONS = 2


@dataclass(frozen=True, slots=True)
class Part:
    """The people of one organization who tried within the window, and who failed the same way."""

    organization_id: int
    failing: int
    tried: int

    def is_hit(self, thresholds: Thresholds) -> bool:
        return self.failing > 0 and self.failing >= thresholds.share * self.tried


def parts_hit(
    parts: Sequence[Part], tried: int, usual: float, thresholds: Thresholds
) -> list[Part]:
    """Return the organizations that one cause hits together; none where it is no such cause.

    `parts` are those in which somebody fails with the same error, `tried` everybody who tried in
    any organization, `usual` the share of all runs that fail so. Looking only where somebody fails
    would find chance everywhere; so how unlikely it is goes by all who tried.
    """
    hit = [part for part in parts if part.is_hit(thresholds)]
    people = sum(part.failing for part in hit)
    if len(hit) < LEAST_ORGANIZATIONS or people < thresholds.people:
        return []
    return hit if tail_probability(people, max(tried, people), usual) < thresholds.tail else []
