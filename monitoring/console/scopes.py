"""Whose alerts and messages a page shows: those of an organization, or the service's own.

What belongs to no organization is for support staff alone; the pages are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, TypeVar

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.access import Access, access_for, zone_of
from accounts.time_zones import time_zone_chosen
from monitoring.console.moments import zone_name
from monitoring.console.pages import is_partial, kept_by_nobody, page

SERVICE = "service_"
Rows = TypeVar("Rows", bound="QuerySet[Any, Any]")


@dataclass(frozen=True, slots=True)
class Scope:
    """What one user may see on such a page; `access` is None for the service's own."""

    user: Any
    access: Access | None
    time_zone: tzinfo

    @property
    def name(self) -> str:
        return self.access.organization.name if self.access else "The service"

    @property
    def organization_id(self) -> int | None:
        return self.access.organization.pk if self.access else None

    @property
    def may_change(self) -> bool:
        return self.access is None or self.access.may_change

    def of(self, rows: Rows) -> Rows:
        """Keep the rows that belong here; every query of such a page goes through this."""
        return rows.filter(organization=self.organization_id)

    def require_change(self) -> None:
        """Raise PermissionDenied for who may only look."""
        if self.access is not None:
            self.access.require_change()

    def address(self, name: str, *arguments: Any) -> str:
        """Return the address of a page of this scope, by the name it has of an organization."""
        if self.access is None:
            return reverse(SERVICE + name, args=arguments)
        return reverse(name, args=[self.access.organization.slug, *arguments])


def scope_for(user: Any, slug: str | None) -> Scope:
    """Return what the user may see of an organization, or with no slug of the service's own.

    Raises Http404 for a stranger.
    """
    if slug is not None:
        access = access_for(user, slug)
        return Scope(user, access, access.time_zone)
    if not user.is_staff:
        raise Http404
    return Scope(user, None, zone_of(time_zone_chosen(user)))


def scope_page(
    request: HttpRequest, scope: Scope, template: str, part: str, context: dict[str, Any]
) -> HttpResponse:
    """Render a page of an organization (`pages.page`), or of the service."""
    context["scope"] = scope
    if scope.access is not None:
        return page(request, scope.access, template, part, context)
    context |= {"zone_name": zone_name(scope.time_zone), "partial": is_partial(request)}
    name = f"{template}#{part}" if context["partial"] else template
    return kept_by_nobody(render(request, name, context))
