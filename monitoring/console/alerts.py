"""The list of alerts: what goes on and who has it in hand, then what is over."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from monitoring.alerts.models import Alert
from monitoring.console.alert_list import STATES, alert_row, narrowing_of, with_told
from monitoring.console.alert_words import KINDS, sentence
from monitoring.console.alerts_pages import alerts_access, alerts_page
from monitoring.console.rules import rule_set_in
from monitoring.health.causes import words_of

PER_PAGE = 25


@login_required
@require_safe
def alerts(request: HttpRequest, slug: str | None = None) -> HttpResponse:
    """List alerts: open ones, the gravest first, then the latest; narrowed as the address says.

    Those of an organization, or with no slug those of the service, for support staff.
    """
    access, now = alerts_access(request, slug), timezone.now()
    everything = Alert.objects.select_related("organization").visible_to(access)
    rules, narrowing = words_of(rule_set_in(access.organization_id)), narrowing_of(request.GET)
    matching = with_told(narrowing.of(everything, rules)).newest_first()
    found = Paginator(matching, PER_PAGE).get_page(request.GET.get("page"))
    open_ones, waiting = everything.open().count(), everything.unacknowledged().count()
    context: dict[str, Any] = {
        "section": "alerts",
        "tab": "alerts",
        "page": found,
        "rows": [alert_row(each, rules, now, access.time_zone) for each in found],
        "sentence": sentence(open_ones, waiting),
        "states": STATES,
        "kinds": [(kind.value, words) for kind, words in KINDS.items()],
        "narrowing": narrowing,
        "waiting": waiting,
    }
    return alerts_page(request, access, "console/alerts.html", "results", context)
