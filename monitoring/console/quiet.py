"""What the pages of people have in common who have no login: their addresses are secrets."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from monitoring.console.pages import is_partial, kept_by_nobody


def quiet_page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    *,
    part: str = "",
    status: int = 200,
    leads_to: Collection[str] = (),
) -> HttpResponse:
    """Render a page that no cache keeps, no search engine lists, and no other site is told of.

    For htmx just its `part` is rendered, if it has one. `leads_to` are the origins to which its
    forms send the browser on. A browser that is told to send no referrer at all says "Origin: null"
    with a form, which the CSRF check refuses; so it may name a page to ourselves.
    """
    inner = f"#{part}" if part and is_partial(request) else ""
    response = render(request, f"me/{template}.html{inner}", context, status=status)
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    if leads_to:
        # Read by the CSPMiddleware; browsers check each redirect that follows a form.
        response._csp_update = {"form-action": sorted(leads_to)}  # type: ignore[attr-defined]
    return kept_by_nobody(response)


def said(
    request: HttpRequest,
    status: int,
    title: str,
    *sentences: str,
    link: str = "",
    label: str = "",
) -> HttpResponse:
    """Render a page that says why it does not go on here, and what to do."""
    context = {"title": title, "sentences": sentences, "link": link, "label": label}
    return quiet_page(request, "said", context, status=status)
