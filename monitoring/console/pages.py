"""What every console page needs beside its own matter."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_cache_control, patch_vary_headers
from django_htmx.middleware import HtmxDetails

from accounts.access import Access, organizations_of
from accounts.models import Organization
from monitoring.console.action_badge import with_actions
from monitoring.console.alerts_badge import with_alerts
from monitoring.console.moments import zone_name
from monitoring.console.notices import notices_of
from monitoring.console.unrecognised import with_unrecognised


def page(
    request: HttpRequest, access: Access, template: str, part: str, context: dict[str, Any]
) -> HttpResponse:
    """Render a page, or for htmx just its part (a `partialdef` of the template).

    Nothing is kept by any cache: the pages are about people, and a browser that confuses page and
    part shows half a page.
    """
    context |= {"access": access, "zone_name": zone_name(access.time_zone)}
    context["partial"] = is_partial(request)
    if context["partial"]:
        response = render(request, f"{template}#{part}", context)
    else:
        context |= navigation(request, access)
        if "notices" not in context:
            context["notices"] = notices_of(access, timezone.now())
        response = render(request, template, context)
    return kept_by_nobody(response)


def navigation(request: HttpRequest, access: Access) -> dict[str, Any]:
    """Return the organizations to switch to, and the numbers that the navigation shows.

    The numbers come with the organizations; only of support staff, who may belong to none, they
    cost a statement.
    """
    organizations = with_numbers(organizations_of(request.user), access)
    here = Organization.objects.filter(pk=access.organization.pk)
    numbers = next(iter(organizations), None) or with_numbers(here, access).get()
    return {
        "organizations": organizations,
        "unrecognised": numbers.unrecognised,
        "actions_at_hand": numbers.at_hand,
        "alerts_waiting": numbers.alerts_waiting,
    }


def with_numbers(organizations: QuerySet[Organization], access: Access) -> QuerySet[Any]:
    counted = with_actions(with_unrecognised(organizations, access), access)
    return with_alerts(counted, access, timezone.now())


def is_partial(request: HttpRequest) -> bool:
    """Tell whether htmx asks for a part; after going back in history it wants the page."""
    htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]  # HtmxMiddleware sets it
    return bool(htmx) and not htmx.history_restore_request


def kept_by_nobody(response: HttpResponse) -> HttpResponse:
    patch_vary_headers(response, ["HX-Request"])
    patch_cache_control(response, private=True, no_store=True)
    return response
