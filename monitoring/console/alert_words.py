"""What the console says of alerts, in the words of their messages. Pure but for loaded rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, tzinfo

from monitoring.alerts.findings import ABSORBED, SILENCED
from monitoring.alerts.in_hand import in_hand_until, is_in_hand
from monitoring.alerts.item import Item
from monitoring.alerts.item_words import FLAPPING, event, length
from monitoring.alerts.items import plain_item
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Alert
from monitoring.alerts.number_words import counted
from monitoring.alerts.outlook import Outlook, Why
from monitoring.alerts.plan_facts import Phase
from monitoring.console.moments import brief, planned
from monitoring.console.route_words import KIND_WORDS, kind_name
from monitoring.console.wording import Look
from monitoring.health.causes import Explanation

KIND_NAMES = {kind: kind_name(kind) for kind in KIND_WORDS}
OPEN = {
    Severity.CRITICAL: Look("Open", "stalled", "error"),
    Severity.WARNING: Look("Open", "degraded", "warning"),
    Severity.NOTICE: Look("Open", "degraded", "brand"),
}
IN_HAND = Look("Acknowledged", "recovering", "brand")
MUTED = Look("Muted", "disabled", "neutral")
OVER = Look("Over", "healthy", "success")
HAPPENED = Look("Told once", "healthy", "neutral")

SEVERITIES = {Severity.CRITICAL: "Critical", Severity.WARNING: "Warning", Severity.NOTICE: "Notice"}

PHASES = {
    Phase.OPENED: "when it began",
    Phase.GROWN: "when it grew",
    Phase.REMINDER: "as a reminder",
    Phase.OVER: "when it was over",
}


def sentence(open_ones: int, waiting: int) -> str:
    """Return the first sentence of the list: how many are open, and who has them in hand."""
    if not open_ones:
        return "No alert is open"
    said = f"{counted(open_ones, 'alert')} {'is' if open_ones == 1 else 'are'} open"
    if not waiting:
        return f"{said}, and none waits for anybody"
    if waiting == open_ones:
        return f"{said} that nobody has acknowledged"
    return f"{said}, {waiting:,} of them nobody has acknowledged"


def words_for(alert: Alert, rules: Mapping[str, Explanation]) -> Item:
    """Return what messages say of an alert, with all of its people, silenced ones among them."""
    item = plain_item(alert, Phase.OPENED if alert.ended_at is None else Phase.OVER, rules)
    return item if alert.ended_at else replace(item, people=alert.people)


def headline(alert: Alert, rules: Mapping[str, Explanation]) -> str:
    """Return what an alert is about in one line: "5 people stopped syncing: …"."""
    return event(words_for(alert, rules))


def look_of(alert: Alert, now: datetime) -> Look:
    """Return how the state of an alert looks."""
    if alert.ended_at is not None:
        return HAPPENED if alert.kind == AlertKind.RULE_CHANGE else OVER
    if is_silenced(alert):
        return MUTED
    return IN_HAND if is_in_hand(alert, now) else OPEN[Severity(alert.severity)]


def is_silenced(alert: Alert) -> bool:
    """Tell whether nothing is told of it, because those it is about are silenced."""
    return alert.is_silenced


def standing(alert: Alert, now: datetime, zone: tzinfo) -> str:
    """Return what there is to say of an alert's state beside its word."""
    if alert.ended_at is not None:
        return f"after {length(alert.began_at, alert.ended_at)}"
    who = alert.acknowledged_by_name or "somebody"
    when = planned(alert.acknowledged_at, now, zone) if alert.acknowledged_at else ""
    if is_in_hand(alert, now):
        by = f"by {who} {when}"
        # Its word is another's then: nobody has muted it by acknowledging it.
        return f"acknowledged {by}" if is_silenced(alert) else by
    if is_silenced(alert):
        return "nobody needs to hear of it"
    lapsed = f"{who} acknowledged it {when}; reminders go out again"
    return lapsed if when else "nobody has acknowledged it"


def stands_apart(alert: Alert, now: datetime) -> bool:
    """Tell whether its standing is said after a comma, being no part of the state's word."""
    return alert.ended_at is None and (not is_in_hand(alert, now) or is_silenced(alert))


def in_hand(alert: Alert, now: datetime, zone: tzinfo) -> str:
    """Return until when an acknowledgement keeps reminders back; empty where there is none."""
    until = in_hand_until(alert)
    if until is None or alert.ended_at is not None:
        return ""
    if not is_in_hand(alert, now):
        return "That was more than 7 days ago, so reminders go out again."
    resume = planned(until, now, zone)
    return f"Reminders go out again {resume}, or once more people are concerned than were told of."


def labels_of(alert: Alert) -> list[str]:
    """Return what keeps an alert, or a part of it, from being told, or kept it."""
    found = silenced_labels(alert) if alert.ended_at is None else []
    if alert.flaps >= FLAPPING:
        found.append(f"flapping: came back {counted(alert.flaps, 'time')} within a day")
    return found


def silenced_labels(alert: Alert) -> list[str]:
    """Return who of an open alert is told of otherwise, or not at all."""
    found = []
    if ABSORBED in alert.facts:
        found.append("told with the incident that hits everybody it is about")
    elif is_silenced(alert) and alert.facts.get(SILENCED, alert.people) < alert.people:
        some = f"{alert.facts[SILENCED]:,} of {alert.people:,} people silenced"
        found.append(f"muted: {some}, the others too few for an alert")
    elif is_silenced(alert):
        everybody = "the one person" if alert.people == 1 else f"all {alert.people:,} people"
        found.append(f"muted: {everybody} silenced")
    elif alert.silenced:
        found.append(f"muted: {alert.silenced:,} of them silenced")
    return found


def told_words(told: int, *, is_open: bool) -> str:
    """Return how many recipients were told of an alert."""
    if told:
        return f"{told:,}"
    return "nobody yet" if is_open else "nobody"


def outlook_words(outlook: Outlook, now: datetime, zone: tzinfo, *, is_event: bool = False) -> str:
    """Return why somebody is not told, and when they will be; `is_event`: it does not last."""
    lasts = "" if is_event else " if it lasts"
    soon = outlook.at is not None and outlook.at <= now
    when = planned(outlook.at, now, zone) if outlook.at else ""
    match outlook.why:
        case Why.QUIET:
            if not when:
                return "Not told: there is no hour at which they want to hear of such an alert"
            return f"Quiet hours: will be told {when}{lasts}"
        case Why.FLAPPING:
            return "Flapping: told within a minute" if soon else f"Flapping: told {when}{lasts}"
        case Why.SILENCED:
            return "Muted: those it is about are silenced"
        case Why.ABSORBED:
            return "Told with the incident that hits everybody it is about"
        case Why.ACKNOWLEDGED:
            later = f"; told {when}{lasts}" if when else ""
            return f"Not needed: somebody has acknowledged it{later}"
        case Why.OVER:
            return "Over before it was their turn"
    return "Will be told within a minute" if soon else f"Will be told {when}{lasts}"


def end_words(outlook: Outlook, now: datetime, zone: tzinfo) -> str:
    """Return when it is told that an alert is over."""
    if outlook.at is None:
        return "It came back. That it is over is told once what came back is over, too."
    if outlook.at <= now:
        return "That it is over is told within a minute, or when their quiet hours end."
    when = planned(outlook.at, now, zone)
    return f"That it is over is told {when}, if it does not come back before."


def since(alert: Alert, now: datetime, zone: tzinfo) -> str:
    """Return since when it goes on, or from when to when it did."""
    begin = brief(alert.began_at, now, zone)
    if alert.kind == AlertKind.RULE_CHANGE:
        return f"Happened {begin}"
    if alert.ended_at is None:
        return f"Goes on since {begin}"
    return f"From {begin} to {brief(alert.ended_at, now, zone)}"
