"""Versions of rule sets: that of the built-in rules, and the last change that went live. Pure.

One whole number tells both, because that is what each outcome keeps: 3 are the built-in rules of
version 3 as they are, 3_000_042 are they with the changes up to the 42nd that ever went live.
"""

from __future__ import annotations

CHANGES = 1_000_000
LAST_NUMBER = CHANGES - 1
# The outcome log keeps versions as 32-bit whole numbers.
LAST_BUILT_IN = (2**31 - 1) // CHANGES - 1


def version_of(built_in: int, number: int) -> int:
    """Return the version of the built-in rules with the changes up to `number`, 0 for none.

    Raises ValueError for numbers that don't fit.
    """
    if not 1 <= built_in <= LAST_BUILT_IN or not 0 <= number <= LAST_NUMBER:
        raise ValueError(f"no version has built-in rules {built_in} and change {number}")
    return built_in * CHANGES + number if number else built_in


def number_in(version: int) -> int:
    """Return the number of the last change in a version, 0 for the built-in rules alone."""
    return version % CHANGES if version >= CHANGES else 0


def version_text(version: int) -> str:
    """Return a version as people read it: 3_000_042 is "3.42", 3 is "3"."""
    return f"{version // CHANGES}.{number_in(version)}" if version >= CHANGES else str(version)
