"""What one rule says and the other does not, for somebody who decides about a change. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monitoring.console.rule_words import (
    CHANNELS,
    CONDITIONS,
    PROVIDERS,
    class_words,
    who_words,
)
from monitoring.console.rule_writing import sets_text

LABELS = {
    "class": "Class",
    "title": "Title",
    "meaning": "Meaning",
    "next_step": "Next step",
    "who": "Who acts",
    "providers": "Provider",
    "channels": "Comes as",
    "statuses": "HTTP status",
    "codes": "Code",
    "subcodes": "Second code",
    "says": "Phrase",
    "patterns": "Pattern",
    "operations": "Operation",
    "whole": "Read to its end",
    "also": "Further conditions",
}
WRITTEN = frozenset({"statuses", "codes", "subcodes", "says", "patterns", "operations", "also"})
SAID = {"class": class_words, "who": who_words}
CHOSEN = {"providers": PROVIDERS, "channels": CHANNELS}


@dataclass(frozen=True, slots=True)
class Difference:
    """One field in which two rules differ: what is there no more, and what is new.

    `is_code` tells that the values are to be shown as they are written.
    """

    label: str
    gone: tuple[str, ...]
    new: tuple[str, ...]
    is_code: bool


def differences(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> list[Difference]:
    """Return in which fields two rules differ; None is no rule. The order in lists is nothing."""
    found = []
    for field, label in LABELS.items():
        old, new = values_of(before, field), values_of(after, field)
        gone = tuple(value for value in old if value not in new)
        added = tuple(value for value in new if value not in old)
        if gone or added:
            found.append(Difference(label, gone, added, field in WRITTEN))
    return found


def values_of(definition: Mapping[str, Any] | None, field: str) -> list[str]:
    """Return what a field says, in words and each once; a text is one value."""
    value = (definition or {}).get(field)
    if not value:
        return []
    if field == "also":
        return [sets_text([ordered(each)]).partition("\n")[2] for each in value]
    if field == "whole":
        return ["yes"]
    if isinstance(value, str):
        return [SAID.get(field, str.strip)(value)]
    names = CHOSEN.get(field, {})
    return list(dict.fromkeys(names.get(each, str(each)) for each in value))


def ordered(conditions: Mapping[str, Any]) -> dict[str, Any]:
    return {name: conditions[name] for name in CONDITIONS if name in conditions}


def difference_sentence(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, has_one_below: bool
) -> str:
    """Return what a change does as a whole; `has_one_below` tells of a rule it lies upon."""
    if after is None:
        if has_one_below:
            return "Takes this change away, so that the rule below it holds again."
        return "Takes the rule away. Errors that only it knows are unrecognised from then on."
    fields = [each.label.lower() for each in differences(before, after)]
    if before is None:
        return "A new rule."
    if not fields:
        return "Says the same as the rule that holds now."
    return f"Changes {', '.join(fields)}."
