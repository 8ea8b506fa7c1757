"""What the console says of a person's syncing, in plain words. Pure.

Causes have words of their own: `monitoring.health.causes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from monitoring.alerts.number_words import people_of
from monitoring.console.moments import brief, duration, interval, planned
from monitoring.health.causes import Explanation, explanation_of


@dataclass(frozen=True, slots=True)
class Look:
    """How a status looks everywhere: its word, its icon (shapes differ) and its tone."""

    word: str
    icon: str
    tone: str


TO = "\N{EN DASH}"

LOOKS = {
    "stalled": Look("Needs attention", "stalled", "error"),
    "degraded": Look("Delayed", "degraded", "warning"),
    "disabled": Look("Off", "disabled", "neutral"),
    "never_connected": Look("Never connected", "never_connected", "neutral"),
    "healthy": Look("Syncing", "healthy", "success"),
}


def group_of(status: str, cause: str) -> str:
    """Return the group a person is counted in: the status, or never_connected, counted apart."""
    return "never_connected" if (status, cause) == ("degraded", "never_connected") else status


def look_of(status: str, cause: str) -> Look:
    return LOOKS[group_of(status, cause)]


@dataclass(frozen=True, slots=True)
class Situation:
    """The facts of a Health row that a sentence may need. `held_by` is empty without a hold.

    not_before   the provider, `asked_by`, asked that nobody comes sooner
    incident     the incident that explains the last run, as within a sentence; else empty
    """

    status: str
    cause: str
    status_since: datetime
    last_attempt_at: datetime | None = None
    last_success_at: datetime | None = None
    next_due: datetime | None = None
    interval: int = 7_200
    base_interval: int = 7_200
    runs_here: bool = True
    held_by: str = ""
    held_until: datetime | None = None
    held_because: str = ""
    not_before: datetime | None = None
    asked_by: str = ""
    incident: str = ""


@dataclass(frozen=True, slots=True)
class Slowdown:
    """A change to a longer interval: when, and for which cause."""

    at: datetime
    cause: str


def reason(
    situation: Situation, rules: Mapping[str, Explanation], now: datetime, zone: tzinfo
) -> str:
    """Return why somebody is not simply syncing, in a few plain words; empty for who is."""
    cause = situation.cause
    if cause == "held":
        until = situation.held_until
        end = f"until {brief(until, now, zone)}" if until else "until switched on again"
        return f"by {situation.held_by or 'a person'}, {end}"
    if cause == "silent":
        last = situation.last_attempt_at
        return f"No run since {brief(last, now, zone)}" if last else "No run since it was set up"
    if cause == "slowed":
        return f"Runs {interval(situation.interval, situation.base_interval)} after failures"
    if cause == "incident" and situation.incident:
        return f"Hit by {situation.incident}"
    return explanation_of(cause, rules).title if cause else ""


def headline(
    situation: Situation, rules: Mapping[str, Explanation], now: datetime, zone: tzinfo
) -> str:
    """Return the sentence at the top of a person's page."""
    word = look_of(situation.status, situation.cause).word
    why = reason(situation, rules, now, zone)
    if situation.cause == "never_connected":
        return f"{word} — {lowered(why)}."
    since = f"{word} since {brief(situation.status_since, now, zone)}"
    joint = ", " if situation.cause == "held" else " — "
    return f"{since}{joint}{why}." if why else f"{since}."


def outlook(situation: Situation, now: datetime, zone: tzinfo) -> str:
    """Return what happens next by itself."""
    if situation.status == "disabled":
        until = situation.held_until
        if until:
            return f"Syncing starts again by itself at {brief(until, now, zone)}."
        return "Nothing runs until somebody switches syncing on again."
    if situation.cause == "never_connected":
        return "The first run starts as soon as both are connected."
    sentences = [
        next_run(situation, now, zone),
        stay_away(situation, now, zone),
        promise(situation),
    ]
    if not situation.runs_here:
        sentences.append("Another engine runs these syncs and reports them here.")
    return " ".join(sentence for sentence in sentences if sentence)


def next_run(situation: Situation, now: datetime, zone: tzinfo) -> str:
    every = interval(situation.interval, situation.base_interval)
    due = situation.next_due
    if due is None:
        return f"Runs come {every}."
    well = situation.status == "healthy" or situation.last_attempt_at is None
    said = "The next run is" if well else "Tries again"
    if due <= now:
        return f"{said} {'due ' if well else ''}now, then {every}."
    return f"{said} {planned(due, now, zone)}, then {every}."


def stay_away(situation: Situation, now: datetime, zone: tzinfo) -> str:
    """Return until when the provider asked us to stay away; empty once that is past."""
    until = situation.not_before
    if until is None or until <= now:
        return ""
    who = SIDES.get(situation.asked_by, "The provider")
    return f"{who} asked us not to come before {brief(until, now, zone)}."


def pace(
    situation: Situation,
    slowed: Slowdown | None,
    rules: Mapping[str, Explanation],
    now: datetime,
    zone: tzinfo,
) -> str:
    """Return why runs come less often, since when and until when; empty at the usual interval.

    `slowed` is the last change of the interval, None where none was recorded.
    """
    if situation.interval <= situation.base_interval or situation.status == "disabled":
        return ""
    said = interval(situation.interval, situation.base_interval)
    sentence = said[:1].upper() + said[1:]
    if slowed is not None:
        sentence += f" since {brief(slowed.at, now, zone)}, because {because(slowed.cause, rules)}"
    return f"{sentence}; back to {duration(situation.base_interval)} after the next success."


def because(cause: str, rules: Mapping[str, Explanation]) -> str:
    """Return a cause as the end of a sentence."""
    if cause in {"", "slowed"}:
        return "several runs failed in a row"
    return lowered(explanation_of(cause, rules).title)


def disabled_sentence(by_people: int, by_errors: int) -> str:
    """Return what the service promises, in numbers."""
    return f"Disabled by people: {by_people:,}. By errors: {by_errors:,}."


def no_next_run(situation: Situation) -> str:
    """Return what to say in place of the time of the next run where none is planned."""
    if situation.status == "disabled":
        return "not while off"
    if situation.cause == "never_connected":
        return "once connected"
    return "not known" if situation.runs_here else "reported by another engine"


def promise(situation: Situation) -> str:
    """Return what errors will not do; the reason this service exists."""
    if situation.status == "healthy":
        return ""
    return "It will not be switched off by errors. One good run makes it normal again."


def syncing_sentence(syncing: int, people: int) -> str:
    """Return the first sentence of the page; `people` leaves out who was never connected."""
    if not people:
        return "Nobody is connected yet"
    if people == 1:
        return "The only person connected is syncing" if syncing else "1 person is not syncing"
    if syncing == people:
        return f"All {people:,} people are syncing"
    return f"{syncing:,} of {people:,} people {'is' if syncing == 1 else 'are'} syncing"


def figure_words(group: str, people: int) -> str:
    """Return the words after a key figure: "5 need attention", "1 needs attention"."""
    if group == "stalled":
        return "needs attention" if people == 1 else "need attention"
    return LOOKS[group].word.lower()


def shown_sentence(first: int, last: int, total: int, more: bool) -> str:
    """Return which part of the list is shown: "1 to 50 of 412"."""
    if not total:
        return "Nobody"
    if last - first + 1 == total and not more:
        return people_of(total)
    return f"{first:,}{TO}{last:,} of {'more than ' if more else ''}{total:,} people"


SIDES = {"google": "Google", "salesforce": "Salesforce"}
DEEDS = ("created", "updated", "deleted")


def deeds_sentence(counts: Mapping[str, object] | None) -> str:
    """Return what a run did, from an outcome's counts: "3 created in Salesforce, 1 left out"."""
    parts = [part for side in reversed(SIDES) for part in deeds_in(side, counts or {})]
    for key, words in (("conflicts", "settled between both"), ("skipped", "left out")):
        if number := whole(counts or {}, key):
            parts.append(f"{number:,} {words}")
    return ", ".join(parts)


def deeds_in(side: str, counts: Mapping[str, object]) -> list[str]:
    found = counts.get(side)
    if not isinstance(found, Mapping):
        return []
    numbers = [(whole(found, deed), deed) for deed in DEEDS]
    return [f"{number:,} {deed} in {SIDES[side]}" for number, deed in numbers if number]


def whole(counts: Mapping[str, object], key: str) -> int:
    number = counts.get(key)
    return number if isinstance(number, int) else 0


def lowered(sentence: str) -> str:
    """Return the sentence with a small first letter, unless it begins with a name or "OAuth"."""
    first = sentence.split(" ", 1)[0]
    if first.startswith(tuple(SIDES.values())) or (not first[1:2].islower() and len(first) > 1):
        return sentence
    return sentence[:1].lower() + sentence[1:]
