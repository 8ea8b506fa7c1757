"""How numbers are said everywhere: counted things, people and shares. Pure."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return "1 day", "2 days", "1,234 days"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def people_of(number: int) -> str:
    """Return "1 person", "1,234 people"."""
    return counted(number, "person", "people")


def percent(share: float) -> str:
    """Return a share as "99.2 %"; less than all is never said as "100 %", nor some as "0 %"."""
    rounded = round(share * 100, 1)
    if 0 < share < 1:
        rounded = min(max(rounded, 0.1), 99.9)
    return f"{rounded:g} %"
