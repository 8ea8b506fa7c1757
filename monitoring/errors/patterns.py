"""How long a regular expression could keep the judging busy with hostile text. Pure.

Python's engine tries every way in which a pattern could fit. So a pattern may have few ways only,
and they are counted before it is used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from itertools import takewhile
from typing import Any

# The engine's own parser, by name because it has no type stubs.
PARSER: Any = import_module("re._parser")
MAX_PATTERN_TEXT = 2_000
# Steps of the engine on a text of that length: a few hundredths of a second at the very most.
MOST_STEPS = 10_000_000
LAST_IN_TABLE = 0xFF

ONE_CHARACTER = frozenset({"LITERAL", "NOT_LITERAL", "IN", "ANY"})
REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})
LOOKAROUND = frozenset({"ASSERT", "ASSERT_NOT"})
KNOWN = ONE_CHARACTER | REPEATS | LOOKAROUND | {"AT", "SUBPATTERN", "BRANCH"}

# An operation's name and what it is about, as the parser tells them.
Item = tuple[str, Any]


def is_plain(pattern: str) -> bool:
    """Tell if a pattern has few ways to fit: one variable repeat, one choice, nothing nested.

    `?` is a repeat too. A repeat is of one character, a choice of plain texts, what is looked at
    ahead or behind holds no repeat, and nothing refers back. Raises what re.compile raises.
    """
    items = every_item(items_of(PARSER.parse(pattern)))
    variable = [about for name, about in items if name in REPEATS and about[0] != about[1]]
    choices = [name for name, _ in items if name == "BRANCH"]
    return len(variable) <= 1 and len(choices) <= 1 and all(map(is_plain_item, items))


def is_quick(pattern: str) -> bool:
    """Tell if a plain pattern is done soon with whatever text of MAX_PATTERN_TEXT characters."""
    parsed = PARSER.parse(pattern)
    items = items_of(parsed)
    if parsed.state.flags & ~re.UNICODE or any(map(has_flags, every_item(items))):
        # Letters that are compared without case take twice as long, and lines have many starts.
        return 2 * MAX_PATTERN_TEXT * work(items) <= MOST_STEPS
    return starts_of(items) * work(items) <= MOST_STEPS


def has_flags(item: Item) -> bool:
    return item[0] == "SUBPATTERN" and bool(item[1][1])


def items_of(parsed: Any) -> list[Item]:
    return [(str(operation), about) for operation, about in parsed]


def every_item(items: Sequence[Item]) -> list[Item]:
    """Return the items and, after each, all that it holds."""
    return [each for item in items for each in (item, *every_item(inside(item)))]


def inside(item: Item) -> list[Item]:
    """Return what a group, a repeat, a choice or a look ahead holds."""
    name, about = item
    if name == "BRANCH":
        return [each for branch in about[1] for each in items_of(branch)]
    if name in REPEATS | LOOKAROUND | {"SUBPATTERN"}:
        return items_of(about[-1])
    return []


def is_plain_item(item: Item) -> bool:
    name, within = item[0], [each for each, _ in inside(item)]
    if name in REPEATS:
        return len(within) == 1 and within[0] in ONE_CHARACTER
    if name == "BRANCH":
        return ONE_CHARACTER.issuperset(within)
    if name in LOOKAROUND:
        return REPEATS.isdisjoint(each for each, _ in every_item(inside(item)))
    return name in KNOWN


def starts_of(items: Sequence[Item]) -> int:
    """Return at how many places of a text the pattern can get past its first plain text."""
    if items and items[0] == ("AT", PARSER.AT_BEGINNING):
        return 1
    plain = [about for _, about in takewhile(lambda item: item[0] == "LITERAL", items)]
    return -(-MAX_PATTERN_TEXT // period(plain)) if plain else MAX_PATTERN_TEXT


def period(values: Sequence[int]) -> int:
    """Return after how many values a sequence may begin again: 1 for "aaa", 2 for "aba"."""
    return next(n for n in range(1, len(values) + 1) if values[n:] == values[: len(values) - n])


def work(items: Sequence[Item]) -> int:
    """Return the steps that items can take from one place of a text, every way counted."""
    steps = 0
    for item in reversed(items):
        steps = own_work(item) + ways(item) * steps
    return steps


def own_work(item: Item) -> int:
    name, about = item
    if name in REPEATS:
        return min(int(about[1]), MAX_PATTERN_TEXT) * work(inside(item))
    if name == "IN":
        return 1 if is_table(items_of(about)) else 1 + 3 * len(about)
    if name == "BRANCH":
        return sum(1 + work(items_of(branch)) for branch in about[1])
    return 1 + work(inside(item))


def is_table(items: Sequence[Item]) -> bool:
    """Tell if the engine looks a character set up in a table; others it goes through one by one."""
    return all(
        (name in {"LITERAL", "NEGATE"} and (about or 0) <= LAST_IN_TABLE)
        or (name == "RANGE" and about[1] <= LAST_IN_TABLE)
        for name, about in items
    )


def ways(item: Item) -> int:
    """Return in how many ways an item can fit, after each of which all that follows is tried."""
    name, about = item
    if name in REPEATS:
        return max(0, min(int(about[1]), MAX_PATTERN_TEXT) - int(about[0])) + 1
    if name == "BRANCH":
        return len(about[1])
    if name == "SUBPATTERN":
        product = 1
        for each in inside(item):
            product *= ways(each)
        return product
    return 1
