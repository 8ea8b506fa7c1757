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
from monitoring.console.rules import rule_set_in
from monitoring.console.scopes import scope_for, scope_page
from monitoring.health.causes import words_of

PER_PAGE = 25


@login_required
@require_safe
def alerts(request: HttpRequest, slug: str | None = None) -> HttpResponse:
    """List alerts: open ones, the gravest first, then the latest; narrowed as the address says.

    Those of an organization, or with no slug those of the service, for support staff.
    """
    scope, now = scope_for(request.user, slug), timezone.now()
    everything = scope.of(Alert.objects.select_related("organization"))
    rules, narrowing = words_of(rule_set_in(scope.organization_id)), narrowing_of(request.GET)
    matching = with_told(narrowing.of(everything, rules)).newest_first()
    found = Paginator(matching, PER_PAGE).get_page(request.GET.get("page"))
    open_ones, waiting = everything.open().count(), everything.unacknowledged().count()
    context: dict[str, Any] = {
        "section": "alerts",
        "tab": "alerts",
        "page": found,
        "rows": [alert_row(each, rules, now, scope.time_zone) for each in found],
        "sentence": sentence(open_ones, waiting),
        "states": STATES,
        "kinds": [(kind.value, words) for kind, words in KINDS.items()],
        "narrowing": narrowing,
        "waiting": waiting,
    }
    return scope_page(request, scope, "console/alerts.html", "results", context)
