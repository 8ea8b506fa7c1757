"""Where somebody lands after signing in, and the choice between organizations."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import organizations_of, service_access_for
from accounts.models import Organization
from monitoring.console.alert_list import alerts_for
from monitoring.console.pages import kept_by_nobody

PER_PAGE = 50


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Send everybody to their organization, and who has a choice to the choice."""
    if not request.user.is_staff:
        own = organizations_of(request.user)
        if len(own) == 1:
            return redirect("overview", slug=own[0].slug)
    return redirect("organizations")


@login_required
@require_safe
def organizations(request: HttpRequest) -> HttpResponse:
    """List the organizations one may open: one's own, or for support staff every one."""
    words = request.GET.get("q", "").replace("\x00", "").strip()
    context: dict[str, Any] = {"words": words, "page": found(request, words)}
    if request.user.is_staff:
        waiting = alerts_for(service_access_for(request.user)).unacknowledged(timezone.now())
        context["alerts_waiting"] = waiting.count()
    return kept_by_nobody(render(request, "console/organizations.html", context))


def found(request: HttpRequest, words: str) -> Page:
    if request.user.is_staff:
        choice = Organization.objects.order_by("name", "id")
    else:
        choice = Organization.objects.filter(members__user=request.user.pk).order_by("name", "id")
    if words:
        choice = choice.filter(Q(name__icontains=words) | Q(slug__icontains=words))
    return Paginator(choice, PER_PAGE).get_page(request.GET.get("page"))
