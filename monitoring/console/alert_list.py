"""How the list of alerts is narrowed, and its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.http import QueryDict

from monitoring.alerts.alert_links import alert_link
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Alert, AlertQuerySet, MessageState, Notification
from monitoring.console.alert_facts import within_console
from monitoring.console.alert_words import (
    SEVERITIES,
    headline,
    labels_of,
    look_of,
    standing,
    told_words,
)
from monitoring.console.alerts_pages import AnyAccess
from monitoring.console.rows import Moment, recent
from monitoring.console.wording import Look
from monitoring.health.causes import Explanation

if TYPE_CHECKING:
    from typing import TypedDict

    from django_stubs_ext import WithAnnotations

    class Told(TypedDict):
        told: int

    ToldAlert = WithAnnotations[Alert, Told]

STATES = {
    "": "All",
    "open": "Open",
    "waiting": "Not acknowledged",
    "muted": "Muted",
    "over": "Over",
}
LONGEST = 100


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What the address of the list asks for; what makes no sense is left out."""

    state: str = ""
    kind: str = ""
    words: str = ""

    def __bool__(self) -> bool:
        return bool(self.state or self.kind or self.words)

    def of(
        self, alerts: AlertQuerySet, rules: Mapping[str, Explanation], now: datetime
    ) -> AlertQuerySet:
        if self.kind:
            alerts = alerts.filter(kind=self.kind)
        if self.words:
            alerts = alerts.filter(about(self.words, rules))
        match self.state:
            case "open":
                return alerts.open()
            case "waiting":
                return alerts.unacknowledged(now)
            case "muted":
                return alerts.muted()
            case "over":
                return alerts.exclude(ended_at=None)
        return alerts


def narrowing_of(asked: QueryDict) -> Narrowing:
    state, kind = asked.get("state", ""), asked.get("kind", "")
    words = asked.get("q", "").replace("\x00", "").strip()[:LONGEST]
    return Narrowing(
        state if state in STATES else "", kind if kind in list(AlertKind) else "", words
    )


def about(words: str, rules: Mapping[str, Explanation]) -> Q:
    """Return the condition under which an alert is about a cause with such words."""
    small = words.lower()
    causes = [
        cause
        for cause, why in rules.items()
        if small in f"{why.title}\n{why.meaning}\n{why.next_step}".lower()
    ]
    of_incident = Q(incident__rule__in=causes) | Q(incident__signature__icontains=words)
    provider = Q(incident__provider__icontains=words)
    return Q(cause__in=causes) | Q(cause__icontains=words) | of_incident | provider


def alerts_for(access: AnyAccess) -> AlertQuerySet:
    """Return the alerts a list is about; of the service, those of organizations it is told of too.

    What a mail tells support staff, their list does not deny.
    """
    alerts: AlertQuerySet = Alert.objects.select_related("organization")
    if access.organization is not None:
        return alerts.visible_to(access)
    told = Notification.objects.filter(recipient__organization=None, muted="").exclude(
        message__state=MessageState.WITHDRAWN
    )
    return alerts.filter(Q(organization=None) | Q(pk__in=told.values("alert")))


def with_told(alerts: AlertQuerySet) -> Any:
    """Add to each alert how many recipients were told of it."""
    sent = Notification.objects.filter(alert=OuterRef("pk"), muted="").exclude(
        message__state=MessageState.WITHDRAWN
    )
    told = sent.order_by().values("alert").annotate(number=Count("recipient", distinct=True))
    return alerts.annotate(told=Coalesce(Subquery(told.values("number")), 0))


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert in the list; `people` is empty for one that is not about people.

    `organization` is named where the list is not of that one alone, `severity` while it is open.
    """

    id: int
    title: str
    address: str
    organization: str
    labels: list[str]
    look: Look
    standing: str
    severity: str
    people: str
    told: str
    began: Moment | None


def alert_row(
    access: AnyAccess, alert: ToldAlert, rules: Mapping[str, Explanation], now: datetime
) -> AlertRow:
    """Return the row of an alert that has `with_told`, in a list of `alerts_for`."""
    is_open = alert.ended_at is None
    people = alert.people if is_open else alert.most_people
    elsewhere = alert.organization if access.organization is None else None
    zone = access.time_zone
    return AlertRow(
        id=alert.pk,
        title=headline(alert, rules),
        address=within_console(alert_link(alert)),
        organization=elsewhere.name if elsewhere else "",
        labels=labels_of(alert),
        look=look_of(alert, now),
        standing=standing(alert, now, zone),
        severity=SEVERITIES[Severity(alert.severity)] if is_open else "",
        people=f"{people:,}" if people else "",
        told=told_words(alert.told, is_open=is_open),
        began=recent(alert.began_at, now, zone),
    )
