"""What something that is tried changes of the messages of a rehearsal, in words. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from monitoring.alerts.item_words import length
from monitoring.alerts.number_words import counted
from monitoring.console.wording import Look
from monitoring.replay.rehearsal_result import Aspect, Difference, Mark, RehearsalResult, Rehearsed

# How each mark looks: its word, and an icon of the design system.
MARKS = {
    Mark.NEW: Look("New", "add", "neutral"),
    Mark.GONE: Look("Gone", "dash", "neutral"),
    Mark.SAME: Look("As before", "check", "neutral"),
    Mark.CHANGED: Look("Changed", "edit", "neutral"),
}
ASPECTS = {
    Aspect.ALERTS: "about other alerts",
    Aspect.PEOPLE: "about other people",
    Aspect.WORDS: "in other words",
}


@dataclass(frozen=True, slots=True)
class Tried:
    """What is tried, as a sentence says it: "with" it, "without" it, and that it "changes"."""

    noun: str
    pronoun: str
    changes: str


CHANGE = Tried("the change", "it", "changes")
ROUTES = Tried("the other routes", "them", "change")
BOTH = Tried("the changes", "them", "change")


@dataclass(frozen=True, slots=True)
class Show:
    """One of the parts that the list can be narrowed to, and how many messages it has."""

    value: str
    words: str
    count: int
    is_chosen: bool


def tried_of(*, change: bool, routes: bool) -> Tried:
    """Return what is tried: a change of a rule, other routes, or both."""
    if change and routes:
        return BOTH
    return CHANGE if change else ROUTES


def differs_at_all(difference: Difference) -> bool:
    return bool(difference.new or difference.gone or difference.changed)


def difference_sentence(difference: Difference, tried: Tried, days: int) -> str:
    """Return the first sentence: how many messages it changes."""
    if not differs_at_all(difference):
        when = "this day" if days == 1 else "these days"
        return f"{tried.noun.capitalize()} {tried.changes} no message of {when}"
    parts = [
        f"{number:,} {MARKS[mark].word.lower()}"
        for mark, number in counts_of(difference).items()
        if number
    ]
    sent = counted(difference.tried, "message") if difference.tried else "no message"
    without = f"{difference.without:,}" if difference.without else "none"
    return f"With {tried.noun} {sent}, without {tried.pronoun} {without}: {', '.join(parts)}"


def counts_of(difference: Difference) -> dict[Mark, int]:
    return {
        Mark.NEW: difference.new,
        Mark.GONE: difference.gone,
        Mark.CHANGED: difference.changed,
        Mark.SAME: difference.same,
    }


def shows_of(difference: Difference, chosen: Mark | None) -> list[Show]:
    """Return what the list can be narrowed to."""
    counts = counts_of(difference)
    parts = [
        Show(mark.value, MARKS[mark].word, number, mark == chosen)
        for mark, number in counts.items()
    ]
    return [Show("", "All", sum(counts.values()), chosen is None), *parts]


def chosen_of(asked: str) -> Mark | None:
    """Return what the address of the list asks for; None for all, and for what makes no sense."""
    return Mark(asked) if asked in {*Mark} else None


def numbered(result: RehearsalResult, chosen: Mark | None) -> list[tuple[int, Rehearsed]]:
    """Return the messages of a mark, or all, in order of time, each with its place in the result.

    The places are those of all that is written down, the first being 1.
    """
    messages = enumerate(result.everything, start=1)
    shown = [(number, each) for number, each in messages if chosen in {None, each.mark}]
    return sorted(shown, key=lambda place: place[1].at)


def mark_of(message: Rehearsed) -> Look | None:
    return None if message.mark is None else MARKS[message.mark]


def differs(message: Rehearsed) -> str:
    """Return in what a changed message differs; empty for any other."""
    without = message.without
    if without is None:
        return ""
    words = [ASPECTS[aspect] for aspect in without.aspects if aspect in ASPECTS]
    if Aspect.TIME in without.aspects:
        first, last = sorted((without.at, message.at))
        words.insert(0, f"{length(first, last)} {'later' if message.at == last else 'earlier'}")
    return ", ".join(words)
