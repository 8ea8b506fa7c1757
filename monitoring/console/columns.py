"""The columns of the list of people, and which of them an address asks for. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """A column that can be chosen; `usual` ones are shown where nothing is chosen."""

    name: str
    title: str
    usual: bool = False


# In the order in which they are shown.
COLUMNS = (
    Column("team", "Team"),
    Column("since", "Unchanged since"),
    Column("kind", "Kind of error"),
    Column("recent", "Last 24 runs", usual=True),
    Column("last_attempt", "Last attempt"),
    Column("last_good", "Last good run", usual=True),
    Column("next_run", "Next run", usual=True),
    Column("interval", "Interval", usual=True),
    Column("google", "Google"),
    Column("salesforce", "Salesforce"),
    Column("deed", "Last deed"),
)
NAMES = frozenset(column.name for column in COLUMNS)
USUAL = tuple(column.name for column in COLUMNS if column.usual)
# Who and how they are is always shown. In an address it says that nothing else is wanted.
ALWAYS = "person"


def columns_of(given: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the columns to show, in their order.

    `given` are the values of the parameter, each a name or names with commas between. Names that
    are none are left out; the usual columns are shown where nothing is left.
    """
    named = {name.strip() for value in given for name in value.split(",")}
    if not named & (NAMES | {ALWAYS}):
        return USUAL
    return tuple(column.name for column in COLUMNS if column.name in named)


def parameter_of(columns: Collection[str]) -> str:
    """Return the columns as an address says them; empty for the usual ones."""
    if tuple(columns) == USUAL:
        return ""
    return ",".join(columns) or ALWAYS
