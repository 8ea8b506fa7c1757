"""A rule as a form has it, and back; and as the rules file would write it. Pure.

A definition has the keys of the rules file. In the form lists are texts: codes and statuses with
commas between, phrases and patterns one a line, further sets of conditions as TOML.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from monitoring.console.rule_words import CONDITIONS
from monitoring.errors.proposals import MAX_DEFINITION, sentence_of
from monitoring.errors.rules import (
    PROVIDERS,
    SENTENCES,
    RulesError,
    condition_from,
    rule_from,
    texts,
)

TEXTS = ("class", "who", *SENTENCES)
CHOICES = ("providers", "channels")
WORDS = ("statuses", "codes", "subcodes", "operations")
LINES = ("says", "patterns")
FIELDS = (*TEXTS, *CHOICES, *WORDS, *LINES, "whole", "also")
SEPARATOR = re.compile(r"[,\s]+")
LINE_END = re.compile(r"\r\n|\r|\n")
NO_CONDITION = "Say what the error looks like: give a code, a phrase or another condition."


def fields_of(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form's fields hold for a rule."""
    fields: dict[str, Any] = {name: definition.get(name, "") for name in TEXTS}
    fields |= {name: list(definition.get(name, [])) for name in CHOICES}
    fields |= {name: ", ".join(map(str, definition.get(name, []))) for name in WORDS}
    fields |= {name: "\n".join(definition.get(name, [])) for name in LINES}
    return fields | {
        "whole": definition.get("whole", False),
        "also": sets_text(definition.get("also", [])),
    }


def definition_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rule that a form's fields describe, without what they leave empty.

    It may still be none that can be used: `problems_of` tells. Raises RulesError for further sets
    that are not TOML.
    """
    definition: dict[str, Any] = {name: fields[name].strip() for name in TEXTS}
    found: dict[str, Any] = {name: list(fields[name]) for name in CHOICES}
    found |= {name: [word for word in SEPARATOR.split(fields[name]) if word] for name in WORDS}
    found["statuses"] = [int(word) if is_number(word) else word for word in found["statuses"]]
    found["says"] = [line.strip() for line in lines_of(fields["says"])]
    # A space at either end of a pattern means something.
    found["patterns"] = lines_of(fields["patterns"])
    found["whole"] = bool(fields["whole"])
    found["also"] = sets_from(fields["also"])
    return definition | {name: value for name, value in found.items() if value}


def size_problem(fields: Mapping[str, Any]) -> str:
    """Return a sentence for fields that hold more than any rule may; nothing is read before."""
    size = sum(len(value) for name in FIELDS if isinstance(value := fields.get(name), str))
    if size <= MAX_DEFINITION:
        return ""
    return f"The rule has {size:,} characters; {MAX_DEFINITION:,} are allowed."


def is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 10


def lines_of(text: str) -> list[str]:
    return [line for line in LINE_END.split(text) if line.strip()]


def problems_of(definition: Mapping[str, Any]) -> dict[str, str]:
    """Return a sentence for each field that a rule can't be used with, by the field's name.

    Under "" is what concerns no field alone. Sentences that are missing are not looked at.
    """
    problems: dict[str, str] = {}
    for name in CONDITIONS:
        # That the end was seen is no condition by itself.
        if name != "whole" and definition.get(name):
            note(problems, name, [{name: definition[name]}])
    note(problems, "also", definition.get("also", []))
    try:
        texts("-", definition, "providers", PROVIDERS)
    except RulesError as error:
        problems["providers"] = sentence_of(error)
    if not problems and not has_condition(definition):
        problems[""] = NO_CONDITION
    if not problems:
        problems |= what_is_left(definition)
    return problems


def note(problems: dict[str, str], name: str, sets: Sequence[Mapping[str, Any]]) -> None:
    """Add what is wrong with sets of conditions, under the field they stand in."""
    for conditions in sets:
        try:
            condition_from("-", conditions)
        except RulesError as error:
            problems.setdefault(name, sentence_of(error))


def has_condition(definition: Mapping[str, Any]) -> bool:
    return any(definition.get(name) for name in CONDITIONS if name != "whole")


def what_is_left(definition: Mapping[str, Any]) -> dict[str, str]:
    try:
        rule_from(filled(definition))
    except RulesError as error:
        return {"": sentence_of(error)}
    return {}


def filled(definition: Mapping[str, Any], rule: str = "a-rule") -> dict[str, Any]:
    """Return the definition with something in each field that its conditions don't depend on."""
    return {**definition, "id": rule} | {
        name: definition.get(name) or default for name, default in DEFAULTS.items()
    }


DEFAULTS = {"class": "transient", "who": "nobody"} | dict.fromkeys(SENTENCES, "-")


def written(definition: Mapping[str, Any]) -> str:
    """Return a rule's conditions as the rules file writes them."""
    own = [line_of(name, definition[name]) for name in ("providers",) if definition.get(name)]
    own += [line_of(name, definition[name]) for name in CONDITIONS if definition.get(name)]
    parts = ["\n".join(own), sets_text(definition.get("also", []))]
    return "\n\n".join(part for part in parts if part)


def sets_text(sets: Sequence[Mapping[str, Any]]) -> str:
    """Return further sets of conditions as TOML, one table each."""
    tables = ("\n".join(["[[also]]", *(line_of(*item) for item in each.items())]) for each in sets)
    return "\n\n".join(tables)


def sets_from(text: str) -> list[dict[str, Any]]:
    """Return the sets of conditions in a TOML text. Raises RulesError for one that is not TOML."""
    try:
        data = tomllib.loads(LINE_END.sub("\n", text))
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise RulesError(f"further conditions are not TOML: {error}") from None
    sets = data.pop("also", [])
    if data or not isinstance(sets, list) or not all(isinstance(each, dict) for each in sets):
        raise RulesError("further conditions begin with [[also]] each, and nothing stands before")
    return sets


def line_of(name: str, value: Any) -> str:
    return f"{name} = {toml(value)}"


def toml(value: Any) -> str:
    """Return a text, a number, a truth or a list of these as TOML."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml, value))}]"
    # JSON escapes all that TOML wants escaped but this one.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
