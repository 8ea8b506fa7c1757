"""The page of a person whose calendar is synced."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@require_safe
def own_page(request: HttpRequest, token: str) -> HttpResponse:
    raise Http404
