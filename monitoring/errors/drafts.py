"""The rule that one click proposes for an error which no rule knows. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache
from typing import Any, Protocol

from monitoring.errors.causes import ECHOES
from monitoring.errors.facts import ErrorFacts, RawError, extract_facts
from monitoring.errors.interpretation import built_in_rules
from monitoring.errors.masking import masked
from monitoring.errors.rules import CHANNELS, MAX_SLUG, PROVIDERS, SENTENCES, RulesError, rule_from
from monitoring.errors.ruleset import RuleSet

MAX_WORDS = 14
# A single word shorter than this would stand in many an error that means something else.
SHORTEST_WORD = 12
SIGNS = ".,:;!?()[]{}'\"-"
# The masked text is cut; the word at its very end may be half of one.
CUT_AT = 200


class Unrecognised(Protocol):
    """What is asked of a row of the inbox."""

    sample: Any


def draft_from(unrecognised: Unrecognised, *, taken: Collection[str] = ()) -> dict[str, Any]:
    """Return the definition of a rule that holds for the error, with the rules file's keys.

    It is narrowed by all the sample shows: provider, channel, status, and a code or a phrase
    without anything private. Its class is transient until somebody knows better, and its sentences
    are empty, to be filled in before it can be proposed. Its id is none of the built-in rules' and
    none of `taken`.
    """
    facts = extract_facts(RawError(**unrecognised.sample))
    base: dict[str, Any] = {"class": "transient", "who": "nobody"}
    base |= dict.fromkeys(SENTENCES, "")
    if facts.provider in PROVIDERS:
        base["providers"] = [facts.provider]
    narrowed: dict[str, Any] = {}
    if facts.channel in CHANNELS:
        narrowed["channels"] = [facts.channel]
    if facts.status is not None and 100 <= facts.status <= 599:
        narrowed["statuses"] = [facts.status]
    base["id"] = free_id(facts, {rule.id for rule in built_in_rules().rules} | set(taken))
    drafts = [base | narrowed | telling for telling in (*tellings(facts), {})]
    return next((draft for draft in drafts if holds(draft, facts)), drafts[-1])


def tellings(facts: ErrorFacts) -> Iterator[dict[str, Any]]:
    """Yield what could tell the error from others, best first.

    A code that says only that something went wrong elsewhere, or of which other rules speak too,
    needs a phrase beside it, lest the rule take over what they know better.
    """
    phrases = list(phrases_of(facts))
    if facts.code:
        code: dict[str, Any] = {"codes": [facts.code]}
        if facts.subcode:
            code["subcodes"] = [facts.subcode]
        if facts.code in ECHOES or facts.code.lower() in codes_spoken_of():
            yield from (code | {"says": [phrase]} for phrase in phrases)
        yield code
    yield from ({"says": [phrase]} for phrase in phrases)


@cache
def codes_spoken_of() -> frozenset[str]:
    """Return the codes of the built-in rules, in lower case."""
    conditions = (each for rule in built_in_rules().rules for each in rule.conditions)
    return frozenset(code for condition in conditions for code in condition.codes)


def phrases_of(facts: ErrorFacts) -> Iterator[str]:
    """Yield phrases of the error's masked sentence: with its gaps, then its longest part alone."""
    parts = parts_of(masked(facts.message or facts.text))
    if parts:
        yield " * ".join(parts)
        yield max(parts, key=len)


def parts_of(sentence: str) -> list[str]:
    """Return the runs of words between what is masked, without the signs at their ends."""
    words = sentence[:CUT_AT].split()
    if len(sentence) >= CUT_AT:
        words = words[:-1]
    runs: list[list[str]] = [[]]
    for word in words[:MAX_WORDS]:
        if "<" in word or "*" in word:
            runs.append([])
        else:
            runs[-1].append(word)
    parts = (" ".join(run).strip(SIGNS + " ") for run in runs)
    return [part for part in parts if tells(part)]


def tells(part: str) -> bool:
    """Tell if the words are enough to know an error by."""
    words = re.findall(r"[a-z]{3,}", part)
    return len(words) > 1 or any(len(word) >= SHORTEST_WORD for word in words)


def holds(draft: dict[str, Any], facts: ErrorFacts) -> bool:
    """Tell if the draft, once its sentences are filled in, holds for the error."""
    filled = draft | dict.fromkeys(SENTENCES, "-")
    try:
        return RuleSet((rule_from(filled),), version=1).match(facts) is not None
    except RulesError:
        return False


def free_id(facts: ErrorFacts, taken: Collection[str]) -> str:
    """Return an id in words that no other rule has."""
    told = facts.code or " ".join(parts_of(masked(facts.message or facts.text))[:1])
    words = re.findall(r"[a-z0-9]+", told.lower())[:6] or [str(facts.status or ""), "error"]
    stem = "-".join(word for word in (facts.provider, *words) if word)[: MAX_SLUG - 4].strip("-")
    free = (stem, *(f"{stem}-{number}" for number in range(2, len(taken) + 3)))
    return next(id_ for id_ in free if id_ not in taken)
