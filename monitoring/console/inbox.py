"""The inbox of unrecognised errors: what no rule knows, and how many people it hit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import Access, access_for
from monitoring.alerts.number_words import counted
from monitoring.console.pages import page
from monitoring.console.rows import Moment, past
from monitoring.console.rule_samples import masked_text
from monitoring.console.rule_words import PROVIDERS
from monitoring.console.wording import TO
from monitoring.errors.models import UnrecognisedError

PER_PAGE = 20


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One kind of error that no rule knew. `settled_by` is the change of a rule that knows it."""

    pk: int
    provider: str
    signature: str
    outcomes: int
    people: int
    first: Moment | None
    last: Moment | None
    sample: str
    settled_by: int | None
    settled: Moment | None
    rule: str
    rule_title: str


@login_required
@require_safe
def errors(request: HttpRequest, slug: str) -> HttpResponse:
    """List what no rule of the organization knows, most people first; settled ones on request."""
    access = access_for(request.user, slug)
    now, settled = timezone.now(), request.GET.get("show") == "settled"
    found = errors_of(access, settled)
    its_page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "section": "errors",
        "settled": settled,
        "rows": [row_of(error, now, access.time_zone) for error in its_page],
        "page": its_page,
        "shown": shown(its_page),
        "sentence": sentence(its_page.paginator.count, settled),
    }
    return page(request, access, "console/errors.html", "results", context)


def errors_of(access: Access, settled: bool) -> Any:
    errors = UnrecognisedError.objects.visible_to(access)
    if settled:
        known = errors.exclude(resolved_at=None).select_related("resolved_by")
        return known.order_by(F("resolved_at").desc(), "-id")
    return errors.open().most_people_first()


def sentence(errors: int, settled: bool) -> str:
    """Return the first sentence of the page."""
    if settled:
        return f"{counted(errors, 'kind')} of error became known"
    if not errors:
        return "Every error is known"
    return f"{counted(errors, 'kind')} of error {'is' if errors == 1 else 'are'} not recognised"


def shown(its_page: Page) -> str:
    total = its_page.paginator.count
    if its_page.paginator.num_pages == 1:
        return counted(total, "kind of error", "kinds of error")
    return f"{its_page.start_index():,}{TO}{its_page.end_index():,} of {total:,} kinds of error"


def row_of(error: UnrecognisedError, now: datetime, zone: tzinfo) -> ErrorRow:
    change = error.resolved_by
    return ErrorRow(
        pk=error.pk,
        provider=PROVIDERS.get(error.provider, error.provider),
        signature=error.signature,
        outcomes=error.outcomes,
        people=error.people,
        first=past(error.first_seen, now, zone),
        last=past(error.last_seen, now, zone),
        sample=masked_text(error.sample),
        settled_by=change.pk if change else None,
        settled=past(error.resolved_at, now, zone),
        rule=change.rule if change else "",
        rule_title=str((change.after or {}).get("title", change.rule)) if change else "",
    )
