"""The judgement of errors: from the facts of one error and the rules to a verdict. Pure."""

from __future__ import annotations

import tomllib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from monitoring.errors.facts import ErrorFacts, RawError, extract_facts, header
from monitoring.errors.masking import signature
from monitoring.errors.rules import Interpretation, Rule, RulesError, Who, rules_from
from monitoring.errors.ruleset import RuleSet

__all__ = [
    "Interpretation",
    "Interpreter",
    "Rule",
    "RuleSet",
    "RulesError",
    "Verdict",
    "Who",
    "built_in_definitions",
    "built_in_rules",
    "interpret",
    "read_rules",
    "signature",
]

BUILT_IN = Path(__file__).with_name("rules.toml")
LONGEST_CACHED_BODY = 8_192


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one error justifies, and what is said about it.

    rule_id is None where no rule knows the error; retry_after is in seconds, None where the
    provider named no wait; signature groups errors of one kind; rules_version is the set's.
    """

    interpretation: Interpretation
    rule_id: str | None
    title: str
    meaning: str
    next_step: str
    who: Who
    retry_after: int | None
    signature: str
    rules_version: int


# What is said where no rule holds: a rule without an id and without conditions.
UNRECOGNISED = Rule(
    id="",
    interpretation=Interpretation.UNKNOWN,
    title="An error that is not recognised yet",
    meaning="No rule describes this error. Until one does, it counts as temporary.",
    next_step="The sync tries again by itself. If it stays, look at it under unrecognised errors.",
    who=Who.NOBODY,
    conditions=(),
)


def interpret(error: RawError | ErrorFacts, rules: RuleSet) -> Verdict:
    """Judge an error by the first rule that holds. Pure and total."""
    facts = extract_facts(error) if isinstance(error, RawError) else error
    rule = rules.match(facts) or UNRECOGNISED
    return Verdict(
        rule.interpretation,
        rule.id or None,
        rule.title,
        rule.meaning,
        rule.next_step,
        rule.who,
        facts.retry_after,
        signature(facts),
        rules.version,
    )


@cache
def built_in_rules() -> RuleSet:
    """Return the rules that ship with the product. Raises RulesError if the file is broken."""
    return read_rules(BUILT_IN.read_text(encoding="utf-8"))


@cache
def built_in_definitions() -> Mapping[str, Mapping[str, Any]]:
    """Return the built-in rules by id as the rules file writes them: with its keys, as given."""
    entries = tomllib.loads(BUILT_IN.read_text(encoding="utf-8"))["rule"]
    return MappingProxyType({entry["id"]: MappingProxyType(entry) for entry in entries})


def read_rules(text: str) -> RuleSet:
    """Return the rules of a TOML text: `version`, then `[[rule]]` tables. Raises RulesError."""
    try:
        data: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RulesError(f"the rules are not TOML: {error}") from None
    if unknown := sorted(data.keys() - {"version", "rule"}):
        raise RulesError(f"unknown field {', '.join(unknown)} beside the rules")
    version, entries = data.get("version"), data.get("rule")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise RulesError("the rules need a version, a whole number from 1 on")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise RulesError("the rules need [[rule]] tables")
    return RuleSet(rules_from(entries), version=version)


class Interpreter:
    """Judges by one RuleSet and remembers the latest verdicts: errors come in floods of equals.

    Holds at most `size` verdicts; very long bodies are judged anew each time. Not for several
    threads at once.
    """

    def __init__(self, rules: RuleSet, *, size: int = 4_096) -> None:
        self.rules = rules
        self._size = size
        self._verdicts: OrderedDict[tuple[Any, ...], Verdict] = OrderedDict()

    def interpret(self, error: RawError) -> Verdict:
        """Return what `interpret` returns, from memory where the same error was judged before."""
        if len(error.body) > LONGEST_CACHED_BODY:
            return interpret(error, self.rules)
        key = key_of(error)
        verdict = self._verdicts.get(key)
        if verdict is None:
            verdict = self._verdicts[key] = interpret(error, self.rules)
            if len(self._verdicts) > self._size:
                self._verdicts.popitem(last=False)
        else:
            self._verdicts.move_to_end(key)
        return verdict


def key_of(error: RawError) -> tuple[Any, ...]:
    """Return all of a raw error on which its verdict depends."""
    return (
        error.provider,
        error.channel,
        error.status,
        error.body,
        error.operation,
        *(headers_that_count(error) if error.headers else ()),
    )


def headers_that_count(error: RawError) -> tuple[str, str, str]:
    """Return the headers a verdict depends on; Date only where Retry-After may be a date."""
    wait = header(error.headers, "retry-after")
    date = header(error.headers, "date") if wait else ""
    return wait, date, header(error.headers, "www-authenticate")
