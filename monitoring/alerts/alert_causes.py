"""What the cause of an alert means, and what to do about it, in plain words. Pure.

What people's health or an incident is about has the words of its rule; of everything else they are
here, with the numbers measured by its source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from monitoring.alerts.kinds import AlertKind
from monitoring.alerts.number_words import counted, people_of, percent
from monitoring.health.causes import Explanation, explanation_of, told_as

Facts = Mapping[str, Any]
Rules = Mapping[str, Explanation]
MINUTE, HOUR = 60, 3_600


def explained(kind: str, cause: str, facts: Facts, rules: Rules) -> Explanation:
    """Return title, meaning and next step of an alert's cause; `rules` by id."""
    match AlertKind(kind):
        case AlertKind.INCIDENT:
            return explanation_of(facts.get("rule") or "unrecognised", rules)
        case AlertKind.STALLED | AlertKind.REAUTHORIZE:
            any_here = facts.get("runs_here", True)
            return explanation_of(told_as(cause, any_here=any_here), rules)
        case AlertKind.UNRECOGNISED:
            return unrecognised(facts)
        case AlertKind.COVERAGE:
            return coverage(facts)
        case AlertKind.RULE_CHANGE:
            return rule_change(facts, rules)
        case AlertKind.SERVICE:
            return TROUBLES.get(cause, something)(facts)


def unrecognised(facts: Facts) -> Explanation:
    errors, unknown, runs = (facts.get(name, 0) for name in ("errors", "unknown", "runs"))
    kinds = "one kind of error" if errors == 1 else f"{errors:,} kinds of errors"
    title = f"{percent(facts.get('share', 0))} of runs end in errors that no rule knows"
    text, had_it = facts.get("text", ""), facts.get("had_it", 0)
    most = f" The commonest, of {people_of(had_it)}: {text}" if text and had_it else ""
    return Explanation(
        title,
        f"{unknown:,} of {counted(runs, 'run')} since the hour before ended in {kinds} that no rule"
        " knows. They count as temporary, so nobody is asked to act, and nothing is held against"
        f" anybody.{most}",
        "Read the errors: somebody has to decide what they mean. Support can teach it the service.",
    )


def coverage(facts: Facts) -> Explanation:
    share, before = percent(facts.get("share", 0)), percent(facts.get("before", 0))
    syncing, connected = facts.get("syncing", 0), facts.get("connected", 0)
    others = [
        f"{facts[name]:,} {word}"
        for name, word in (("delayed", "delayed"), ("off", "switched off by people"))
        if facts.get(name)
    ]
    aside = f"; {' and '.join(others)}" if others else ""
    return Explanation(
        f"Only {share} of people are syncing, {before} were within the last day",
        f"{syncing:,} of {counted(connected, 'person', 'people')} are syncing{aside}.",
        "See who they are, and what most of them have in common.",
    )


def rule_change(facts: Facts, rules: Rules) -> Explanation:
    rule, what = facts.get("rule", ""), facts.get("what", "changed")
    known = rules.get(rule)
    named = f": {known.title}" if known else ""
    share = facts.get("share")
    moved = (
        "Nobody tested on past runs what it would do."
        if share is None
        else f"On past runs it moves {percent(share)} of {people_of(facts.get('people', 0))}."
    )
    approved = facts.get("approved_by")
    hands = f"{facts.get('author') or 'Somebody'} wrote it"
    hands += f", {approved} approved it." if approved else "."
    return Explanation(
        f"A rule was {what} that moves many people{named}",
        f"{moved} {hands}",
        "Look at the change: it says who is moved where, and can be taken back.",
    )


def intake(facts: Facts) -> Explanation:
    organizations = facts.get("organizations", 0)
    whose = (
        "of the whole service"
        if facts.get("everybody")
        else f"of {counted(organizations, 'organization')}"
    )
    return Explanation(
        "Too few results come in",
        f"Far fewer runs {whose} are heard of than should be; nothing is heard of"
        f" {people_of(facts.get('late', 0))} in time. Statuses may be stale, and nobody is called"
        " silent meanwhile.",
        "Look at the workers and the queue; of other engines, at what sends us their results.",
    )


def tick(facts: Facts) -> Explanation:
    return Explanation(
        "The clock of the service fails",
        f"At every tick for {lasting(facts)} these steps have failed: {facts.get('steps', '')}."
        " What they do is not done.",
        "Read the log of the process that ticks: each failed step writes its error there.",
    )


def workers(facts: Facts) -> Explanation:
    seen = facts.get("worker_seconds")
    shown = "has ever shown itself" if seen is None else f"has shown itself for {span(seen)}"
    return Explanation(
        "No worker is at work",
        f"No worker {shown}, and {waiting(facts)}, the oldest for {lasting(facts)}. Nobody's"
        " calendar is synced here, and no mail goes out.",
        "Start the workers (manage.py worker), or read why they stopped in their log.",
    )


def queue(facts: Facts) -> Explanation:
    return Explanation(
        "Work waits too long",
        f"Workers are at work, but {waiting(facts)}, the oldest for {lasting(facts)}.",
        "Add workers, or look for what slows them down: providers, database, network.",
    )


def mail(facts: Facts) -> Explanation:
    said = facts.get("said", "")
    answer = f" The mail server said: {said}" if said else ""
    return Explanation(
        "Mails do not go out",
        f"To be tried again: {counted(facts.get('waiting', 0), 'mail')}. Given up within the hour:"
        f" {facts.get('given_up', 0):,}.{answer}",
        "Check EMAIL_URL and the mail server, then send again what was given up (Outbox).",
    )


def refusals(facts: Facts) -> Explanation:
    return Explanation(
        "Many results of other engines are refused",
        f"{facts.get('refused', 0):,} results were refused and {facts.get('taken', 0):,} taken in"
        f" since the hour before: {percent(facts.get('share', 0))} of them.",
        "Read the reasons beside the refused lines, and tell whoever sends them.",
    )


def something(facts: Facts) -> Explanation:
    return Explanation("Something is wrong with the service", "", "Look at the service's pages.")


TROUBLES: Mapping[str, Callable[[Facts], Explanation]] = {
    "intake": intake,
    "tick": tick,
    "workers": workers,
    "queue": queue,
    "mail": mail,
    "refusals": refusals,
}


def waiting(facts: Facts) -> str:
    """Return what waits for a worker: jobs as far as there are any, else messages."""
    queued = facts.get("queued", 0)
    if not queued:
        return "messages wait"
    return f"{counted(queued, 'job')} {'waits' if queued == 1 else 'wait'}"


def lasting(facts: Facts) -> str:
    return span(facts.get("seconds", 0))


def span(seconds: float) -> str:
    """Return a length of time in its largest unit, rounded down: "59 min", "23 h"."""
    if seconds < HOUR:
        return f"{int(seconds // MINUTE)} min"
    return f"{int(seconds // HOUR)} h"
