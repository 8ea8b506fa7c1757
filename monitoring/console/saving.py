"""Saving, renaming and deleting views of the list of people."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.access import Access, access_for
from monitoring.console.addresses import Asked
from monitoring.console.filters import PeopleFilter
from monitoring.console.people import TYPED_NAME
from monitoring.console.saved_views import (
    ViewRefusedError,
    saved_view_change,
    saved_view_delete,
    saved_view_save,
    saved_views_of,
)

# Of a name that is too long, what is shown again.
NAME_SHOWN = 200
UNSOUND = "Part of what it is narrowed by makes no sense, so it would list more people than meant."


@login_required
@require_POST
def view_save(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep the list that the page shows under a name, and open it."""
    access = access_for(request.user, slug)
    narrowed = posted_list(request, access)
    asked = narrowed.asked
    if not narrowed.is_sound:
        return refused(request, slug, asked, f"The view was not saved. {UNSOUND}")
    try:
        view = saved_view_save(
            access=access,
            name=request.POST.get("name", ""),
            query=asked.query,
            shared="shared" in request.POST,
            now=timezone.now(),
        )
    except ViewRefusedError as refusal:
        return refused(request, slug, asked, f"The view was not saved. {refusal}")
    messages.success(request, f"The view “{view.name}” is saved.")
    return redirect(f"{reverse('people', args=[slug])}?view={view.pk}")


@login_required
@require_POST
def view_change(request: HttpRequest, slug: str, view_id: int) -> HttpResponse:
    """Rename a view, or make it the list that the page shows."""
    access = access_for(request.user, slug)
    view = get_object_or_404(saved_views_of(access), pk=view_id)
    name = request.POST.get("name")
    narrowed = posted_list(request, access)
    asked = narrowed.asked
    query = asked.query if "query" in request.POST and name is None else None
    if query is not None and not narrowed.is_sound:
        return refused(request, slug, asked, f"The view was not changed. {UNSOUND}")
    try:
        saved_view_change(access=access, view=view, now=timezone.now(), name=name, query=query)
        messages.success(request, f"The view “{view.name}” is saved.")
    except ViewRefusedError as refusal:
        return refused(request, slug, asked, f"The view was not changed. {refusal}")
    return redirect(f"{reverse('people', args=[slug])}?view={view_id}")


@login_required
@require_POST
def view_delete(request: HttpRequest, slug: str, view_id: int) -> HttpResponse:
    """Delete a view; the list stays as it is."""
    access = access_for(request.user, slug)
    view = get_object_or_404(saved_views_of(access), pk=view_id)
    saved_view_delete(access=access, view=view, now=timezone.now())
    messages.success(request, f"The view “{view.name}” is deleted.")
    query = posted_list(request, access).asked.query
    return redirect(reverse("people", args=[slug]) + (f"?{query}" if query else ""))


def posted_list(request: HttpRequest, access: Access) -> PeopleFilter:
    """Return the list that the form says the page shows."""
    given = QueryDict(request.POST.get("query", ""))
    return PeopleFilter(given, access=access, now=timezone.now())


def refused(request: HttpRequest, slug: str, asked: Asked, sentence: str) -> HttpResponse:
    """Return to the list as it was, with what was typed."""
    request.session[TYPED_NAME] = request.POST.get("name", "")[:NAME_SHOWN]
    messages.error(request, sentence)
    return redirect(reverse("people", args=[slug]) + asked.address)
