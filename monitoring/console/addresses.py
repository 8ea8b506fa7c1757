"""What the address of the People page asks for, and the addresses that differ from it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from monitoring.console.columns import USUAL, columns_of, parameter_of

SIZES = (25, 50, 100, 200)
PER_PAGE = 50
# As many people as fit into an address; more are meant by what they have in common.
MOST_PICKED = 200
SORTS = frozenset(
    {
        "person",
        "status",
        "team",
        "since",
        "last_attempt",
        "last_good",
        "next_run",
        "interval",
    }
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A list of people: whom (`filters` in force, by name), in which order, how many a page.

    `view` is the saved view it began with, 0 for none.
    """

    filters: Mapping[str, str]
    sort: str = ""
    per: int = PER_PAGE
    columns: tuple[str, ...] = USUAL
    view: int = 0

    @property
    def query(self) -> str:
        """The list as a query string without what is usual anyway; the view is not part of it."""
        return urlencode([*self.filters.items(), *self.manner.items()])

    @property
    def manner(self) -> dict[str, str]:
        """Everything but whom, as parameters."""
        given = {
            "sort": self.sort,
            "per": "" if self.per == PER_PAGE else str(self.per),
            "columns": parameter_of(self.columns),
        }
        return {name: value for name, value in given.items() if value}

    @property
    def address(self) -> str:
        """The list as the end of an address, with the view it began with."""
        parts = [self.query, f"view={self.view}" if self.view else ""]
        return "?" + "&".join(part for part in parts if part)

    def without(self, name: str) -> str:
        """Return the address of the list without one of its filters."""
        left = {each: value for each, value in self.filters.items() if each != name}
        return replace(self, filters=left).address

    def of(self, **filters: str) -> str:
        """Return the address of the same kind of list, of just those people."""
        return replace(self, filters=filters, view=0).address

    def paged_by(self, per: int) -> str:
        """Return the address of the list with so many people a page."""
        return replace(self, per=per).address


def asked_of(
    filters: Mapping[str, str], sort: str, per: str, columns: list[str], view: str
) -> Asked:
    """Return what the parameters of an address ask for; the usual for what makes no sense."""
    return Asked(
        filters,
        sort if sort.removeprefix("-") in SORTS else "",
        int(per) if per in map(str, SIZES) else PER_PAGE,
        columns_of(columns),
        whole_number(view),
    )


def whole_number(text: str) -> int:
    """Return the number in a parameter of ours, 0 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
