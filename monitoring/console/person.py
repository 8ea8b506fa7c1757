"""One person: how syncing stands, why, what comes next and what to do."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import access_for
from monitoring.console import wording
from monitoring.console.pages import page
from monitoring.console.rows import situation_of
from monitoring.console.rules import explanations
from monitoring.console.tables import with_details
from monitoring.health.models import Health


@login_required
@require_safe
def person(request: HttpRequest, slug: str, person_id: int) -> HttpResponse:
    """Show one person of the organization."""
    access = access_for(request.user, slug)
    health = get_object_or_404(with_details(Health.objects.visible_to(access)), pk=person_id)
    now, zone, situation = timezone.now(), access.time_zone, situation_of(health)
    context = {
        "section": "people",
        "person": health.person,
        "look": wording.look_of(health.status, health.cause),
        "headline": wording.headline(situation, explanations(), now, zone),
        "why": wording.explanation_of(health.cause, explanations()),
        "outlook": wording.outlook(situation, now, zone),
    }
    return page(request, access, "console/person.html", "panel", context)
