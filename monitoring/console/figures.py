"""The key figures of an organization, from the tallies; no person is counted for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitoring.console.together import Question, Row, question_of
from monitoring.console.wording import LOOKS, group_of, syncing_sentence
from monitoring.health.tally import tally_rows

if TYPE_CHECKING:
    from accounts.access import Access

# Worst first, as the list is.
GROUPS = tuple(LOOKS)


@dataclass(frozen=True, slots=True)
class Figures:
    """How many people are in which group, and in each group for which cause."""

    people: dict[tuple[str, str], int]

    def of(self, group: str = "", cause: str = "") -> int:
        """Return how many people are in the group, for the cause; empty means any."""
        return sum(
            number
            for (its_group, its_cause), number in self.people.items()
            if group in {"", its_group} and cause in {"", its_cause}
        )

    @property
    def connected(self) -> int:
        """Everybody but who was never connected."""
        return self.of() - self.of("never_connected")

    @property
    def sentence(self) -> str:
        return syncing_sentence(self.of("healthy"), self.connected)

    @property
    def causes(self) -> list[tuple[str, int]]:
        """The causes there are, with their people: worst group first, then by number."""
        totals: Counter[str] = Counter()
        worst: dict[str, int] = {}
        for (group, cause), number in self.people.items():
            if cause:
                totals[cause] += number
                place = GROUPS.index(group)
                worst[cause] = min(place, worst.get(cause, place))
        return sorted(totals.items(), key=lambda item: (worst[item[0]], -item[1], item[0]))


def figures_of(access: Access) -> Figures:
    """Return the figures of an organization, in one statement."""
    return figures_from(tally_rows(access.organization.pk))


def figures_question(access: Access) -> Question:
    """Ask for the figures of an organization together with something else."""
    return question_of(tally_rows(access.organization.pk))


def figures_from(tally: Iterable[Row]) -> Figures:
    """Return the figures from the rows of a tally."""
    people: Counter[tuple[str, str]] = Counter()
    for row in tally:
        people[group_of(row["status"], row["cause"]), row["cause"]] += row["number"]
    return Figures(dict(people))
