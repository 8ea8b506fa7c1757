"""Sending chats and webhooks anew: one message, or all that a webhook was sent since a time."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_POST

from monitoring.alerts.models import Channel, Message, Recipient
from monitoring.alerts.number_words import counted
from monitoring.alerts.outbox import MessageRefusedError
from monitoring.alerts.replaying import message_replay, messages_replay
from monitoring.console.alerts_pages import AnyAccess, alerts_access, alerts_redirect

# Since when, in hours, as the form offers it.
SPANS = {1: "the last hour", 24: "the last day", 168: "the last 7 days", 720: "the last 30 days"}


@login_required
@require_POST
def again(request: HttpRequest, slug: str | None, message_id: int) -> HttpResponse:
    """Send a message anew that was sent; what is refused is said on its page."""
    access = alerts_access(request, slug)
    mine = Message.objects.filter(organization=access.organization)
    found = get_object_or_404(mine, pk=message_id)
    try:
        fresh = message_replay(access=access, message=found, now=timezone.now())
    except MessageRefusedError as refusal:
        messages.error(request, str(refusal))
        return alerts_redirect(access, "message", message_id=message_id)
    messages.success(request, "It is sent anew within a minute. This is the new one.")
    return alerts_redirect(access, "message", message_id=fresh.pk)


@login_required
@require_POST
def since(request: HttpRequest, slug: str | None, recipient_id: int) -> HttpResponse:
    """Send a webhook all anew that it was sent since a time."""
    access, now = alerts_access(request, slug), timezone.now()
    recipient = webhook_of(access, recipient_id)
    hours = request.POST.get("hours", "")
    if hours not in map(str, SPANS):
        messages.error(request, "Choose since when.")
        return alerts_redirect(access, "destination", recipient_id=recipient_id)
    begin = now - timedelta(hours=int(hours))
    try:
        number = messages_replay(access=access, recipient=recipient, since=begin, now=now)
    except MessageRefusedError as refusal:
        messages.error(request, str(refusal))
    else:
        say(request, number, int(hours))
    return alerts_redirect(access, "destination", recipient_id=recipient_id)


def webhook_of(access: AnyAccess, recipient_id: int) -> Recipient:
    mine = Recipient.objects.visible_to(access).current().filter(channel=Channel.WEBHOOK)
    found: Recipient = get_object_or_404(mine, pk=recipient_id)
    return found


def say(request: HttpRequest, number: int, hours: int) -> None:
    if number:
        goes = "is" if number == 1 else "are"
        said = f"{counted(number, 'message')} of {SPANS[hours]} {goes} sent anew, the oldest first."
        messages.success(request, said)
    else:
        messages.info(request, f"It was sent nothing in {SPANS[hours]}.")
