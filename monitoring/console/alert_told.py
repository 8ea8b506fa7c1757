"""Who was told of an alert, by which message, and who was not, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.db.models import Min, QuerySet

from monitoring.alerts.kinds import EVENTS
from monitoring.alerts.models import Alert, MessageState, Notification, Recipient
from monitoring.alerts.number_words import people_of
from monitoring.alerts.outlook import (
    Outlook,
    end_outlook,
    first_told,
    is_sooner,
    is_too_late,
    outlook,
)
from monitoring.alerts.plan_facts import Muted, Phase
from monitoring.alerts.recipients import Known, recipients_known
from monitoring.alerts.returning import NO_RETURN, returns_of
from monitoring.alerts.route_history import RouteChange, route_changes, were_built_in
from monitoring.alerts.routing import RecipientFacts, RouteFacts, is_for, target_of
from monitoring.alerts.targets import routes_of, targets_known, waits_of
from monitoring.alerts.telling import episode_of
from monitoring.alerts.told import record_of
from monitoring.console.alert_words import PHASES, end_words, outlook_words
from monitoring.console.alerts_pages import AnyAccess
from monitoring.console.message_words import answer_of, look_of
from monitoring.console.rows import Moment, recent
from monitoring.console.wording import Look

# A page that tells more lines than this is read by nobody.
MOST_TOLD = 100
BUILT_IN, ROUTE_GONE = "Built-in route", "A route that is gone"
MUTED = {
    Muted.SILENCED: "Muted: those it is about were silenced",
    Muted.ABSORBED: "Told with the incident that hit everybody it is about",
    Muted.FLAPPING: "Muted: it came and went, and this time had not lasted",
}
# Of routes, by whose they are; None is the service's.
Changes = Mapping[int | None, Sequence[RouteChange]]
KEPT_BACK = Look("Kept back", "disabled", "neutral")
GONE = Look("Told", "healthy", "neutral")


@dataclass(frozen=True, slots=True)
class Telling:
    """One recipient told once, or one beginning kept from them.

    people    whom it was about, as they were told; empty where it is about nobody
    message   the one it was told by, to be opened where it belongs to the page's access
    said      what the server answered, or why it was kept back or withdrawn
    """

    name: str
    address: str
    phase: str
    people: str
    route: str
    look: Look
    said: str
    at: Moment | None
    message: int | None


@dataclass(frozen=True, slots=True)
class Untold:
    """Somebody a route is for who was not told, and why, or when they will be."""

    name: str
    address: str
    route: str
    why: str


@dataclass(frozen=True, slots=True)
class Tellings:
    """All that was told of one alert. `support` counts the service's own recipients told.

    Those have lines of their own only where support staff look.
    """

    rows: list[Telling]
    more: int
    told: int
    support: int


def tellings_of(access: AnyAccess, alert: Alert, now: datetime) -> Tellings:
    """Return who was told, the latest first."""
    rows = notifications(alert)
    if alert.ended_at is None:
        # From whom it is kept back now is told by `untold_of`.
        rows = rows.filter(muted="")
    people = list(
        told_by(alert).values_list("recipient", "recipient__organization").order_by().distinct()
    )
    support = sum(1 for _, organization in people if organization is None)
    mine = rows if may_see_support(access) else rows.exclude(recipient__organization=None)
    shown = list(mine.order_by("-at", "-id")[: MOST_TOLD + 1])
    changes = changes_of(shown)
    lines = [telling_of(access, each, now, changes) for each in shown[:MOST_TOLD]]
    hidden = 0 if may_see_support(access) else support
    return Tellings(lines, max(0, len(shown) - MOST_TOLD), len(people), hidden)


def may_see_support(access: AnyAccess) -> bool:
    return bool(access.organization is None or access.user.is_staff)


def notifications(alert: Alert) -> QuerySet[Notification]:
    found = Notification.objects.filter(alert=alert)
    return found.select_related("recipient__user", "route", "message")


def told_by(alert: Alert) -> QuerySet[Notification]:
    """Return what recipients were told, without what was kept from them or withdrawn."""
    told = Notification.objects.filter(alert=alert, muted="")
    return told.exclude(message__state=MessageState.WITHDRAWN)


def changes_of(rows: Sequence[Notification]) -> Changes:
    """Return how routes changed where rows name none: built-in ones tell as none, and routes go."""
    return route_changes({row.recipient.organization_id for row in rows if row.route_id is None})


def route_name(row: Notification, changes: Changes) -> str:
    """Return the name of the route that told, also where no such row is left."""
    if row.route is not None:
        return str(row.route.name)
    ours = changes.get(row.recipient.organization_id, [])
    return BUILT_IN if were_built_in(ours, row.at) else ROUTE_GONE


def telling_of(access: AnyAccess, row: Notification, now: datetime, changes: Changes) -> Telling:
    recipient, message = row.recipient, row.message
    look, said = KEPT_BACK, MUTED.get(Muted(row.muted), "") if row.muted else ""
    if not row.muted:
        look, said = GONE, ""
    if message is not None:
        look = look_of(message.state, message.attempts, message.answer)
        said = answer_of(message.state, message.kind, message.answer)
    at = (message.sent_at if message else None) or row.at
    is_ours = message is not None and message.organization_id == access.organization_id
    return Telling(
        name=name_of(recipient),
        address=recipient.address,
        phase=PHASES[Phase(row.phase)],
        people=people_of(row.people) if row.people else "",
        route=route_name(row, changes),
        look=look,
        said=said,
        at=recent(at, now, access.time_zone),
        message=message.pk if message and is_ours else None,
    )


def name_of(recipient: Recipient) -> str:
    user: Any = recipient.user
    return recipient.name or (user.get_full_name() if user else "") or recipient.address


def untold_of(access: AnyAccess, alert: Alert, now: datetime) -> list[Untold]:
    """Return who was not told although a route is for them; the service's own are left out.

    Of an alert that is over nobody is left to be told, but what happened once stays news.
    """
    episode, organization = episode_of(alert), alert.organization_id
    if is_too_late(episode, now):
        return []
    known: Known = recipients_known([organization])
    routes, waits = routes_of([organization]), waits_of([organization])[organization]
    told = set(told_by(alert).values_list("recipient", flat=True))
    targets = targets_known(organization, routes, known)
    untold = [each for each in targets if each.recipient not in told]
    first_at = told_at_once(alert) or first_told(episode, untold, now, waits)
    found: dict[int, tuple[Outlook, Untold]] = {}
    for route in routes[organization]:
        for recipient in audience(route, known[organization], told):
            each = outlook(episode, target_of(route, recipient), now, waits, first_at)
            before = found.get(recipient.id)
            if each is None or (before is not None and not is_sooner(each, before[0])):
                continue
            why = reason(each, recipient, now, access.time_zone, is_event=alert.kind in EVENTS)
            found[recipient.id] = each, Untold(recipient.name, recipient.address, route.name, why)
    return [line for _, line in found.values()][:MOST_TOLD]


def end_of(access: AnyAccess, alert: Alert, now: datetime) -> str:
    """Return when the end of an alert is told to whoever waits for it; empty where nobody does."""
    if alert.ended_at is None or alert.is_settled or alert.kind in EVENTS:
        return ""
    record = record_of([alert.pk])
    unheard = record.unsent | record.failed
    if all(each.is_over or place in unheard for place, each in record.told.items()):
        return ""
    back = returns_of([alert]).get(alert.pk, NO_RETURN)
    waits = waits_of([alert.organization_id])[alert.organization_id]
    return end_words(end_outlook(episode_of(alert, back), now, waits), now, access.time_zone)


def told_at_once(alert: Alert) -> datetime | None:
    """Return when somebody was first told by a route without a delay."""
    found: datetime | None = (
        told_by(alert).exclude(route__after__gt=0).aggregate(at=Min("at"))["at"]
    )
    return found


def audience(
    route: RouteFacts, recipients: Mapping[int, RecipientFacts], told: Collection[int]
) -> list[RecipientFacts]:
    """Return whom a route is for who was not told, hearing of anything or not."""
    return [each for each in recipients.values() if each.id not in told and is_for(route, each)]


def reason(
    expected: Outlook, recipient: RecipientFacts, now: datetime, zone: tzinfo, *, is_event: bool
) -> str:
    """Return why a recipient is not told."""
    if not recipient.is_subscribed:
        return "Unsubscribed: wants no alerts of this organization"
    if not recipient.is_confirmed:
        return "Waits for confirmation: nobody there has said yet that they want alerts"
    return outlook_words(expected, now, zone, is_event=is_event)
