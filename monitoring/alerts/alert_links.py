"""Where messages lead in the console: those links ask for a sign-in."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from monitoring.alerts.item_words import is_mostly_off
from monitoring.alerts.kinds import AlertKind
from monitoring.alerts.models import Alert, Recipient
from monitoring.alerts.told_people import teams_joined

# So long is a filter of people at most: one that a message leads to, and one that is acted on.
LONGEST_QUERY = 2_000


def alert_link(alert: Alert) -> str:
    """Return the page of an alert; of one that is not stored, the list of them."""
    if alert.organization is None:
        return address("service_alert", alert.pk) if alert.pk else address("service_alerts")
    slug = alert.organization.slug
    return address("alert", slug, alert.pk) if alert.pk else address("alerts", slug)


def person_link(alert: Alert, person_id: int | None) -> str:
    """Return the page of the one person an alert of an organization is about."""
    return address("person", alert.organization.slug, person_id) if alert.organization else ""


def people_link(alert: Alert, teams: Collection[str]) -> str:
    """Return the page of who has it now, or of what it is about; empty where there is none.

    With teams, of those of its people who are of any of them.
    """
    kind = AlertKind(alert.kind)
    if alert.organization is None:
        return address("incidents_across") if kind == AlertKind.INCIDENT else ""
    slug = alert.organization.slug
    match kind:
        case AlertKind.STALLED | AlertKind.REAUTHORIZE:
            return told_people_link(alert, slug, teams)
        case AlertKind.COVERAGE:
            # It counts everybody, whatever the teams of who is told.
            status = "disabled" if is_mostly_off(alert.facts) else "degraded"
            return f"{address('people', slug)}?{urlencode({'status': status})}"
        case AlertKind.INCIDENT if alert.incident_id:
            return address("incident", slug, alert.incident_id)
        case AlertKind.UNRECOGNISED:
            return address("errors", slug)
        case AlertKind.RULE_CHANGE if "change" in alert.facts:
            return address("rule_change", slug, alert.facts["change"])
    return ""


def told_people_link(alert: Alert, slug: str, teams: Collection[str]) -> str:
    """Return the list of whom an alert tells of; of one that is not stored, of who has its cause.

    Empty where so many teams are named that no address could hold them.
    """
    narrowed = {"alert": str(alert.pk)} if alert.pk else having_cause(alert)
    if teams:
        narrowed["teams"] = teams_joined(sorted(teams))
    query = urlencode(narrowed)
    return f"{address('people', slug)}?{query}" if len(query) <= LONGEST_QUERY else ""


def having_cause(alert: Alert) -> dict[str, str]:
    """Return what narrows the list to everybody with the cause of such an alert."""
    return {"status": "stalled", "cause": alert.cause}


def alerts_link(recipient: Recipient) -> str:
    """Return the list of the alerts that a recipient may be told of."""
    if recipient.organization is None:
        return address("service_alerts")
    return address("alerts", recipient.organization.slug)


def settings_link(recipient: Recipient) -> str:
    """Return where a recipient chooses what they are told; empty for who has no sign-in."""
    if recipient.user_id is None:
        return ""
    if recipient.organization is None:
        return address("service_preferences")
    return address("preferences", recipient.organization.slug)


def address(name: str, *arguments: object) -> str:
    return settings.BASE_URL.rstrip("/") + path_of(name, arguments)


@lru_cache(maxsize=10_000)
def path_of(name: str, arguments: tuple[object, ...]) -> str:
    # The same pages are told to many, and looking one up takes longer than all else of an item.
    return reverse(name, args=arguments)
