"""Where the link of an invitation leads."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@require_safe
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    raise Http404
