"""Rules: versioned statements "errors like this mean that", and how they are read from data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from monitoring.errors.patterns import is_plain, is_quick
from monitoring.errors.reading import normalized

PROVIDERS = frozenset({"google", "salesforce", "network"})
CHANNELS = frozenset({"http-json", "oauth-json", "soap-fault", "html", "exception-text"})
CONDITIONS = frozenset(
    {"channels", "statuses", "codes", "subcodes", "says", "patterns", "operations", "whole"}
)
SENTENCES = ("title", "meaning", "next_step")
FIELDS = CONDITIONS | {"id", "class", "who", "providers", "also", *SENTENCES}
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
STATUS_CLASS = re.compile(r"[1-5]xx")
MAX_SLUG = 80
MAX_PATTERN = 500

Choice = TypeVar("Choice", bound=StrEnum)


class Interpretation(StrEnum):
    """What an error justifies. `unknown` counts as transient and is shown for a rule to be made."""

    TRANSIENT = "transient"
    NEEDS_USER = "needs_user"
    NEEDS_ADMIN = "needs_admin"
    RECORD = "record"
    CLIENT_BUG = "client_bug"
    UNKNOWN = "unknown"


class Who(StrEnum):
    """Who can take the next step: the person, the customer's admin, our operator, or nobody."""

    PERSON = "person"
    ADMIN = "admin"
    OPERATOR = "operator"
    NOBODY = "nobody"


class RulesError(ValueError):
    """A rule that can't be used; the message names the rule and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What an error must look like. Every field that is given must hold; in a field any one does.

    codes and subcodes are compared without case; `says` are phrases of whole words, where ` * `
    stands for any words between; `patterns` are regular expressions over the lower-case text;
    `operations` are beginnings of the operation's name; `whole` asks for a body seen to its end.
    """

    channels: frozenset[str] = frozenset()
    statuses: frozenset[int] = frozenset()
    codes: frozenset[str] = frozenset()
    subcodes: frozenset[str] = frozenset()
    says: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One statement about errors: it holds where any of its conditions does.

    An empty `providers` means any provider. The sentences are shown to admins as they are.
    """

    id: str
    interpretation: Interpretation
    title: str
    meaning: str
    next_step: str
    who: Who
    conditions: tuple[Condition, ...]
    providers: frozenset[str] = frozenset()


def rules_from(entries: Iterable[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """Read rules from plain data, as TOML or a form gives them. Raises RulesError."""
    rules = tuple(rule_from(entry) for entry in entries)
    refuse_repeats(rules)
    return rules


def refuse_repeats(rules: Sequence[Rule]) -> None:
    """Raise RulesError where two rules share an id."""
    seen: set[str] = set()
    for rule in rules:
        if rule.id in seen:
            raise RulesError(f"rule {rule.id!r}: the id is used twice")
        seen.add(rule.id)


def rule_from(entry: Mapping[str, Any]) -> Rule:
    """Read one rule; the keys are those of the rules file. Raises RulesError."""
    slug = entry.get("id")
    if not isinstance(slug, str) or not SLUG.fullmatch(slug) or len(slug) > MAX_SLUG:
        raise RulesError(f"rule {slug!r}: the id must be words of a-z and 0-9 joined by hyphens")
    refuse_unknown(slug, entry, FIELDS)
    for field in SENTENCES:
        if not isinstance(entry.get(field), str) or not entry[field].strip():
            raise RulesError(f"rule {slug!r}: {field} is missing")
    alternatives = entry.get("also", [])
    if not isinstance(alternatives, list):
        raise RulesError(f"rule {slug!r}: also must be a list")
    own = {field: entry[field] for field in CONDITIONS & entry.keys()}
    return Rule(
        id=slug,
        interpretation=choice(slug, "class", entry.get("class"), Interpretation),
        title=entry["title"].strip(),
        meaning=entry["meaning"].strip(),
        next_step=entry["next_step"].strip(),
        who=choice(slug, "who", entry.get("who"), Who),
        providers=frozenset(texts(slug, entry, "providers", PROVIDERS)),
        conditions=tuple(condition_from(slug, given) for given in (own, *alternatives)),
    )


def condition_from(slug: str, given: Mapping[str, Any]) -> Condition:
    """Read one set of conditions. Raises RulesError."""
    if not isinstance(given, Mapping) or not given:
        raise RulesError(f"rule {slug!r}: a rule needs at least one condition")
    refuse_unknown(slug, given, CONDITIONS)
    whole = given.get("whole", False)
    if not isinstance(whole, bool):
        raise RulesError(f"rule {slug!r}: whole must be true or false")
    condition = Condition(
        channels=frozenset(texts(slug, given, "channels", CHANNELS)),
        statuses=frozenset(statuses_from(slug, given.get("statuses", []))),
        codes=frozenset(code.lower() for code in texts(slug, given, "codes")),
        subcodes=frozenset(code.lower() for code in texts(slug, given, "subcodes")),
        says=tuple(texts(slug, given, "says")),
        patterns=tuple(texts(slug, given, "patterns")),
        operations=tuple(texts(slug, given, "operations")),
        whole=whole,
    )
    for phrase in condition.says:
        check_phrase(slug, phrase)
    for pattern in condition.patterns:
        check_pattern(slug, pattern)
    if condition == Condition(whole=whole):
        raise RulesError(f"rule {slug!r}: a rule needs at least one condition")
    return condition


def refuse_unknown(slug: str, given: Mapping[str, Any], allowed: frozenset[str]) -> None:
    """Raise RulesError for a key that means nothing, which is most often a slip of the pen."""
    if unknown := sorted(str(key) for key in given.keys() - allowed):
        raise RulesError(f"rule {slug!r}: unknown field {', '.join(unknown)}")


def choice(slug: str, field: str, value: Any, choices: type[Choice]) -> Choice:
    """Return the member of `choices` that a text names. Raises RulesError."""
    try:
        return choices(value)
    except ValueError:
        allowed = ", ".join(choices)
        raise RulesError(f"rule {slug!r}: unknown {field} {value!r}, one of {allowed}") from None


def texts(
    slug: str, given: Mapping[str, Any], field: str, allowed: frozenset[str] | None = None
) -> list[str]:
    """Return a list of texts, each one of `allowed` where that is given. Raises RulesError."""
    values = given.get(field, [])
    if not isinstance(values, list) or not all(isinstance(v, str) and v.strip() for v in values):
        raise RulesError(f"rule {slug!r}: {field} must be a list of texts")
    for value in values:
        if allowed is not None and value not in allowed:
            options = ", ".join(sorted(allowed))
            raise RulesError(f"rule {slug!r}: unknown {field} {value!r}, one of {options}")
    return values


def statuses_from(slug: str, values: Any) -> Iterable[int]:
    """Yield HTTP statuses from numbers and from classes such as "5xx". Raises RulesError."""
    if not isinstance(values, list):
        raise RulesError(f"rule {slug!r}: statuses must be a list")
    for value in values:
        if isinstance(value, str) and STATUS_CLASS.fullmatch(value):
            yield from range(int(value[0]) * 100, int(value[0]) * 100 + 100)
        elif isinstance(value, int) and 100 <= value <= 599:
            yield value
        else:
            raise RulesError(f"rule {slug!r}: unknown status {value!r}, like 403 or '5xx'")


def check_phrase(slug: str, phrase: str) -> None:
    """Refuse a phrase that, as it is compared, has no word of three letters to be found by."""
    if not re.search(r"\w{3}", normalized(phrase)) or any(
        len(part) > 200 for part in phrase.split(" * ")
    ):
        raise RulesError(f"rule {slug!r}: a phrase needs a word of three letters: {phrase!r}")


def check_pattern(slug: str, pattern: str) -> None:
    """Refuse a pattern that does not compile, or that hostile text could keep busy for long."""
    if len(pattern) > MAX_PATTERN:
        raise RulesError(f"rule {slug!r}: pattern longer than {MAX_PATTERN} characters")
    try:
        plain = is_plain(pattern)
        quick = plain and is_quick(pattern)
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise RulesError(f"rule {slug!r}: bad pattern {pattern!r}: {error}") from None
    if not plain:
        raise RulesError(
            f"rule {slug!r}: {pattern!r} may hold one * or + or ? or {{}}, none of a group, one "
            "choice of plain texts, and no reference back; use a phrase with ' * ' instead"
        )
    if not quick:
        raise RulesError(
            f"rule {slug!r}: {pattern!r} could take long on a long text; begin it with plain text, "
            "or say after its repeat how many characters there are at most, like {0,80}"
        )
