"""Pages on alerts: the same of an organization, and for support staff the service's.

The service's addresses have no slug, and the names of them begin with "service_".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.access import Access, ServiceAccess, access_for, service_access_for
from monitoring.console.moments import zone_name
from monitoring.console.pages import is_partial, kept_by_nobody, page

AnyAccess = Access | ServiceAccess


def alerts_access(request: HttpRequest, slug: str | None) -> AnyAccess:
    """Return the access to an organization, or without a slug to the service's own."""
    return service_access_for(request.user) if slug is None else access_for(request.user, slug)


def alerts_page(
    request: HttpRequest, access: AnyAccess, template: str, part: str, context: dict[str, Any]
) -> HttpResponse:
    """Render a page on alerts, or for htmx its part (see `monitoring.console.pages.page`)."""
    context = {"section": "alerts", "tab": "routes"} | context | {"desk": access}
    if isinstance(access, Access):
        return page(request, access, template, part, context)
    context |= {"zone_name": zone_name(access.time_zone), "partial": is_partial(request)}
    shown = f"{template}#{part}" if context["partial"] else template
    return kept_by_nobody(render(request, shown, context))


def alerts_address(access: AnyAccess, name: str, **given: Any) -> str:
    """Return the address of one of these pages, of the organization or the service's."""
    if access.organization is None:
        return reverse(f"service_{name}", kwargs=given)
    return reverse(name, kwargs={"slug": access.organization.slug} | given)


def alerts_redirect(access: AnyAccess, name: str, **given: Any) -> HttpResponse:
    return redirect(alerts_address(access, name, **given))


def back_or(request: HttpRequest, access: AnyAccess, name: str) -> HttpResponse:
    """Lead back to the page of ours that the form named, else to one of these."""
    back = request.POST.get("back", "")
    ours = url_has_allowed_host_and_scheme(
        back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return redirect(back) if ours and back.startswith("/") else alerts_redirect(access, name)


def both(
    route: str, view: Callable[..., HttpResponseBase], name: str, under: str = "alerts"
) -> list[URLPattern]:
    """Return the addresses of a page, of organizations and of the service."""
    return [
        path(f"o/<slug:slug>/{under}/{route}", view, name=name),
        path(f"{under}/{route}", view, {"slug": None}, name=f"service_{name}"),
    ]
