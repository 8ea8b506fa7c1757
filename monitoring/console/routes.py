"""Who is told of alerts: the routes in order, who that is now, the recipients, and the waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Member, Role
from monitoring.alerts.alert_policy import alert_policy_of
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Channel, Digest, Recipient
from monitoring.alerts.recipients import recipients_known, recipients_make
from monitoring.alerts.refusals import AlertRefusedError
from monitoring.alerts.routes import LONGEST_NAME, key_of, route_move, route_remove, routes_restore
from monitoring.alerts.routing import (
    OF_ORGANIZATIONS,
    OF_SERVICE,
    SUPPORT,
    RecipientFacts,
    RouteFacts,
    is_about,
    is_for,
    untold,
)
from monitoring.alerts.targets import routes_of
from monitoring.console import route_words as words
from monitoring.console.alerts_pages import (
    AnyAccess,
    alerts_access,
    alerts_page,
    alerts_redirect,
)
from monitoring.console.moments import zone_name
from monitoring.console.rows import Moment, past

# So many of those whom a route tells are named.
NAMED = 8
Known = Mapping[int, RecipientFacts]


@dataclass(frozen=True, slots=True)
class Hearer:
    """One of those whom a route tells; `asleep` says what is not told to them now."""

    name: str
    asleep: str
    is_subscribed: bool
    is_confirmed: bool


@dataclass(frozen=True, slots=True)
class RouteRow:
    """One route in the list; `name` is empty where its sentence says the same."""

    key: str
    name: str
    sentence: str
    hearers: list[Hearer]
    more: int
    is_first: bool
    is_last: bool


@dataclass(frozen=True, slots=True)
class RecipientRow:
    """One recipient in the list; `role` says as what they are there."""

    id: int
    name: str
    address: str
    role: str
    hours: str
    digest: str
    told: Moment | None
    unsubscribed: Moment | None
    is_confirmed: bool
    is_own: bool
    is_in_use: bool
    may_be_changed: bool


@login_required
@require_safe
def routes(request: HttpRequest, slug: str | None) -> HttpResponse:
    """Show who is told of what, and how long things must last before."""
    access = alerts_access(request, slug)
    now = timezone.now()
    known, in_force = known_by(access, now), routes_of([access.organization_id])
    found, is_member = in_force[access.organization_id], belongs(access)
    missed = untold(found, known, possible(access))
    policy = alert_policy_of(access.organization) if access.organization else None
    recipients = recipient_rows(access, found, known, now)
    context: dict[str, Any] = {
        "title": words.routes_title(found, is_critical=is_critical(missed)),
        "is_critical": is_critical(missed),
        "untold": words.untold_sentences(missed),
        "routes": route_rows(found, known, now),
        "is_built_in": all(route.id is None for route in found),
        "recipients": recipients,
        "own": next((each for each in recipients if each.is_own), None),
        "is_member": is_member,
        "may_test": access.may_change and is_member,
        "support_hears": access.organization is not None and support_hears(in_force[None]),
        "can_add_members": bool(members_to_add(access, known)),
        "policy": words.policy_words(policy) if policy else [],
    }
    return alerts_page(request, access, "console/routes.html", "routes", context)


def known_by(access: AnyAccess, now: datetime) -> Known:
    """Return the recipients there are, those by their role among them."""
    recipients_make(organization_ids=[access.organization_id], now=now)
    return recipients_known([access.organization_id])[access.organization_id]


def routes_by(access: AnyAccess) -> list[RouteFacts]:
    return routes_of([access.organization_id])[access.organization_id]


def possible(access: AnyAccess) -> Mapping[Any, Any]:
    return OF_SERVICE if access.organization is None else OF_ORGANIZATIONS


def belongs(access: AnyAccess) -> bool:
    """Tell whether the viewer is told by the organization, or the service, themself."""
    if access.organization is None:
        return True
    return Member.objects.filter(user=access.user, organization=access.organization).exists()


def support_hears(service: Sequence[RouteFacts]) -> bool:
    """Tell whether the routes of the service tell its support staff of critical incidents."""
    theirs = [route for route in service if route.audience == SUPPORT]
    return any(is_about(route, AlertKind.INCIDENT, Severity.CRITICAL) for route in theirs)


def is_critical(missed: Sequence[tuple[Any, Severity]]) -> bool:
    return any(severity == Severity.CRITICAL for _, severity in missed)


def route_rows(found: Sequence[RouteFacts], known: Known, now: datetime) -> list[RouteRow]:
    return [
        route_row(route, place, known, now, is_last=place == len(found) - 1)
        for place, route in enumerate(found)
    ]


def route_row(
    route: RouteFacts, place: int, known: Known, now: datetime, *, is_last: bool
) -> RouteRow:
    audience = [each for each in known.values() if is_for(route, each)]
    sentence = words.route_sentence(route, chosen_names(route, known))
    shown = [hearer_of(each, now) for each in audience[:NAMED]]
    return RouteRow(
        key=key_of(route, place),
        name="" if route.name in sentence or is_made(route, known) else route.name,
        sentence=sentence,
        hearers=shown,
        more=len(audience) - len(shown),
        is_first=place == 0,
        is_last=is_last,
    )


def is_made(route: RouteFacts, known: Known) -> bool:
    """Tell whether the name of a route is made of those it has chosen, whom its sentence names."""
    names = [known[each].name for each in sorted(route.recipients) if each in known]
    return route.name == ", ".join(names)[:LONGEST_NAME]


def chosen_names(route: RouteFacts, known: Known) -> list[str]:
    """Return the names of those a route has chosen, and of whom it says nothing as yet."""
    chosen = [each for each in known.values() if each.id in route.recipients]
    return [each.name if each.is_confirmed else words.unconfirmed(each.name) for each in chosen]


def hearer_of(facts: RecipientFacts, now: datetime) -> Hearer:
    return Hearer(
        name=facts.name,
        asleep=words.asleep(facts.hours, now),
        is_subscribed=facts.is_subscribed,
        is_confirmed=facts.is_confirmed,
    )


def recipient_rows(
    access: AnyAccess, found: Sequence[RouteFacts], known: Known, now: datetime
) -> list[RecipientRow]:
    """Return the recipients: oneself first, then those by their role, then the others by name."""
    stored = Recipient.objects.visible_to(access).in_bulk(list(known))
    rows = [
        recipient_row(access, facts, stored[facts.id], found, now)
        for facts in known.values()
        if facts.id in stored
    ]
    return sorted(rows, key=lambda row: (not row.is_own, row.may_be_changed, row.name.lower()))


def recipient_row(
    access: AnyAccess,
    facts: RecipientFacts,
    stored: Recipient,
    found: Sequence[RouteFacts],
    now: datetime,
) -> RecipientRow:
    zone = access.time_zone
    return RecipientRow(
        id=facts.id,
        name=facts.name,
        address="" if facts.address == facts.name else facts.address,
        role=role_of(facts),
        hours=words.hours_words(facts.hours),
        digest="" if stored.unsubscribed_at else digest_words(stored, facts.hours.zone),
        told=past(stored.told_at, now, zone),
        unsubscribed=past(stored.unsubscribed_at, now, zone),
        is_confirmed=facts.is_confirmed,
        is_own=facts.user_id == access.user.pk,
        is_in_use=any(is_for(route, facts) for route in found),
        may_be_changed=not (facts.is_admin or facts.is_support),
    )


def role_of(facts: RecipientFacts) -> str:
    if facts.is_support:
        return "Support staff"
    if facts.user_id is not None:
        return "Owner or admin" if facts.is_admin else "Viewer"
    return {Channel.MAIL: "Mail address"}.get(Channel(facts.channel), Channel(facts.channel).label)


def digest_words(recipient: Recipient, zone: tzinfo) -> str:
    """Return what a recipient gets beside alerts, at which hour of their own zone."""
    if recipient.hears_health:
        return "Every change of health"
    if recipient.digest == Digest.NEVER:
        return ""
    hour = f"{recipient.digest_hour:02}:00 ({zone_name(zone)})"
    return f"{Digest(recipient.digest).label} digest at {hour}"


def members_to_add(access: AnyAccess, known: Known) -> list[Member]:
    """Return the members who are no recipients yet, by address: viewers, as others are there."""
    if access.organization is None:
        return []
    users = [facts.user_id for facts in known.values() if facts.user_id is not None]
    members = Member.objects.filter(organization=access.organization, role=Role.VIEWER)
    others = members.filter(user__is_active=True).exclude(user__in=users).exclude(user__email="")
    return list(others.select_related("user").order_by("user__email")[:200])


def moved_up(access: AnyAccess, key: str, now: datetime) -> str:
    route_move(access=access, key=key, up=True, now=now)
    return ""


def moved_down(access: AnyAccess, key: str, now: datetime) -> str:
    route_move(access=access, key=key, up=False, now=now)
    return ""


def removed(access: AnyAccess, key: str, now: datetime) -> str:
    route_remove(access=access, key=key, now=now)
    return "The route is removed."


DEEDS: Mapping[str, Callable[[AnyAccess, str, datetime], str]] = {
    "up": moved_up,
    "down": moved_down,
    "remove": removed,
}


@login_required
@require_POST
def act(request: HttpRequest, slug: str | None, key: str, deed: str) -> HttpResponse:
    """Move or remove a route; what is refused is said on the page."""
    access = alerts_access(request, slug)
    if deed not in DEEDS:
        raise Http404
    try:
        if said := DEEDS[deed](access, key, timezone.now()):
            messages.success(request, said)
    except AlertRefusedError as refusal:
        messages.error(request, str(refusal))
    return alerts_redirect(access, "routes")


@login_required
@require_POST
def restore(request: HttpRequest, slug: str | None) -> HttpResponse:
    """Have the built-in routes in force again."""
    access = alerts_access(request, slug)
    if routes_restore(access=access, now=timezone.now()):
        messages.success(request, "The built-in routes are in force again.")
    else:
        messages.info(request, "The built-in routes are in force already.")
    return alerts_redirect(access, "routes")
