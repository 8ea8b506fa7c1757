"""The list of alerts: what goes on and who has it in hand, then what is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from monitoring.alerts.items import rules_of
from monitoring.console.alert_list import (
    STATES,
    AlertRow,
    alert_row,
    alerts_for,
    narrowing_of,
    with_told,
)
from monitoring.console.alert_words import KIND_NAMES, sentence
from monitoring.console.alerts_pages import AnyAccess, alerts_access, alerts_page
from monitoring.console.rules import rule_set_in
from monitoring.health.causes import Explanation, words_of

if TYPE_CHECKING:
    from monitoring.console.alert_list import ToldAlert

Words = Mapping[str, Explanation]
PER_PAGE = 25


@login_required
@require_safe
def alerts(request: HttpRequest, slug: str | None = None) -> HttpResponse:
    """List alerts: open ones, the gravest first, then the latest; narrowed as the address says.

    Those of an organization, or with no slug what the service tells its support staff of.
    """
    access, now = alerts_access(request, slug), timezone.now()
    everything = alerts_for(access)
    rules, narrowing = words_of(rule_set_in(access.organization_id)), narrowing_of(request.GET)
    matching = with_told(narrowing.of(everything, rules, now)).newest_first()
    found = Paginator(matching, PER_PAGE).get_page(request.GET.get("page"))
    open_ones, waiting = everything.open().count(), everything.unacknowledged(now).count()
    context: dict[str, Any] = {
        "section": "alerts",
        "tab": "alerts",
        "page": found,
        "rows": rows_of(access, list(found), rules, now),
        "sentence": sentence(open_ones, waiting),
        "states": STATES,
        "kinds": [(kind.value, words) for kind, words in KIND_NAMES.items()],
        "narrowing": narrowing,
        "waiting": waiting,
    }
    return alerts_page(request, access, "console/alerts.html", "results", context)


def rows_of(
    access: AnyAccess, found: Sequence[ToldAlert], rules: Words, now: datetime
) -> list[AlertRow]:
    """Return the rows of alerts, each in the words of its own organization."""
    if access.organization is not None:
        return [alert_row(access, each, rules, now) for each in found]
    words = rules_of(found)
    return [alert_row(access, each, words[each.organization_id], now) for each in found]
