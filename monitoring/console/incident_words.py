"""What the console says of incidents, in plain words. Pure but for reading a loaded Incident."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from math import ceil

from monitoring.alerts.item_words import length_of
from monitoring.alerts.number_words import counted, people_of
from monitoring.console.moments import MINUTE, brief, duration, seconds_between
from monitoring.console.wording import Look
from monitoring.health.causes import Explanation
from monitoring.incidents.models import EventKind, Incident, IncidentEvent, Kind, Source
from monitoring.incidents.recovery import Pace, rate_of

STATES = {
    "open": Look("Open", "degraded", "warning"),
    "recovering": Look("Recovering", "recovering", "brand"),
    "over": Look("Over", "healthy", "success"),
}

NAMES = {
    Source.GOOGLE: "Google",
    Source.SALESFORCE: "Salesforce",
    Source.NETWORK: "The network",
    Source.SERVICE: "This service",
    Source.UNKNOWN: "A cause nobody reported",
}

CLASSES = {
    "transient": "Temporary: it passes by itself.",
    "needs_user": "Of one person it would ask that person to act; of so many at once it does not.",
    "needs_admin": "It asks an admin to act, once, for everybody.",
    "record": "It is about single calendar events.",
    "client_bug": "The mistake lies in this service.",
    "unknown": "Not recognised, so it counts as temporary.",
}

INTAKE = Explanation(
    "Too few results come in",
    "Far fewer runs are heard of than should be. That says nothing of anybody's calendar: what is "
    "missing is the news of it.",
    "Nothing in Salesforce or Google. Whoever operates the service looks at its workers and queue.",
)

SHORT = 5 * MINUTE


@dataclass(frozen=True, slots=True)
class Stops:
    """When the people hit stopped: of all first and last, and of the nine in ten in the middle.

    `central_people` is how many of `people` stopped within the middle, its ends included.
    """

    people: int
    first: datetime
    last: datetime
    central_first: datetime
    central_last: datetime
    central_people: int


def name_of(incident: Incident) -> str:
    """Return whose trouble it is: "Salesforce", "This service"."""
    return "Our intake" if incident.kind == Kind.INTAKE else NAMES[Source(incident.provider)]


def phrase(provider: str, people: int) -> str:
    """Return what to call an incident, within a sentence of one of the people it hit."""
    phrases = {
        Source.GOOGLE: "the Google incident",
        Source.SALESFORCE: "the Salesforce incident",
        Source.NETWORK: "an incident of the network",
        Source.SERVICE: "an incident of this service",
        Source.UNKNOWN: "an incident of which nobody reported the cause",
    }
    others = people - 1
    beside = f", with {counted(others, 'other person', 'other people')}" if others > 0 else ""
    return phrases[Source(provider)] + beside


def simultaneity(stops: Stops, running: int, now: datetime, zone: tzinfo) -> str:
    """Return how closely together people stopped: "412 of 430 people stopped between …".

    `running` is how many were syncing. Where a few stragglers would stretch the time, only the
    middle is said, with how many that are.
    """
    whom = hit_of(stops.people, running)
    if not is_stretched(stops):
        return f"{whom} stopped {within(stops.first, stops.last, now, zone)}"
    middle = within(stops.central_first, stops.central_last, now, zone)
    return f"{whom} stopped, {stops.central_people:,} of them {middle}"


def hit_of(people: int, running: int) -> str:
    """Return "412 of 430 people"; who joined since may make the first number the larger one."""
    if people < running:
        return f"{people:,} of {people_of(running)}"
    return people_of(people) if people == 1 else f"All {people_of(people)}"


def is_stretched(stops: Stops) -> bool:
    """Tell whether the first and last few take much longer than everybody between them."""
    whole = seconds_between(stops.first, stops.last)
    middle = seconds_between(stops.central_first, stops.central_last)
    return stops.central_people < stops.people and whole > max(SHORT, 2 * middle)


def within(first: datetime, last: datetime, now: datetime, zone: tzinfo) -> str:
    """Return "at 22:01" or "between Fri 22:01 and 22:04"."""
    start, end = brief(first, now, zone), brief(last, now, zone)
    if start == end:
        return f"at {start}"
    if first.astimezone(zone).date() == last.astimezone(zone).date():
        end = f"{last.astimezone(zone):%H:%M}"
    return f"between {start} and {end}"


def heading(incident: Incident, stops: Stops | None, now: datetime, zone: tzinfo) -> str:
    """Return the sentence at the top of an incident's page."""
    if incident.kind == Kind.INTAKE:
        return intake_sentence(incident, now, zone)
    if stops is None:
        return f"{name_of(incident)}: {hit_sentence(incident, now, zone)}"
    return simultaneity(stops, incident.people_running, now, zone)


def intake_sentence(incident: Incident, now: datetime, zone: tzinfo) -> str:
    since = brief(incident.began_at, now, zone)
    if incident.closed_at is None:
        return f"Too few results come in since {since}"
    return f"Too few results came in {within(incident.began_at, incident.closed_at, now, zone)}"


def hit_sentence(incident: Incident, now: datetime, zone: tzinfo) -> str:
    """Return "31 people hit since 09:12", of one that is over "31 people hit"."""
    if incident.kind == Kind.INTAKE:
        return intake_sentence(incident, now, zone)
    hit = f"{people_of(incident.people_hit)} hit"
    if incident.closed_at is not None:
        return hit
    return f"{hit} since {brief(incident.began_at, now, zone)}"


def notice_sentence(incident: Incident, now: datetime, zone: tzinfo) -> str:
    """Return what a banner says of an open incident."""
    if incident.kind == Kind.INTAKE:
        where = "" if incident.organization_id else " of the whole service"
        since = brief(incident.began_at, now, zone)
        return (
            f"Too few results{where} come in since {since}, so statuses may be stale. "
            "Nobody is called silent meanwhile."
        )
    hit = hit_sentence(incident, now, zone)
    return f"{name_of(incident)}: {hit}, probably one cause. Nobody is disabled by it."


def lasted(incident: Incident, now: datetime) -> str:
    """Return how long it has been open, or was: "3 h 10 min"; never less than a minute."""
    seconds = seconds_between(incident.began_at, incident.closed_at or now)
    return length_of(max(int(seconds), MINUTE))


def course(incident: Incident, now: datetime, zone: tzinfo) -> str:
    """Return when it began, was found, was over, and when everybody had been tried again."""
    found = seconds_between(incident.began_at, incident.opened_at)
    after = f"{length_of(int(found))} later" if found >= MINUTE else "within a minute"
    parts = [f"Began {brief(incident.began_at, now, zone)}, found {after}"]
    if incident.closed_at is not None:
        parts.append(f"over {brief(incident.closed_at, now, zone)} after {lasted(incident, now)}")
    if incident.recovered_at is not None and incident.kind == Kind.FAILURES:
        at = brief(incident.recovered_at, now, zone)
        parts.append(f"everybody hit tried again by {at}")
    sentence = f"{', '.join(parts)}."
    if incident.flaps:
        sentence += f" It came back {times(incident.flaps)} within half an hour of ending."
    return sentence


def progress(hit: int, recovered: int, waiting: int) -> str:
    """Return how many of those hit have had a good run since, and what of the others."""
    own_trouble = hit - recovered - waiting
    if not hit:
        return ""
    if recovered == hit:
        return f"{hit_of(hit, hit)} {'has' if hit == 1 else 'have'} had a good run since"
    parts = [f"{recovered:,} of {hit:,} {'has' if recovered == 1 else 'have'} had a good run since"]
    if waiting:
        parts.append(f"{waiting:,} {'waits' if waiting == 1 else 'wait'}")
    if own_trouble:
        verb = "fails" if own_trouble == 1 else "fail"
        parts.append(f"{own_trouble:,} still {verb} for another reason")
    return ", ".join(parts)


def times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")


def held_back(incident: Incident, canaries: int, waiting: int, retry: int) -> list[str]:
    """Return what is not done to those hit because it is one cause; `retry` is in seconds."""
    if incident.kind == Kind.INTAKE:
        return intake_held_back(incident)
    is_open = incident.closed_at is None
    verb = ("is", "goes", "say") if is_open else ("was", "went", "said")
    grows = "grows" if is_open else "grew"
    lines = [
        f"No penalties: no failed run {verb[0]} held against anybody, nobody's interval {grows}.",
        f"No personal mails: it is one cause, so no mail about it {verb[1]} to the people hit.",
        f"No requests to authorize again, whatever the errors {verb[2]}.",
    ]
    if is_open:
        lines.append(canaries_sentence(canaries, waiting, retry))
    return lines


def intake_held_back(incident: Incident) -> list[str]:
    if incident.closed_at is not None:
        return ["Nobody was called silent or overdue meanwhile."]
    return [
        "Statuses may be stale: they show what was last heard.",
        "Nobody is called silent or overdue meanwhile.",
        "Results that do come in are taken in and judged as ever.",
    ]


def canaries_sentence(canaries: int, waiting: int, retry: int) -> str:
    """Return who tries how often while an incident is open."""
    if not waiting:
        return "Everybody hit has had a good run since; it closes once that holds."
    if not canaries:
        return "Those hit try at their own interval; a few are about to try more often."
    tries = "tries" if canaries == 1 else "try"
    every = f"{people_of(canaries)} {tries} every {duration(retry)}, to see when it ends"
    others = waiting - canaries
    if not others:
        return f"{every}."
    verb = "tries" if others == 1 else "try"
    return f"{every}; the other {others:,} {verb} at {'its' if others == 1 else 'their'} interval."


@dataclass(frozen=True, slots=True)
class RecoveryPlan:
    """What a recovery would do, in words; the button carries the number."""

    people: int
    title: str
    button: str
    sentences: tuple[str, ...]


def recovery_plan(incident: Incident, people: int, left_out: int, pace: Pace) -> RecoveryPlan:
    """Return what asking for a recovery will do.

    `people` wait for a good run, of whom `left_out` can't be tried from here: switched off, or
    synced by another engine.
    """
    tried = max(people - left_out, 0)
    rate = rate_of(incident.people_hit, pace)
    takes = duration(ceil(max(tried, 1) / rate / MINUTE) * MINUTE)
    sentences = [
        f"{people_of(tried)} {'is' if tried == 1 else 'are'} synced, the oldest gap first.",
        f"About {round(rate * MINUTE):,} a minute, so all are done in about {takes}.",
        "Each counts as recovered only after a good run; who had one since is left alone.",
        "Whom the provider asked to wait is tried when the wait is over.",
    ]
    if left_out:
        verb = "is" if left_out == 1 else "are"
        sentences.append(
            f"{people_of(left_out)} {verb} left out: switched off, or synced by another engine."
        )
    if incident.closed_at is None:
        sentences.append(
            "The incident is still open: each is tried once, and who fails again waits as before."
        )
    whom = people_of(people)
    return RecoveryPlan(people, f"Recover {whom}?", f"Recover {whom} now", tuple(sentences))


STATUS_WORDS = {
    "ok": "reports no trouble",
    "trouble": "reports trouble",
    "maintenance": "reports maintenance",
}


def event_sentence(event: IncidentEvent, provider: str) -> str:
    """Return one line of the timeline; a note is its own text."""
    people, kind = event.people or 0, EventKind(event.kind)
    who = event.author_name or "Somebody"
    if kind == EventKind.CLOSED:
        waiting = "nobody waits" if not people else f"{people_of(people)} still to be synced"
        return f"Over, by its outcomes; {waiting}"
    if kind == EventKind.STATUS:
        state, _, said = event.text.partition(": ")
        told = STATUS_WORDS.get(state, "could not be read")
        return f"{provider}'s status page {told}" + (f": {said}" if said else "")
    return {
        EventKind.OPENED: f"Found: {people_of(people)} hit",
        EventKind.GREW: f"Grew: {people_of(people)} hit by now",
        EventKind.CAME_BACK: f"Came back: {people_of(people)} hit",
        EventKind.RECOVERED: "Everybody hit has been tried again",
        EventKind.OWNER: f"{who} took it",
        EventKind.NOTE: event.text,
        EventKind.RECOVER: f"{who} asked for the recovery of {people_of(people)}",
    }[kind]
