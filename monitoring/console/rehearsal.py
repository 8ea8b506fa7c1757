"""Rehearsals: which messages would have been sent on a past day, with recipients and texts."""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import partial
from typing import Any

from csp.constants import SELF
from csp.decorators import csp, csp_update
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import Access, access_for
from monitoring.alerts.routes import route_check
from monitoring.console.alerts_pages import alerts_address
from monitoring.console.back_test import progress
from monitoring.console.mail_preview import preview_of
from monitoring.console.moments import zone_name
from monitoring.console.outbox import MAIL_POLICY
from monitoring.console.pages import kept_by_nobody, page
from monitoring.console.rehearsal_form import RehearsalForm, first_values, routes_written
from monitoring.console.rehearsal_marks import (
    Tried,
    chosen_of,
    difference_sentence,
    differs,
    differs_at_all,
    mark_of,
    numbered,
    shows_of,
    tried_of,
)
from monitoring.console.rehearsal_words import (
    clock,
    found_sentence,
    kept_rows,
    left_out_sentence,
    message_rows,
    played_sentence,
    time_words,
    why,
)
from monitoring.console.route_edit import desk_of, taken
from monitoring.console.route_edit import shown as route_shown
from monitoring.console.route_words import route_sentence
from monitoring.console.routes import chosen_names, known_by
from monitoring.console.rows import past
from monitoring.replay.models import BackTest, State
from monitoring.replay.rehearsal_result import RehearsalResult, Rehearsed, from_json
from monitoring.replay.rehearsal_words import mail_of
from monitoring.replay.rehearsals import (
    RehearsalRefusedError,
    rehearsal_ask,
    rehearsal_stop,
)

PER_PAGE = 50
AS_ASKED = "with the rules and routes in force when it was asked"
SHOWN_KEPT = 50


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rehearsal(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for a rehearsal, and list those there are."""
    access, now = access_for(request.user, slug), timezone.now()
    first = first_values(access, request.GET.get("change", ""), now)
    form = RehearsalForm(access, request.POST or None, initial=first)
    if request.method == "POST":
        access.require_change()
        if form.is_valid() and (made := asked(access, form, now)):
            return redirect("rehearsed", slug=slug, rehearsal_id=made.pk)
    return shown(request, access, form, now)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def of_route(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a route as it is being written, and offer a rehearsal with it; nothing is saved.

    One that could not be saved is shown again as it was typed. Who opens the address of what was
    sent comes to the form of the route.
    """
    access, now, desk = access_for(request.user, slug), timezone.now(), desk_of(request, slug)
    key = request.POST.get("key", "") or request.GET.get("key", "")
    place = desk.place(key) if key else len(desk.routes)
    if request.method != "POST":
        return redirect(form_address(access, key))
    route = desk.form(request.POST)
    if not taken(desk, route, partial(route_check, access=access)):
        messages.error(request, "The route is not complete yet, so it can't be rehearsed.")
        return route_shown(request, desk, route, key=key or None)
    tried = list(desk.routes)
    tried[place : place + 1] = [route.facts(is_service=False)]
    first = first_values(access, "", now) | {"tried": routes_written(tried)}
    return shown(request, access, RehearsalForm(access, initial=first), now)


def form_address(access: Access, key: str) -> str:
    """Return the form of the route of a key, or of a new one."""
    if key:
        return alerts_address(access, "route_edit", key=key)
    return alerts_address(access, "route_new")


def asked(access: Access, form: RehearsalForm, now: datetime) -> BackTest | None:
    """Ask for what the form says; what is refused is said in it."""
    try:
        return rehearsal_ask(
            access=access,
            starts_at=form.starts_at,
            days=form.cleaned_data["days"],
            change=form.chosen_change,
            routes=form.chosen_routes,
            now=now,
        )
    except RehearsalRefusedError as refusal:
        form.add_error(None, str(refusal))
        return None


def shown(request: HttpRequest, access: Access, form: RehearsalForm, now: datetime) -> HttpResponse:
    known = known_by(access, now)
    runs = BackTest.objects.rehearsals(access).select_related("change").defer("kept", "result")
    context: dict[str, Any] = {
        "section": "alerts",
        "tab": "rehearsal",
        "form": form,
        "day_hint": f"It begins at midnight in {zone_name(access.time_zone)}.",
        "kept": form["kept"].value() or list(form.routes),
        "routes": [
            {"key": key, "sentence": route_sentence(route, chosen_names(route, known))}
            for key, route in form.routes.items()
        ],
        "tried": [route_sentence(route, chosen_names(route, known)) for route in form.typed_routes],
        "runs": [run_row(run, access, now) for run in runs.newest_first()[:20]],
    }
    return page(request, access, "console/rehearsal.html", "rehearsal", context)


def run_row(run: BackTest, access: Access, now: datetime) -> dict[str, Any]:
    since = run.starts_at or now
    return {
        "run": run,
        "time": time_words(since, run.days, now, access.time_zone),
        "asked": past(run.asked_at, now, access.time_zone),
        "with": with_words(run),
    }


def with_words(run: BackTest) -> str:
    """Return what was changed for a rehearsal."""
    changes = ["a changed rule"] if run.change else []
    changes += ["other routes"] if run.routes is not None else []
    return f"with {' and '.join(changes)}" if changes else AS_ASKED


def tried_by(run: BackTest) -> Tried:
    return tried_of(change=run.change is not None, routes=run.routes is not None)


def run_of(access: Access, rehearsal_id: int) -> BackTest:
    mine = BackTest.objects.rehearsals(access).select_related("change").defer("kept")
    found: BackTest = get_object_or_404(mine, pk=rehearsal_id)
    return found


def result_of(run: BackTest) -> RehearsalResult | None:
    """Return what a rehearsal found; None while it is not done."""
    return from_json(run.result) if run.state == State.DONE and run.result else None


@login_required
@require_safe
def rehearsed(request: HttpRequest, slug: str, rehearsal_id: int) -> HttpResponse:
    """Show how a rehearsal gets on, then the messages that it found."""
    access, now = access_for(request.user, slug), timezone.now()
    run = run_of(access, rehearsal_id)
    result = result_of(run)
    context: dict[str, Any] = {
        "section": "alerts",
        "tab": "rehearsal",
        "row": run_row(run, access, now),
        "run": run,
        "progress": progress(run, now),
        "result": result,
    }
    if result is not None:
        context |= found_context(request, run, result, now, access.time_zone)
    return page(request, access, "console/rehearsed.html", "results", context)


def found_context(
    request: HttpRequest, run: BackTest, result: RehearsalResult, now: datetime, zone: tzinfo
) -> dict[str, Any]:
    """Return what was found, and of what is tried what it changes."""
    difference = result.difference
    is_different = difference is not None and differs_at_all(difference)
    chosen = chosen_of(request.GET.get("show", "")) if is_different else None
    shown = numbered(result, chosen)
    found = Paginator(shown, PER_PAGE).get_page(request.GET.get("page"))
    shows = shows_of(difference, chosen) if difference and is_different else []
    total = next((show.count for show in shows if show.is_chosen), result.messages_total)
    sentence = found_sentence(result)
    return {
        "sentence": difference_sentence(difference, tried_by(run), run.days)
        if difference
        else sentence,
        "found": sentence if difference and not is_different else "",
        "played": played_sentence(result),
        "left_out": left_out_sentence(is_for_support=run.is_for_support),
        "shows": shows,
        "is_narrowed": chosen is not None,
        "page": found,
        "rows": message_rows(found, now, zone),
        "messages_more": total - len(shown),
        "kept": kept_rows(result.kept[:SHOWN_KEPT], now, zone),
        "kept_more": result.kept_total - len(result.kept[:SHOWN_KEPT]),
    }


@login_required
@require_POST
def stop(request: HttpRequest, slug: str, rehearsal_id: int) -> HttpResponse:
    """Stop a rehearsal that waits or runs."""
    access = access_for(request.user, slug)
    rehearsal_stop(access=access, rehearsal=run_of(access, rehearsal_id), now=timezone.now())
    return redirect("rehearsed", slug=slug, rehearsal_id=rehearsal_id)


def message_in(access: Access, rehearsal_id: int, number: int) -> Rehearsed:
    """Return a message of a rehearsal by its place, the first being 1. Raises Http404."""
    result = result_of(run_of(access, rehearsal_id))
    if result is None or not 1 <= number <= len(result.everything):
        raise Http404
    return result.everything[number - 1]


@login_required
@require_safe
@csp_update({"frame-src": [SELF]})  # type: ignore[arg-type]  # typed for views of a request only
def message(request: HttpRequest, slug: str, rehearsal_id: int, number: int) -> HttpResponse:
    """Show one message as it would have been sent."""
    access, now = access_for(request.user, slug), timezone.now()
    found = message_in(access, rehearsal_id, number)
    context: dict[str, Any] = {
        "section": "alerts",
        "tab": "rehearsal",
        "message": found,
        "mail": mail_of(found, access.organization),
        "why": why(found),
        "at": clock(found.at, now, access.time_zone),
        "mark": mark_of(found),
        "differs": differs(found),
        "without_at": found.without and clock(found.without.at, now, access.time_zone),
        "rehearsal_id": rehearsal_id,
        "number": number,
    }
    return page(request, access, "console/rehearsed_message.html", "results", context)


@login_required
@require_safe
@xframe_options_sameorigin
@csp(MAIL_POLICY)  # type: ignore[arg-type]  # as above
def message_html(request: HttpRequest, slug: str, rehearsal_id: int, number: int) -> HttpResponse:
    """Give the HTML of a rehearsed mail, for a frame of the page about it."""
    access = access_for(request.user, slug)
    html = mail_of(message_in(access, rehearsal_id, number), access.organization).html
    nonce = str(request.csp_nonce)  # type: ignore[attr-defined]  # CSPMiddleware sets it
    return kept_by_nobody(HttpResponse(preview_of(html, nonce)))
