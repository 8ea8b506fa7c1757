"""The list of alerts: what goes on and who has it in hand, then what is over."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import access_for
from monitoring.alerts.models import Alert
from monitoring.console.alert_words import sentence
from monitoring.console.pages import page
from monitoring.console.rows import past

PER_PAGE = 25


@login_required
@require_safe
def alerts(request: HttpRequest, slug: str) -> HttpResponse:
    """List the alerts of an organization: open ones, the gravest first, then the latest."""
    access = access_for(request.user, slug)
    now, everything = timezone.now(), Alert.objects.visible_to(access)
    found = Paginator(everything.newest_first(), PER_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "section": "alerts",
        "tab": "alerts",
        "page": found,
        "rows": [(each, past(each.began_at, now, access.time_zone)) for each in found],
        "sentence": sentence(everything.open().count(), everything.unacknowledged().count()),
    }
    return page(request, access, "console/alerts.html", "results", context)
