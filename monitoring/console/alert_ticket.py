"""Where the button of an alert's mail leads: one alert, and who is at it, without a sign-in.

The signed link says which alert, and to which recipient it was sent. Following it changes nothing,
since mail scanners follow links as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from allauth.core import ratelimit
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.models import Member
from monitoring.alerts.acknowledging import alert_acknowledge
from monitoring.alerts.in_hand import is_in_hand
from monitoring.alerts.item import Reader
from monitoring.alerts.item_words import headline
from monitoring.alerts.items import item_alone, reader_of
from monitoring.alerts.letters import course
from monitoring.alerts.models import Alert, Recipient
from monitoring.alerts.recipients import who_may_change
from monitoring.alerts.tickets import read_acknowledge
from monitoring.console.moments import zone_name
from monitoring.console.quiet import quiet_page, said
from monitoring.console.recipient_links import does_not_open, too_often
from monitoring.console.rows import past

# So long after its end the page of an alert still says that it is over.
KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a link opens: an alert, for one recipient, who may acknowledge it or only look."""

    alert: Alert
    reader: Reader
    may_acknowledge: bool


@require_http_methods(["GET", "HEAD", "POST"])
def alert_ticket(request: HttpRequest, token: str) -> HttpResponse:
    """Show the alert with a button to acknowledge it, or acknowledge it."""
    ticket = ticket_in(token, timezone.now())
    if ticket is None:
        return unknown(request)
    if request.method != "POST":
        return shown(request, token, ticket)
    if not ticket.may_acknowledge:
        return only_looking(request, ticket)
    if not ratelimit.consume(request, action="alert_ticket", key=str(ticket.reader.recipient_id)):
        return too_often(request)
    name = ticket.reader.name or ticket.reader.address
    alert_acknowledge(alert=ticket.alert, name=name, now=timezone.now())
    return redirect("alert_ticket", token)


def ticket_in(token: str, now: datetime) -> Ticket | None:
    """Return what a token opens; None where it opens nothing (any more)."""
    ids = read_acknowledge(token)
    if ids is None:
        return None
    alert = Alert.objects.select_related("organization").filter(pk=ids[0]).first()
    current = Recipient.objects.current().select_related("organization", "user")
    recipient = current.filter(pk=ids[1]).first()
    if alert is None or recipient is None or not may_hear(recipient, alert):
        return None
    if alert.ended_at is not None and now - alert.ended_at > KEPT:
        return None
    # The role may be another than when the mail was written.
    may_acknowledge = recipient.pk in who_may_change([recipient.pk])
    return Ticket(alert, reader_of(recipient), may_acknowledge)


def may_hear(recipient: Recipient, alert: Alert) -> bool:
    """Tell whether a recipient may still be told of an alert: who has left may not."""
    user, organization = recipient.user, recipient.organization_id
    if organization not in {None, alert.organization_id}:
        return False
    if user is None:
        return True
    if organization is None:
        return user.is_active and user.is_staff
    return user.is_active and Member.objects.filter(organization=organization, user=user).exists()


def shown(request: HttpRequest, token: str, ticket: Ticket) -> HttpResponse:
    alert, zone, now = ticket.alert, ticket.reader.zone, timezone.now()
    item = item_alone(alert)
    context: dict[str, Any] = {
        "token": token,
        "alert": alert,
        "organization": alert.organization,
        "headline": headline(item),
        "course": course(item, zone),
        "may_acknowledge": ticket.may_acknowledge,
        "is_open": alert.ended_at is None,
        "in_hand": is_in_hand(alert, now),
        "acknowledged": past(alert.acknowledged_at, now, zone),
        "since": "Since" if alert.ended_at is None else "When",
        "link": item.alert_link,
        "zone_name": zone_name(zone),
    }
    return quiet_page(request, "alert_ticket", context)


def unknown(request: HttpRequest) -> HttpResponse:
    return does_not_open(request, "It is not complete, or the alert it was about is long over.")


def only_looking(request: HttpRequest, ticket: Ticket) -> HttpResponse:
    return said(
        request,
        403,
        "Only owners and admins may acknowledge",
        "Your role in this organization may look but not change.",
        link=item_alone(ticket.alert).alert_link,
        label="Open in the console",
    )
