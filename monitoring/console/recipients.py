"""The recipients of alerts: adding, changing, testing and removing them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import Access, zone_of
from accounts.models import Member
from accounts.time_zones import time_zones
from monitoring.alerts.models import Channel, Recipient
from monitoring.alerts.preferences import own_recipient_made, preferences_of
from monitoring.alerts.recipient_changes import (
    LONGEST_NAME,
    recipient_add,
    recipient_ask,
    recipient_change,
    recipient_member_add,
    recipient_remove,
)
from monitoring.alerts.refusals import AlertRefusedError
from monitoring.alerts.trials import recipient_test
from monitoring.console.alerts_pages import (
    AnyAccess,
    alerts_access,
    alerts_address,
    alerts_page,
    alerts_redirect,
    back_or,
)
from monitoring.console.moments import planned, zone_name
from monitoring.console.outbox import is_kept_here
from monitoring.console.preference_form import PreferenceForm, typed
from monitoring.console.routes import known_by, members_to_add

ADD, CHANGE = "console/recipient_new.html", "console/recipient.html"
TITLES = {"member": "Add a member", "mail": "Add a mail address"}
SAID = {
    "member": (
        "Owners and admins are recipients by their role. Here you add who may only look. "
        "What they are told of, routes say."
    ),
    "mail": (
        "Such as the mailbox of a team. Somebody who reads it must confirm first, by the link in a "
        "mail that is sent there now, and can unsubscribe it at any time. What they are told of, "
        "routes say."
    ),
}
ADDED = {
    "member": "Added. A route says what they are told of.",
    "mail": (
        "Added. It is told nothing before somebody there confirms: a mail asks them, at most once "
        "a day. A route says what they are told of then."
    ),
}


class MemberForm(forms.Form):
    """One of the members who are no recipients yet."""

    member = forms.ChoiceField(
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose a member.")
    )

    def __init__(self, members: list[Member], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["member"]
        field.choices = [(str(each.pk), name_of(each)) for each in members]


class AddressForm(forms.Form):
    """A mail address that is nobody's login."""

    address = forms.CharField(
        max_length=254, error_messages={"required": "Write the mail address."}
    )
    name = forms.CharField(max_length=LONGEST_NAME, required=False)
    time_zone = forms.CharField(max_length=64)


class RecipientForm(PreferenceForm):
    """Name, zone, hours and digest of who has no login."""

    name = forms.CharField(max_length=LONGEST_NAME, required=False)
    time_zone = forms.CharField(max_length=64)


def name_of(member: Member) -> str:
    full = member.user.get_full_name()
    return f"{full} ({member.user.email})" if full else member.user.email


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, slug: str | None, form_name: str) -> HttpResponse:
    """Add a recipient: a member who may only look, or a mail address."""
    access = alerts_access(request, slug)
    access.require_change()
    if form_name not in TITLES:
        raise Http404
    members = members_to_add(access, known_by(access, timezone.now()))
    if form_name == "member" and not members:
        return alerts_redirect(access, "routes")
    form = form_of(form_name, access, members, request.POST or None)
    if request.method == "POST" and added(access, form, members):
        messages.success(request, ADDED[form_name])
        return alerts_redirect(access, "routes")
    context = {
        "form": form,
        "form_name": form_name,
        "title": TITLES[form_name],
        "said": SAID[form_name],
        "zones": time_zones(),
    }
    return alerts_page(request, access, ADD, "form", context)


def form_of(form_name: str, access: AnyAccess, members: list[Member], data: Any) -> forms.Form:
    if form_name == "member":
        return MemberForm(members, data)
    return AddressForm(data, initial={"time_zone": zone_name(access.time_zone)})


def added(access: AnyAccess, form: forms.Form, members: list[Member]) -> bool:
    """Add whom the form names; tell whether it was taken. What is refused is said in the form."""
    if not form.is_valid():
        return False
    given = form.cleaned_data
    try:
        if isinstance(form, MemberForm) and isinstance(access, Access):
            member = next(each for each in members if str(each.pk) == given["member"])
            recipient_member_add(access=access, member=member, now=timezone.now())
        else:
            recipient_add(access=access, now=timezone.now(), **given)
    except AlertRefusedError as refusal:
        form.add_error(refusal.field or None, str(refusal))
        return False
    return True


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, slug: str | None, recipient_id: int) -> HttpResponse:
    """Change how a recipient who has no login is called and told, or remove one."""
    access = alerts_access(request, slug)
    access.require_change()
    recipient = recipient_of(access, recipient_id)
    if recipient.channel != Channel.MAIL:
        return alerts_redirect(access, "destination", recipient_id=recipient_id)
    initial = typed(preferences_of(recipient))
    initial |= {"name": recipient.name, "time_zone": recipient.time_zone}
    form = RecipientForm(request.POST or None, initial=initial)
    if request.method == "POST" and changed(access, recipient, form):
        messages.success(request, "The recipient is saved.")
        return alerts_redirect(access, "routes")
    context = {
        "form": form,
        "recipient": recipient,
        "name": recipient.name or recipient.address,
        "zones": time_zones(),
        "has_login": recipient.user_id is not None,
        "digest": digest_sentence(recipient, timezone.now()),
    }
    return alerts_page(request, access, CHANGE, "form", context)


def digest_sentence(recipient: Recipient, now: datetime) -> str:
    """Return when the next digest comes on the clock of who gets it; empty where none does."""
    if recipient.digest_at is None or recipient.unsubscribed_at is not None:
        return ""
    if not recipient.is_confirmed:
        return "No digest comes before somebody there has confirmed."
    when = planned(recipient.digest_at, now, zone_of(recipient.time_zone))
    return f"The next digest comes {when}, {recipient.time_zone} time."


def recipient_of(access: AnyAccess, recipient_id: int) -> Recipient:
    mine = Recipient.objects.visible_to(access).current().select_related("user", "organization")
    found: Recipient = get_object_or_404(mine, pk=recipient_id)
    return found


def changed(access: AnyAccess, recipient: Recipient, form: RecipientForm) -> bool:
    if not form.is_valid():
        return False
    given = form.cleaned_data
    try:
        recipient_change(
            access=access,
            recipient=recipient,
            name=given["name"],
            time_zone=given["time_zone"],
            wanted=form.wanted(),
            now=timezone.now(),
        )
    except AlertRefusedError as refusal:
        form.add_error(refusal.field or None, str(refusal))
        return False
    return True


@login_required
@require_POST
def act(request: HttpRequest, slug: str | None, recipient_id: int, deed: str) -> HttpResponse:
    """Remove a recipient, or send them a test or the question whether they want alerts.

    What is refused is said on the page.
    """
    access = alerts_access(request, slug)
    recipient = recipient_of(access, recipient_id)
    if deed not in {"remove", "test", "ask"}:
        raise Http404
    try:
        if deed == "test":
            test(request, access, recipient)
        elif deed == "ask":
            recipient_ask(access=access, recipient=recipient, now=timezone.now())
            messages.success(request, "The mail that asks them to confirm is being sent.")
        elif recipient_remove(access=access, recipient=recipient, now=timezone.now()):
            messages.success(request, "Removed. Nothing is sent there any more.")
    except AlertRefusedError as refusal:
        messages.error(request, str(refusal))
    return back_or(request, access, "routes")


@login_required
@require_POST
def test_me(request: HttpRequest, slug: str | None) -> HttpResponse:
    """Send the viewer a test."""
    access = alerts_access(request, slug)
    try:
        test(request, access, own_recipient_made(access=access, now=timezone.now()))
    except AlertRefusedError as refusal:
        messages.error(request, str(refusal))
    return back_or(request, access, "routes")


def test(request: HttpRequest, access: AnyAccess, recipient: Recipient) -> None:
    """Queue a test, and say where to look for it."""
    message = recipient_test(access=access, recipient=recipient, now=timezone.now())
    kept = is_kept_here() and recipient.channel == Channel.MAIL
    where = "No mail server is set, so it is kept here" if kept else "It is being sent"
    said = f"A test to {message.recipient_name or message.recipient} is queued. {where}"
    page = alerts_address(access, "message", message_id=message.pk)
    link = format_html('{}: <a href="{}">see it in the outbox</a>.', said, page)
    messages.success(request, link)
