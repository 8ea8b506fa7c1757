"""An organization's settings: how actions are done, and by which numbers people are judged."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.access import Access, access_for
from accounts.models import Role
from monitoring.actions.deeds import ActionRefusedError
from monitoring.actions.policy import ActionPolicyFacts, action_policy_of, action_policy_set
from monitoring.console.moments import duration
from monitoring.console.pages import page
from monitoring.health.models import Policy

TEMPLATE = "console/action_settings.html"


def number(label: str, unit: str, most: int, least: int = 0) -> forms.IntegerField:
    refused = f"Write a whole number from {least:,} to {most:,}."
    messages = dict.fromkeys(("required", "invalid", "min_value", "max_value"), refused)
    return forms.IntegerField(
        label=label, help_text=unit, min_value=least, max_value=most, error_messages=messages
    )


class PolicyForm(forms.Form):
    """How the organization wants actions done; the share is typed in percent."""

    approval_share = number("Needs a second person above", "% of the organization", 100)
    approval_least = number("But never for fewer than", "people", 1_000_000, 1)
    link_days = number("A link by mail opens for", "days", 30, 1)
    reminders = number("Reminders at most", "times", 10)
    reminder_days = number("Days between reminders", "days", 30, 1)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the numbers in force; an owner may change those about actions."""
    access = access_for(request.user, slug)
    is_owner = access.role == Role.OWNER
    if request.method == "POST" and not is_owner:
        raise PermissionDenied("Only an owner may change the settings.")
    policy = action_policy_of(access.organization)
    form = PolicyForm(request.POST or None, initial=typed(policy))
    if request.method == "POST" and saved(access, form):
        messages.success(request, "The settings are saved.")
        return redirect("settings", slug=slug)
    context = {
        "section": "settings",
        "form": form,
        "is_owner": is_owner,
        "approval": approval_words(policy),
        "links": links_words(policy),
        "judging": judging(Policy.objects.filter(organization=access.organization).first()),
    }
    return page(request, access, TEMPLATE, "settings", context)


def typed(policy: ActionPolicyFacts) -> dict[str, Any]:
    return asdict(policy) | {"approval_share": round(100 * policy.approval_share)}


def saved(access: Access, form: PolicyForm) -> bool:
    """Set what the form holds; tell whether it was taken. What is refused is said in the form."""
    if not form.is_valid():
        return False
    given = form.cleaned_data | {"approval_share": form.cleaned_data["approval_share"] / 100}
    try:
        action_policy_set(access=access, now=timezone.now(), **given)
    except ActionRefusedError as refusal:
        form.add_error(refusal.field or None, str(refusal))
        return False
    return True


def approval_words(policy: ActionPolicyFacts) -> str:
    return (
        f"An action on more than {100 * policy.approval_share:.4g} % of the organization needs a "
        f"second admin's approval, but never one on fewer than {policy.approval_least:,} people."
    )


def links_words(policy: ActionPolicyFacts) -> str:
    """Return how long links open and how often people are reminded of them."""
    opens = f"A link to re-authorize opens for {days(policy.link_days)}."
    if not policy.reminders:
        return f"{opens} Nobody is reminded of it."
    times = "once" if policy.reminders == 1 else f"{policy.reminders:,} times at most"
    return f"{opens} Who has not used it is reminded {times}, {days(policy.reminder_days)} apart."


def days(count: int) -> str:
    return "1 day" if count == 1 else f"{count:,} days"


def judging(policy: Policy | None) -> list[tuple[str, str]]:
    """Return the numbers by which people are judged, in words; those built in where none are."""
    force = policy or Policy()
    words = {
        "Usual interval": f"A run every {duration(force.base_interval)}.",
        "After a failure": after_failures(force),
        "Delayed": (
            f"The last run failed, or the next one is late by a quarter of the interval and by "
            f"{duration(force.grace_minimum)} at least."
        ),
        "Needs attention": (
            f"Failing for {duration(force.failing_after)} and {force.failing_attempts} runs; "
            f"nothing heard for {force.silent_intervals} intervals; or an error that asks a "
            f"person to act, seen again {duration(force.confirm_after)} later."
        ),
        "Off": "Only while somebody holds them. Errors switch nobody off.",
    }
    return list(words.items())


def after_failures(policy: Policy) -> str:
    return (
        f"Another try after {duration(policy.first_retry)}, then after "
        f"{duration(policy.second_retry)}, then at the interval. Every "
        f"{ordinal(policy.failures_to_double)} failure in a row doubles it, up to "
        f"{duration(policy.maximum_interval)}; one good run restores it."
    )


def ordinal(count: int) -> str:
    names = {1: "single", 2: "second", 3: "third", 4: "fourth", 5: "fifth"}
    return names.get(count, f"{count}th")
