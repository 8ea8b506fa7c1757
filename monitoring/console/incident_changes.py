"""What changed shortly before an incident: something of it may be the cause."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from monitoring.console.incident_words import event_sentence, name_of
from monitoring.console.rows import Moment, recent
from monitoring.console.rule_layers import reason_words
from monitoring.errors.models import RuleChange
from monitoring.incidents.models import EventKind, Incident, IncidentEvent, Release

if TYPE_CHECKING:
    from accounts.access import Access

BEFORE, AFTER = timedelta(hours=24), timedelta(minutes=15)
MOST = 10


@dataclass(frozen=True, slots=True)
class Changed:
    """Something that changed, and when."""

    at: Moment | None
    sentence: str


def changes_around(
    access: Access, incident: Incident, now: datetime, zone: tzinfo
) -> list[Changed]:
    """Return what changed in the day before an incident began, newest first.

    Releases of this service, changes of rules that went live, and what the provider's status page
    told of trouble and maintenance in any incident of the organization.
    """
    since, until = incident.began_at - BEFORE, incident.opened_at + AFTER
    changes = [
        *releases(since, until),
        *rule_changes(access, since, until),
        *told_by_provider(access, incident, since, until),
    ]
    newest = sorted(changes, reverse=True)[:MOST]
    return [Changed(recent(at, now, zone), sentence) for at, sentence in newest]


def releases(since: datetime, until: datetime) -> list[tuple[datetime, str]]:
    """Return the versions of this service that began to run within a time."""
    found = Release.objects.filter(started_at__range=(since, until)).order_by("-id")[:MOST]
    return [
        (each.started_at, f"Version {each.version} of this service went live") for each in found
    ]


def rule_changes(access: Access, since: datetime, until: datetime) -> list[tuple[datetime, str]]:
    """Return the changes of the organization's rules, and the operator's, that went live."""
    live = RuleChange.objects.visible_to(access).live().filter(live_at__range=(since, until))
    newest = live.newest_first()[:MOST]
    return [(each.live_at, rule_sentence(each, access)) for each in newest if each.live_at]


def rule_sentence(change: RuleChange, access: Access) -> str:
    """Return what was done to which rule, and why where the access may know."""
    done = "changed" if change.before and change.after else "added" if change.after else "removed"
    rule = change.after or change.before or {}
    reason = reason_words(change, access)
    return f"Rule “{rule.get('title') or change.rule}” was {done}{': ' if reason else ''}{reason}"


def told_by_provider(
    access: Access, incident: Incident, since: datetime, until: datetime
) -> list[tuple[datetime, str]]:
    """Return what the provider's page told within a time, where that was no good news."""
    of_provider = Incident.objects.visible_to(access).filter(provider=incident.provider)
    told = (
        IncidentEvent.objects.filter(incident__in=of_provider, kind=EventKind.STATUS)
        .filter(at__range=(since, until), text__regex="^(trouble|maintenance)")
        .order_by("-id")[:MOST]
    )
    return [(event.at, event_sentence(event, name_of(incident))) for event in told]
