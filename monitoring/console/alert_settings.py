"""How long things must last before they are told, and from when on others are worth an alert."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.access import Access, access_for
from monitoring.alerts.alert_policy import (
    AlertPolicyFacts,
    alert_policy_of,
    alert_policy_save,
)
from monitoring.alerts.refusals import AlertRefusedError
from monitoring.console.action_settings import number
from monitoring.console.alerts_pages import alerts_page
from monitoring.console.moments import HOUR, MINUTE

TEMPLATE = "console/alert_policy.html"


class PolicyForm(forms.Form):
    """Minutes and hours for the seconds that are stored, percent for shares."""

    opened = number("Told when it has lasted for", "minutes", 1_440)
    over = number("Its end is told when it has stayed over for", "minutes", 1_440)
    reminder = number("While it goes on, told again every", "hours", 720, 1)
    unknown_share = number("Errors no rule knows are told from", "% of an hour's runs", 100, 1)
    coverage_drop = number(
        "Fewer people syncing is told from", "percentage points within a day", 100, 1
    )
    asks_people = forms.BooleanField(required=False)

    def wanted(self) -> AlertPolicyFacts:
        given = self.cleaned_data
        return AlertPolicyFacts(
            opened=MINUTE * given["opened"],
            over=MINUTE * given["over"],
            reminder=HOUR * given["reminder"],
            asks_people=given["asks_people"],
            unknown_share=given["unknown_share"] / 100,
            coverage_drop=given["coverage_drop"] / 100,
        )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def alert_policy(request: HttpRequest, slug: str) -> HttpResponse:
    """Change the numbers; who may only look sees them on the page on who is told."""
    access = access_for(request.user, slug)
    access.require_change()
    form = PolicyForm(request.POST or None, initial=typed(alert_policy_of(access.organization)))
    if request.method == "POST" and saved(access, form):
        messages.success(request, "The numbers are saved, and in force.")
        return redirect("routes", slug=slug)
    return alerts_page(request, access, TEMPLATE, "form", {"form": form})


def typed(policy: AlertPolicyFacts) -> dict[str, Any]:
    return {
        "opened": policy.opened // MINUTE,
        "over": policy.over // MINUTE,
        "reminder": policy.reminder // HOUR,
        "asks_people": policy.asks_people,
        "unknown_share": round(100 * policy.unknown_share),
        "coverage_drop": round(100 * policy.coverage_drop),
    }


def saved(access: Access, form: PolicyForm) -> bool:
    """Set what the form holds; tell whether it was taken. What is refused is said in the form."""
    if not form.is_valid():
        return False
    try:
        alert_policy_save(access=access, wanted=form.wanted(), now=timezone.now())
    except AlertRefusedError as refusal:
        form.add_error(refusal.field or None, str(refusal))
        return False
    return True
