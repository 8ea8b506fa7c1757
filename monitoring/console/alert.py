"""One alert: why it was sent, to whom, what helps, and who has it in hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from monitoring.actions.asking_people import asked_about
from monitoring.alerts.acknowledging import alert_acknowledge, alert_unacknowledge
from monitoring.alerts.in_hand import is_in_hand
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Alert
from monitoring.console.alert_facts import (
    everybody_link,
    incident_of,
    others_like,
    proof_of,
    silence_fields,
    step_for,
    whom_link,
)
from monitoring.console.alert_told import end_of, tellings_of, untold_of
from monitoring.console.alert_words import (
    KIND_NAMES,
    SEVERITIES,
    headline,
    in_hand,
    labels_of,
    look_of,
    since,
    standing,
    stands_apart,
    words_for,
)
from monitoring.console.alerts_pages import (
    AnyAccess,
    alerts_access,
    alerts_address,
    alerts_page,
    alerts_redirect,
)
from monitoring.console.rows import past
from monitoring.console.rules import rule_set_in
from monitoring.errors.ruleset import RuleSet
from monitoring.health.causes import words_of


@login_required
@require_safe
def alert(request: HttpRequest, alert_id: int, slug: str | None = None) -> HttpResponse:
    """Show one alert of an organization, or with no slug of the service."""
    access = alerts_access(request, slug)
    found, rules = alert_of(access, alert_id), rule_set_in(access.organization_id)
    context = {
        "section": "alerts",
        "tab": "alerts",
        "alert": found,
        **head_of(access, found, rules),
        **body_of(access, found, rules),
    }
    return alerts_page(request, access, "console/alert.html", "results", context)


def alert_of(access: AnyAccess, alert_id: int) -> Alert:
    mine = Alert.objects.visible_to(access).select_related("incident", "organization")
    found: Alert = get_object_or_404(mine, pk=alert_id)
    return found


def head_of(access: AnyAccess, found: Alert, rules: RuleSet) -> dict[str, Any]:
    """Return the sentence, the state, and what this user may do."""
    now, zone, words = timezone.now(), access.time_zone, words_of(rules)
    may_act = access.may_change and found.ended_at is None
    matched = silence_fields(found) if may_act and access.organization else {}
    return {
        "heading": headline(found, words),
        "why": words_for(found, words),
        "look": look_of(found, now),
        "standing": standing(found, now, zone),
        "comma": stands_apart(found, now),
        "since": since(found, now, zone),
        "labels": labels_of(found),
        "step": step_for(access, found, rules),
        "people": whom_link(found),
        "everybody": everybody_link(found),
        "incident": incident_of(found),
        "asked": asked_of(found),
        "may_acknowledge": may_act and not is_in_hand(found, now),
        "may_take_back": may_act and is_in_hand(found, now),
        "silence": silence_address(access, matched),
    }


def asked_of(found: Alert) -> int:
    """Return how many of its people were asked to act by ourselves; 0 of any other alert."""
    if found.kind != AlertKind.REAUTHORIZE or found.ended_at or found.organization_id is None:
        return 0
    return asked_about(found.organization_id, found.cause)


def silence_address(access: AnyAccess, matched: Mapping[str, str]) -> str:
    """Return the form of a silence about such an alert, filled in; empty where none fits."""
    return f"{alerts_address(access, 'silence_new')}?{urlencode(matched)}" if matched else ""


def body_of(access: AnyAccess, found: Alert, rules: RuleSet) -> dict[str, Any]:
    """Return what proved it, who was told and who was not, and others like it."""
    now, zone, words = timezone.now(), access.time_zone, words_of(rules)
    return {
        "proof": proof_of(access, found, words, now),
        "told": tellings_of(access, found, now),
        "untold": untold_of(access, found, now),
        "end": end_of(access, found, now),
        "others": others_like(access, found, words, now),
        "kind": KIND_NAMES[AlertKind(found.kind)],
        "severity": SEVERITIES[Severity(found.severity)],
        "began": past(found.began_at, now, zone),
        "ended": past(found.ended_at, now, zone),
        "changed": past(found.changed_at, now, zone),
        "acknowledged": past(found.acknowledged_at, now, zone),
        "in_hand": in_hand(found, now, zone),
    }


@login_required
@require_POST
def acknowledge(request: HttpRequest, alert_id: int, slug: str | None = None) -> HttpResponse:
    """Say that somebody is at it: reminders and escalation stop."""
    access = alerts_access(request, slug)
    found = alert_of(access, alert_id)
    access.require_change()
    if alert_acknowledge(alert=found, **who(access)):
        said = "Acknowledged. Nobody is reminded for 7 days, unless more people are concerned."
        messages.success(request, said)
    else:
        messages.info(request, "Nothing to acknowledge: it is over, or somebody was faster.")
    return alerts_redirect(access, "alert", alert_id=alert_id)


@login_required
@require_POST
def unacknowledge(request: HttpRequest, alert_id: int, slug: str | None = None) -> HttpResponse:
    """Take an acknowledgement back: it waits for somebody again."""
    access = alerts_access(request, slug)
    found = alert_of(access, alert_id)
    access.require_change()
    if alert_unacknowledge(alert=found, **who(access)):
        messages.success(request, "Taken back. It waits for somebody again, with reminders.")
    else:
        messages.info(request, "There is no acknowledgement to take back.")
    return alerts_redirect(access, "alert", alert_id=alert_id)


def who(access: AnyAccess) -> dict[str, Any]:
    name = access.user.get_full_name() or access.user.email
    return {"name": name, "user": access.user, "now": timezone.now()}
