"""What is said of one alert, in plain words. Pure.

Only measured facts are told; what its cause means is in `monitoring.alerts.alert_causes`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from monitoring.alerts.item import Item, Rest
from monitoring.alerts.kinds import ABOUT_PEOPLE, AlertKind, Severity
from monitoring.alerts.number_words import people_of
from monitoring.alerts.plan_facts import Phase

MINUTE, HOUR, DAY = 60, 3_600, 86_400
# Enough like it within a day to call it flapping, as `monitoring.alerts.plan_facts.Waits` has it.
FLAPPING = 3
NAMES_SHOWN = 5
# One of a severity, and several.
COUNTED = {
    Severity.CRITICAL: ("critical", "critical"),
    Severity.WARNING: ("warning", "warnings"),
    Severity.NOTICE: ("notice", "notices"),
}
COURSE = {Phase.GROWN: "worse", Phase.REMINDER: "still"}
# Before the people of several organizations.
ADDED = {Phase.OPENED: "", Phase.GROWN: "by now ", Phase.REMINDER: "still "}
PROMISE = "Nobody is disabled by errors: runs go on by themselves, and one good run is enough."
ACKNOWLEDGING = (
    "Acknowledging tells the others that somebody is at it, and stops reminders for 7 days, unless"
    " more people are concerned. It changes nothing else."
)


def length(start: datetime, end: datetime) -> str:
    """Return how long something lasted, in its two largest units: "3 h 10 min", "2 days 4 h"."""
    return length_of(int((end - start) / timedelta(seconds=1)))


def length_of(seconds: int) -> str:
    """Return the same of a number of seconds."""
    seconds = max(0, seconds)
    days, hours, minutes = seconds // DAY, seconds % DAY // HOUR, seconds % HOUR // MINUTE
    parts = [
        (days, "day" if days == 1 else "days"),
        (hours, "h"),
        (0 if days else minutes, "min"),
    ]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "under a minute"


def headline(item: Item) -> str:
    """Return what an alert is about in one line, its organization aside."""
    said = ", ".join(marks(item))
    return f"{said[:1].upper()}{said[1:]}: {detail(item)}" if said else event(item)


def marks(item: Item) -> list[str]:
    """Return what is to be known of an alert before what it is about."""
    if item.phase == Phase.OVER:
        return [f"over after {lasted(item)}"]
    found = ["not acknowledged"] if item.is_escalated else []
    if is_flapping(item):
        found.append(f"flapping, {ordinal(item.flaps + 1)} time in a day")
    if item.kind not in ABOUT_PEOPLE and item.phase in COURSE:
        found.append(COURSE[item.phase])
    return found


def lasted(item: Item) -> str:
    return length(item.began_at, item.ended_at or item.began_at)


def event(item: Item) -> str:
    """Return what happened to whom, and the cause."""
    what = happened(item)
    return f"{what}: {item.title}" if what else item.title


def detail(item: Item) -> str:
    """Return the cause, and what happened to whom: an event as it goes on after a colon."""
    what = hit(item) if item.kind == AlertKind.INCIDENT else happened(item)
    return f"{item.title}, {what[:1].lower()}{what[1:]}" if what else item.title


def happened(item: Item) -> str:
    """Return what happened to whom; empty for an alert that is not about people."""
    people = people_of(item.people)
    match item.kind:
        case AlertKind.STALLED:
            return stalled(item, people)
        case AlertKind.REAUTHORIZE:
            return reauthorizing(item, people)
        case AlertKind.INCIDENT:
            return incident(item, people)
    return ""


def stalled(item: Item, people: str) -> str:
    is_one = item.people == 1
    return {
        Phase.OPENED: f"{people} stopped syncing",
        Phase.GROWN: f"By now {people} stopped syncing",
        Phase.REMINDER: f"{people} still {'does' if is_one else 'do'} not sync",
        Phase.OVER: f"{people} stopped syncing",
    }[item.phase]


def reauthorizing(item: Item, people: str) -> str:
    return {
        Phase.OPENED: f"{people} must give access again",
        Phase.GROWN: f"By now {people} must give access again",
        Phase.REMINDER: f"{people} must still give access again",
        Phase.OVER: f"{people} had to give access again",
    }[item.phase]


def incident(item: Item, people: str) -> str:
    return {
        Phase.OPENED: f"Incident{where(item)}, {people} hit",
        Phase.GROWN: f"Incident{where(item)} grew to {people}",
        Phase.REMINDER: f"Incident{where(item)} goes on, {people} hit",
        Phase.OVER: f"Incident{where(item)}, {people} hit",
    }[item.phase]


def hit(item: Item) -> str:
    """Return whom an incident hit, where it is named by its cause."""
    return f"{people_of(item.people)} hit{where(item)}"


def where(item: Item) -> str:
    across = item.facts.get("organizations", 0)
    return f" in {across:,} organizations" if across > 1 else ""


def is_flapping(item: Item) -> bool:
    return item.flaps >= FLAPPING and item.phase != Phase.OVER


def ordinal(number: int) -> str:
    last = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{last}"


def flapping_sentence(item: Item) -> str:
    """Return what flapping means for who reads it; empty for an alert that is not."""
    if not is_flapping(item):
        return ""
    return (
        f"It has come and gone {item.flaps:,} times within a day. Such beginnings are kept back"
        " unless they last; this one does."
    )


def whom(item: Item) -> str:
    """Return who, by name as far as a message says it: "Ada Lovelace, Ben Moss and 3 more"."""
    names, shown = ", ".join(item.names[:NAMES_SHOWN]), len(item.names[:NAMES_SHOWN])
    total = item.facts.get("organizations", 0) if is_across(item) else item.people
    more = total - shown
    if not names:
        return ""
    return f"{names} and {more:,} more" if more > 0 else names


def is_across(item: Item) -> bool:
    """Tell whether it is about organizations rather than the people of one."""
    return item.kind == AlertKind.INCIDENT and not item.organization_slug


def consequence(item: Item, since: str) -> str:
    """Return what is missing, with `since`, how a time is said; empty where nothing is known."""
    if item.kind not in ABOUT_PEOPLE or item.phase == Phase.OVER or not since:
        return ""
    if item.people == 1:
        return f"New meetings have not reached Salesforce since {since}."
    return f"New meetings have not reached Salesforce, for some since {since}."


def outcome(item: Item) -> str:
    """Return what the end of an alert means."""
    if item.kind == AlertKind.INCIDENT:
        return "Runs get through again. Everybody it hit is synced, who waits longest first."
    if item.kind in ABOUT_PEOPLE:
        return "Nobody waits for this any more."
    return "There is nothing left to do."


def button_words(item: Item) -> str:
    """Return what the button says that leads into the console."""
    if item.kind == AlertKind.INCIDENT and item.people_link:
        return "See incidents across organizations" if is_across(item) else "Open the incident"
    if item.phase == Phase.OVER:
        return "Open in the console"
    if item.kind in ABOUT_PEOPLE and item.is_one:
        return "See this person"
    if item.kind in ABOUT_PEOPLE:
        return f"See who has this now ({item.people:,} when this was sent)"
    return {
        AlertKind.UNRECOGNISED: "Read the errors",
        AlertKind.COVERAGE: "See who is off" if is_mostly_off(item.facts) else "See who is delayed",
        AlertKind.RULE_CHANGE: "Look at the change",
    }.get(item.kind, "Open in the console")


def is_mostly_off(facts: Mapping[str, Any]) -> bool:
    """Tell whether more people were switched off, by people, than are delayed."""
    return facts.get("off", 0) > facts.get("delayed", 0)


def escalation(item: Item) -> str:
    """Return why an alert that goes on for a while is told only now; empty for any other."""
    return "You are told because nobody has acknowledged it so far." if item.is_escalated else ""


def bundle_headline(alerts: int, items: Sequence[Item]) -> str:
    """Return the headline of several alerts, of which these are told, the worst first.

    Those that are one trouble of several organizations are added up; of others the worst is told:
    what goes on, if any. Of those that are only counted it is not known whose they are, so they are
    never added up.
    """
    worst, is_over = items[0], items[0].phase == Phase.OVER
    if alerts > len(items) or not are_one_trouble(items):
        return f"{alerts:,} alerts{' over' if is_over else ''}: {detail(worst)}"
    people = people_of(sum(item.people for item in items))
    hit = f"{people} of {alerts:,} organizations"
    return f"Over: {worst.title}, {hit}" if is_over else f"{worst.title}: {ADDED[worst.phase]}{hit}"


def are_one_trouble(items: Sequence[Item]) -> bool:
    """Tell whether all are of the same cause and phase, each of an organization of its own."""
    troubles = {(item.kind, what_is_wrong(item), item.phase) for item in items}
    organizations = {item.organization_slug for item in items} - {""}
    is_one = len(troubles) == 1 and items[0].kind in ABOUT_PEOPLE
    return is_one and len(items) == len(organizations) > 1


def what_is_wrong(item: Item) -> tuple[str, str]:
    """Return what alerts of one trouble have in common: their cause, and what it is called.

    The cause of an incident is the incident, so those are alike by what they are called. One cause
    has several names where organizations call it otherwise, or another engine is silent.
    """
    return "" if item.kind == AlertKind.INCIDENT else item.cause, item.title


def rest_sentence(rest: Rest) -> str:
    """Return how many more alerts there are: "And 14 more: 2 critical, 12 warnings."."""
    if not rest.number:
        return ""
    parts = [
        f"{number:,} {words[number > 1]}"
        for severity, words in COUNTED.items()
        if (number := rest.severities.get(severity, 0))
    ]
    if rest.over:
        parts.append(f"{rest.over:,} over")
    return f"And {rest.number:,} more: {', '.join(parts)}."
