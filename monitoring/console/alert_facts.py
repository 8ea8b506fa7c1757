"""What proves an alert, the one step that helps, whom it is about, and others like it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Q
from django.urls import reverse

from accounts.access import Access
from monitoring.alerts.alert_links import having_cause, people_link
from monitoring.alerts.item_words import is_mostly_off
from monitoring.alerts.kinds import ABOUT_HEALTH, AlertKind
from monitoring.alerts.matchers import PROVIDERS
from monitoring.alerts.models import Alert, AlertQuerySet
from monitoring.alerts.number_words import people_of
from monitoring.console.alert_words import headline, look_of, standing, stands_apart
from monitoring.console.alerts_pages import AnyAccess
from monitoring.console.attempts import AttemptRow, attempt_row
from monitoring.console.helping import help_for
from monitoring.console.needs import Step, step_of
from monitoring.console.person_entries import change_sentence
from monitoring.console.rows import Moment, recent
from monitoring.console.wording import Look
from monitoring.errors.ruleset import RuleSet
from monitoring.health.causes import Explanation
from monitoring.health.fold import SEVERITY
from monitoring.health.models import Health, Transition
from monitoring.outcomes.models import Outcome

LIKE_IT = 5
WORK = {
    AlertKind.INCIDENT: "Open the incident",
    AlertKind.UNRECOGNISED: "Read the errors",
    AlertKind.COVERAGE: "See who is delayed",
    AlertKind.RULE_CHANGE: "Look at the change",
    AlertKind.SERVICE: "",
}
CHANGE = ("from_status", "to_status", "from_cause", "to_cause", "from_interval", "to_interval")


@dataclass(frozen=True, slots=True)
class Link:
    words: str
    address: str


@dataclass(frozen=True, slots=True)
class Proof:
    """The change of one person's status that began an alert, and the runs that proved it.

    `rule` is the id of the rule that judged them; empty for a cause that is none.
    """

    person: str
    person_id: int
    sentence: str
    at: Moment | None
    rule: str
    rule_title: str
    version: int | None
    runs: list[AttemptRow]


def proof_of(
    access: AnyAccess, alert: Alert, rules: Mapping[str, Explanation], now: datetime
) -> Proof | None:
    """Return what proved an alert first; None where that is not one person's change."""
    if access.organization is None or alert.transition is None:
        return None
    changes = Transition.objects.visible_to(access).select_related("person")
    change = changes.filter(pk=alert.transition).first()
    if change is None:
        return None
    evidence = alert.evidence or change.evidence
    found = Outcome.objects.visible_to(access).of_person(change.person_id)
    runs = found.filter(attempt_id__in=evidence).newest_first()
    rule = rules.get(change.to_cause)
    return Proof(
        person=change.person.name,
        person_id=change.person_id,
        sentence=change_sentence(**{name: getattr(change, name) for name in CHANGE}, rules=rules),
        at=recent(change.at, now, access.time_zone),
        rule=change.to_cause if rule else "",
        rule_title=rule.title if rule else "",
        version=change.rules_version,
        runs=[attempt_row(each, rules, now, access.time_zone) for each in runs],
    )


def step_for(access: AnyAccess, alert: Alert, rules: RuleSet) -> Step | None:
    """Return the one step that helps now, as this user may take it."""
    if alert.ended_at is not None:
        return None
    if alert.kind in ABOUT_HEALTH:
        return health_step(access, alert, rules)
    link = link_to_work(alert)
    return None if link is None else Step(link.words, link.address, is_action=False, leads=True)


def health_step(access: AnyAccess, alert: Alert, rules: RuleSet) -> Step | None:
    cause = alert.cause
    if not isinstance(access, Access) or not alert.people:
        return None
    rule = next((each for each in rules.rules if each.id == cause), None)
    them = Health.objects.visible_to(access).filter(cause=cause, severity=SEVERITY["stalled"])
    any_here = them.filter(runs_here=True).exists()
    helps = help_for(cause, rule.interpretation if rule else None, any_here=any_here)
    return step_of(access, cause, alert.people, rule, helps, [])


def link_to_work(alert: Alert) -> Link | None:
    """Return the page on which one deals with an alert that is not about people's health."""
    address = within_console(people_link(alert, ()))
    return Link(WORK[AlertKind(alert.kind)], address) if address else None


def whom_link(alert: Alert) -> Link | None:
    """Return the list of exactly the people an alert tells of now; None where there is none."""
    address = within_console(people_link(alert, ()))
    words = whom_words(alert)
    return Link(words, address) if alert.ended_at is None and words and address else None


def whom_words(alert: Alert) -> str:
    """Return how many people are in that list; empty for nobody."""
    if alert.kind != AlertKind.COVERAGE:
        told = alert.people - alert.silenced
        return people_of(told) if told else ""
    # So many fewer sync than did; who they are is not known, but who does not sync now.
    name, what = ("off", "switched off") if is_mostly_off(alert.facts) else ("delayed", "delayed")
    number = alert.facts.get(name, 0)
    return f"{people_of(number)} {what}" if number else ""


def everybody_link(alert: Alert) -> Link | None:
    """Return the list of all who have its reason where an alert leaves some of them out."""
    if alert.organization is None or alert.ended_at is not None or not alert.silenced:
        return None
    if alert.kind not in ABOUT_HEALTH:
        return None
    narrowed = urlencode(having_cause(alert))
    address = f"{reverse('people', args=[alert.organization.slug])}?{narrowed}"
    return Link("Everybody with this reason", address)


def incident_of(alert: Alert) -> Link | None:
    """Return where the incident an alert is about is told of, and whom it hit, once over too."""
    if alert.kind != AlertKind.INCIDENT:
        return None
    address = within_console(people_link(alert, ()))
    words = "Whom it hit, and its course" if alert.organization else "Its organizations"
    return Link(words, address) if address else None


def within_console(link: str) -> str:
    """Return a link of a message as one of a page, which may have been opened by another name."""
    return link.removeprefix(settings.BASE_URL.rstrip("/"))


def silence_fields(alert: Alert) -> dict[str, str]:
    """Return what a silence about this alert matches; empty where none could."""
    match alert.kind:
        case AlertKind.STALLED | AlertKind.REAUTHORIZE:
            return {"cause": alert.cause}
        case AlertKind.COVERAGE:
            return {"everybody": "on"}
        case AlertKind.INCIDENT:
            provider = alert.facts.get("provider", "")
            return {"provider": provider} if provider in {"google", "salesforce"} else {}
        case AlertKind.UNRECOGNISED:
            # A kind of error begins with what it came from.
            provider = alert.facts.get("text", "").partition(" ")[0]
            return {"provider": provider} if provider in PROVIDERS else {}
    return {}


@dataclass(frozen=True, slots=True)
class Other:
    """Another alert like one: when it began and how it ended."""

    id: int
    title: str
    look: Look
    comma: bool
    standing: str
    began: Moment | None


def others_like(
    access: AnyAccess, alert: Alert, rules: Mapping[str, Explanation], now: datetime
) -> list[Other]:
    """Return the latest other alerts of the same cause."""
    zone, mine = access.time_zone, Alert.objects.select_related("organization").visible_to(access)
    return [
        Other(
            each.pk,
            headline(each, rules),
            look_of(each, now),
            stands_apart(each, now),
            standing(each, now, zone),
            recent(each.began_at, now, zone),
        )
        for each in like(mine, alert)[:LIKE_IT]
    ]


def like(alerts: AlertQuerySet, alert: Alert) -> Any:
    """Keep the others of the same cause; of incidents, those of the same provider and rule."""
    same = Q(cause=alert.cause)
    if alert.incident is not None:
        same = Q(incident__provider=alert.incident.provider, incident__rule=alert.incident.rule)
    return alerts.filter(same, kind=alert.kind).exclude(pk=alert.pk).order_by("-began_at", "-id")
