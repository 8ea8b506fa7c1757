"""The alerts that a message tells of."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring.alerts.alert_links import alert_link
from monitoring.alerts.items import rules_of
from monitoring.alerts.models import Alert, Message
from monitoring.console.alert_facts import Link, within_console
from monitoring.console.alert_words import headline
from monitoring.console.alerts_pages import AnyAccess

# As many as a mail names.
MOST_ALERTS = 10


def alerts_in(access: AnyAccess, message: Message) -> list[Link]:
    """Return the first alerts a message tells of; one of an organization tells of its own only."""
    found = Alert.objects.filter(notifications__message=message).distinct()
    if access.organization is not None:
        found = found.visible_to(access)
    alerts = list(found.select_related("organization").order_by("-severity", "id")[:MOST_ALERTS])
    return links_of(alerts)


def links_of(alerts: Iterable[Alert]) -> list[Link]:
    alerts = list(alerts)
    rules = rules_of(alerts)
    return [
        Link(
            headline(alert, rules[alert.organization_id]),
            within_console(alert_link(alert)),
        )
        for alert in alerts
    ]
