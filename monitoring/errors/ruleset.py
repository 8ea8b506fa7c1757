"""A set of rules, compiled so that an error meets only the few rules that could hold for it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TypeVar

from monitoring.errors.facts import ErrorFacts
from monitoring.errors.patterns import MAX_PATTERN_TEXT
from monitoring.errors.reading import normalized
from monitoring.errors.rules import PROVIDERS, Condition, Interpretation, Rule, refuse_repeats

WORDS = re.compile(r"\w{3,}")
NO_WORD = bytes(code if WORDS.match(chr(code) * 3) else 32 for code in range(128)).ljust(256)
ANY = ""
NO_CODES: frozenset[str] = frozenset()
ASKS_A_HUMAN = frozenset({Interpretation.NEEDS_USER, Interpretation.NEEDS_ADMIN})
# The status of every SOAP fault, whatever it is about: the fault's code tells more than it does.
FAULT = 500
PLACE = attrgetter("order")

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One condition of one rule, ready to be compared; a rule of lower `order` is tried earlier.

    A condition that only has phrases to be found by is filed once for each of its phrases, whose
    first part is then the `part`.
    """

    order: int
    rule: Rule
    condition: Condition
    phrases: tuple[tuple[str, ...], ...]
    patterns: tuple[re.Pattern[str], ...]
    part: str = ""

    def holds(self, facts: ErrorFacts, codes: frozenset[str]) -> bool:
        """Tell if the condition holds for the facts, whose codes are given in lower case."""
        wanted = self.condition
        return (
            not (facts.outage and self.doubtful(facts.status))
            and (not wanted.codes or not wanted.codes.isdisjoint(codes))
            and (not wanted.statuses or facts.status in wanted.statuses)
            and (not wanted.channels or facts.channel in wanted.channels)
            and (not wanted.subcodes or facts.subcode.lower() in wanted.subcodes)
            and (not wanted.whole or facts.whole)
            and (not wanted.operations or facts.operation.startswith(wanted.operations))
            and (not self.phrases or self.is_said(facts.text))
            and (not self.patterns or self.is_matched(facts.text[:MAX_PATTERN_TEXT]))
        )

    def doubtful(self, status: int | None) -> bool:
        """Tell if the condition may not blame a human for what is told in an outage.

        A proxy or a provider then quotes anything. Believed are a status that the condition
        itself names, and the code of a fault.
        """
        if self.rule.interpretation not in ASKS_A_HUMAN or status in self.condition.statuses:
            return False
        return not self.condition.codes or status != FAULT

    def is_said(self, text: str) -> bool:
        return any(phrase[0] in text and stands_in(text, phrase) for phrase in self.phrases)

    def is_matched(self, text: str) -> bool:
        return any(pattern.search(text) for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class Index:
    """The entries of one provider, by what an error must have for them to be worth a look."""

    codes: Mapping[str, tuple[Entry, ...]]
    words: Mapping[str, tuple[Entry, ...]]
    statuses: Mapping[int, tuple[Entry, ...]]
    others: tuple[Entry, ...]
    anchors: frozenset[str] = field(default=frozenset())


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules in the order in which they are tried; the first rule that holds wins.

    Raises RulesError where two rules share an id.
    """

    rules: tuple[Rule, ...]
    version: int = field(kw_only=True)
    _indexes: Mapping[str, Index] = field(init=False, repr=False, compare=False)
    _first: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        refuse_repeats(self.rules)
        self._file(indexes_of(self.rules, 0), 0)

    def with_rules_above(self, rules: Sequence[Rule], *, version: int) -> RuleSet:
        """Return a new set in which `rules` are tried before these; a shared id replaces ours.

        It shares with this one what is compiled, so that many organizations' few rules cost little.
        """
        ids = {rule.id for rule in rules}
        replaced = {rule.id for rule in self.rules} & ids
        kept = (rule for rule in self.rules if rule.id not in ids)
        above = object.__new__(RuleSet)
        object.__setattr__(above, "rules", (*rules, *kept))
        object.__setattr__(above, "version", version)
        refuse_repeats(above.rules)
        first = self._first - len(rules)
        own = indexes_of(rules, first)
        above._file(
            {name: laid_upon(self._indexes[name], index, replaced) for name, index in own.items()},
            first,
        )
        return above

    def _file(self, indexes: Mapping[str, Index], first: int) -> None:
        object.__setattr__(self, "_indexes", indexes)
        object.__setattr__(self, "_first", first)

    def match(self, facts: ErrorFacts) -> Rule | None:
        """Return the first rule that holds for the facts, None where no rule knows the error."""
        index = self._indexes.get(facts.provider) or self._indexes[ANY]
        codes = known_codes(facts, index)
        found = candidates(facts, index, codes)
        if len(found) > 1:
            found.sort(key=PLACE)
        for entry in found:
            if entry.holds(facts, codes):
                return entry.rule
        return None


def indexes_of(rules: Sequence[Rule], first: int) -> dict[str, Index]:
    """Return the index of each provider, with orders counted from `first` on."""
    entries = [
        entry for order, rule in enumerate(rules, start=first) for entry in made(order, rule)
    ]
    return {
        provider: index_of([entry for entry in entries if concerns(entry.rule, provider)])
        for provider in (*PROVIDERS, ANY)
    }


def laid_upon(below: Index, above: Index, replaced: Collection[str]) -> Index:
    """Return the index with the entries of both, but for those of the replaced rules below."""
    words = merged(below.words, above.words, replaced)
    return Index(
        codes=merged(below.codes, above.codes, replaced),
        words=words,
        statuses=merged(below.statuses, above.statuses, replaced),
        others=(*above.others, *without(below.others, replaced)),
        anchors=below.anchors if words is below.words else frozenset(words),
    )


def merged(
    below: Mapping[Key, tuple[Entry, ...]],
    above: Mapping[Key, tuple[Entry, ...]],
    replaced: Collection[str],
) -> Mapping[Key, tuple[Entry, ...]]:
    """Return the entries of both by their keys; the very same mapping where nothing changes."""
    left = below
    if replaced:
        left = {key: without(entries, replaced) for key, entries in below.items()}
    if not above and all(left[key] is below[key] for key in below):
        return below
    merging = {key: entries for key, entries in left.items() if entries}
    for key, added in above.items():
        merging[key] = (*added, *merging.get(key, ()))
    return merging


def without(entries: tuple[Entry, ...], replaced: Collection[str]) -> tuple[Entry, ...]:
    """Return the entries of other rules than those; the very same tuple where there are none."""
    if not any(entry.rule.id in replaced for entry in entries):
        return entries
    return tuple(entry for entry in entries if entry.rule.id not in replaced)


def made(order: int, rule: Rule) -> Iterator[Entry]:
    """Yield the compiled conditions of a rule."""
    for condition in rule.conditions:
        phrases = tuple(tuple(normalized(phrase).split(" * ")) for phrase in condition.says)
        patterns = tuple(re.compile(pattern) for pattern in condition.patterns)
        yield Entry(order, rule, condition, phrases, patterns)


def concerns(rule: Rule, provider: str) -> bool:
    return not rule.providers or provider in rule.providers


def index_of(entries: Sequence[Entry]) -> Index:
    """File each entry under the narrowest thing an error must have for it to hold."""
    codes: dict[str, list[Entry]] = defaultdict(list)
    words: dict[str, list[Entry]] = defaultdict(list)
    statuses: dict[int, list[Entry]] = defaultdict(list)
    others: list[Entry] = []
    phrases = [phrase for entry in entries for phrase in entry.phrases]
    common = Counter(word for phrase in phrases for word in words_in(phrase))
    for entry in entries:
        wanted = entry.condition
        if wanted.codes:
            for code in wanted.codes:
                codes[code].append(entry)
        elif entry.phrases:
            for phrase in entry.phrases:
                word = anchor(phrase, common)
                words[word].append(replace(entry, phrases=(phrase,), part=phrase[0]))
        elif wanted.statuses:
            for status in wanted.statuses:
                statuses[status].append(entry)
        else:
            others.append(entry)
    return Index(
        codes={code: tuple(found) for code, found in codes.items()},
        words={word: tuple(found) for word, found in words.items()},
        statuses={status: tuple(found) for status, found in statuses.items()},
        others=tuple(others),
        anchors=frozenset(words),
    )


def anchor(phrase: tuple[str, ...], common: Mapping[str, int]) -> str:
    """Return the word of a phrase that fewest phrases have: few entries are looked at for it."""
    return min(words_in(phrase), key=lambda word: (common[word], -len(word)))


def words_in(phrase: tuple[str, ...]) -> list[str]:
    return [word for part in phrase for word in WORDS.findall(part)]


def known_codes(facts: ErrorFacts, index: Index) -> frozenset[str]:
    """Return, in lower case, the codes of the innermost cause of which some rule knows a code."""
    for level in facts.causes:
        codes = frozenset([code.lower() for code in level])
        if not codes.isdisjoint(index.codes):
            return codes
    return NO_CODES


def candidates(facts: ErrorFacts, index: Index, codes: frozenset[str]) -> list[Entry]:
    """Return the entries that could hold, out of many that can't."""
    found = list(index.others)
    for code in codes:
        found.extend(index.codes.get(code, ()))
    text = facts.text
    for word in index.anchors.intersection(words_of(text)):
        for entry in index.words[word]:
            if entry.part in text:
                found.append(entry)
    if facts.status is not None:
        found.extend(index.statuses.get(facts.status, ()))
    return found


def words_of(text: str) -> list[str]:
    """Return the words of a text, and shorter ones too, which are nobody's anchor."""
    if text.isascii():
        return text.encode().translate(NO_WORD).decode().split()
    return WORDS.findall(text)


def stands_in(text: str, phrase: tuple[str, ...]) -> bool:
    """Tell if the parts of a phrase stand in the text, in order and as whole words."""
    start = 0
    for part in phrase:
        start = end_of(part, text, start)
        if start < 0:
            return False
    return True


def end_of(part: str, text: str, start: int) -> int:
    """Return where the first whole-word occurrence of `part` from `start` on ends, or -1."""
    while (found := text.find(part, start)) >= 0:
        end = found + len(part)
        joined_before = found and text[found - 1].isalnum() and part[0].isalnum()
        if not joined_before and not (text[end : end + 1].isalnum() and part[-1].isalnum()):
            return end
        start = found + 1
    return -1
