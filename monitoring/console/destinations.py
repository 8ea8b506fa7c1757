"""Adding and changing chats and webhooks. Where one leads is typed here and shown nowhere."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.time_zones import time_zones
from monitoring.alerts.chat_services import SERVICES
from monitoring.alerts.destinations import (
    LONGEST_URL,
    Destination,
    Lead,
    destination_add,
    destination_change,
    destination_secret_rotate,
    lead_of,
)
from monitoring.alerts.models import Channel, Recipient
from monitoring.alerts.preferences import preferences_of
from monitoring.alerts.recipient_changes import LONGEST_NAME, recipient_change
from monitoring.alerts.refusals import AlertRefusedError
from monitoring.console.alerts_pages import (
    AnyAccess,
    alerts_access,
    alerts_page,
    alerts_redirect,
)
from monitoring.console.moments import zone_name
from monitoring.console.preference_form import PreferenceForm, typed
from monitoring.console.replays import SPANS

ADD, CHANGE, KEY = (
    "console/recipient_new.html",
    "console/destination.html",
    "console/destination_key.html",
)
TITLES = {Channel.CHAT: "Add a chat or paging service", Channel.WEBHOOK: "Add a webhook"}
SAID = {
    Channel.CHAT: (
        f"Through Apprise: {', '.join(service.name for service in SERVICES)}. "
        "Of an address only the beginning is shown later."
    ),
    Channel.WEBHOOK: (
        "Events are sent to an address of yours as JSON, signed as Standard Webhooks wants it. The "
        "key is shown once, after this. Of an address only the beginning is shown later."
    ),
}


class DestinationForm(forms.Form):
    """A chat or a webhook to be added."""

    name = forms.CharField(max_length=LONGEST_NAME, required=False)
    url = forms.CharField(max_length=LONGEST_URL, required=False)
    hears_health = forms.BooleanField(required=False)


class ChangeForm(PreferenceForm):
    """The same of one there is, with its hours; without an address it leads where it did."""

    name = forms.CharField(max_length=LONGEST_NAME, required=False)
    url = forms.CharField(max_length=LONGEST_URL, required=False)
    hears_health = forms.BooleanField(required=False)
    time_zone = forms.CharField(max_length=64)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, slug: str | None, channel: str) -> HttpResponse:
    """Add a chat or a webhook. The key of a webhook is shown in the answer, and never again."""
    access = alerts_access(request, slug)
    access.require_change()
    if channel not in TITLES:
        raise Http404
    form = DestinationForm(request.POST or None)
    if request.method == "POST":
        destination = added(access, channel, form)
        if destination is not None and destination.key:
            return key_page(request, access, destination.recipient, destination.key)
        if destination is not None:
            messages.success(request, "Added. A route says what it is told of.")
            return alerts_redirect(access, "routes")
    context = {
        "form": form,
        "form_name": channel,
        "title": TITLES[Channel(channel)],
        "said": SAID[Channel(channel)],
    }
    return alerts_page(request, access, ADD, "form", context)


def added(access: AnyAccess, channel: str, form: DestinationForm) -> Destination | None:
    """Add what the form names. What is refused is said in the form."""
    if not form.is_valid():
        return None
    try:
        return destination_add(
            access=access,
            channel=channel,
            now=timezone.now(),
            time_zone=zone_name(access.time_zone),
            **form.cleaned_data,
        )
    except AlertRefusedError as refusal:
        form.add_error(refusal.field or None, str(refusal))
        return None


def key_page(
    request: HttpRequest, access: AnyAccess, recipient: Recipient, key: str
) -> HttpResponse:
    """Show the key of a webhook, this once."""
    return alerts_page(request, access, KEY, "key", {"recipient": recipient, "key": key})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, slug: str | None, recipient_id: int) -> HttpResponse:
    """Change a chat or a webhook."""
    access = alerts_access(request, slug)
    access.require_change()
    recipient = destination_of(access, recipient_id)
    form = ChangeForm(request.POST or None, initial=initial_of(recipient))
    if request.method == "POST" and changed(access, recipient, form):
        messages.success(request, "The recipient is saved.")
        return alerts_redirect(access, "routes")
    context = {
        "form": form,
        "recipient": recipient,
        "zones": time_zones(),
        "is_webhook": recipient.channel == Channel.WEBHOOK,
        "spans": SPANS,
        "hears": recipient.channel == Channel.WEBHOOK and access.organization is not None,
    }
    return alerts_page(request, access, CHANGE, "form", context)


def destination_of(access: AnyAccess, recipient_id: int) -> Recipient:
    mine = Recipient.objects.visible_to(access).current().exclude(channel=Channel.MAIL)
    found: Recipient = get_object_or_404(mine, pk=recipient_id)
    return found


def initial_of(recipient: Recipient) -> dict[str, Any]:
    return typed(preferences_of(recipient)) | {
        "name": recipient.name,
        "time_zone": recipient.time_zone,
        "hears_health": recipient.hears_health,
    }


def changed(access: AnyAccess, recipient: Recipient, form: ChangeForm) -> bool:
    """Change what the form holds; tell whether it was taken. What is refused is said in it."""
    if not form.is_valid():
        return False
    try:
        lead = lead_of(recipient.channel, form.cleaned_data["url"])
        changes(access, recipient, form, lead, timezone.now())
    except AlertRefusedError as refusal:
        form.add_error(refusal.field or None, str(refusal))
        return False
    return True


@transaction.atomic
def changes(
    access: AnyAccess, recipient: Recipient, form: ChangeForm, lead: Lead | None, now: datetime
) -> None:
    """Change both where it leads and when it is told, or neither."""
    given = form.cleaned_data
    destination_change(
        access=access,
        recipient=recipient,
        name=given["name"],
        lead=lead,
        hears_health=given["hears_health"],
        now=now,
    )
    recipient_change(
        access=access,
        recipient=recipient,
        name=given["name"],
        time_zone=given["time_zone"],
        wanted=form.wanted(),
        now=now,
    )


@login_required
@require_POST
def rotate(request: HttpRequest, slug: str | None, recipient_id: int) -> HttpResponse:
    """Make a new key for a webhook, and show it this once."""
    access = alerts_access(request, slug)
    access.require_change()
    recipient = destination_of(access, recipient_id)
    try:
        key = destination_secret_rotate(access=access, recipient=recipient, now=timezone.now())
    except AlertRefusedError as refusal:
        messages.error(request, str(refusal))
        return alerts_redirect(access, "routes")
    return key_page(request, access, recipient, key)
