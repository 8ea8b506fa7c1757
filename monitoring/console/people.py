"""The list of people: who is syncing, who is not, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Page
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import Access, access_for
from accounts.teams import teams_of
from monitoring.alerts.models import Alert
from monitoring.console.addresses import MOST_PICKED, SIZES, Asked, whole_number
from monitoring.console.columns import ALWAYS, COLUMNS
from monitoring.console.figures import Figures, figures_of
from monitoring.console.filters import PeopleFilter
from monitoring.console.models import SavedView
from monitoring.console.moments import brief
from monitoring.console.pages import kept_by_nobody, page
from monitoring.console.people_rows import row_of
from monitoring.console.rules import explanations
from monitoring.console.saved_views import may_change, saved_views_of
from monitoring.console.tables import CountedPaginator, PeopleTable
from monitoring.console.wording import LOOKS, figure_words, shown_sentence
from monitoring.health.causes import Explanation, explanation_of

TYPED_NAME = "view_name_typed"
TEAMS_OFFERED = 500


@login_required
@require_safe
def people(request: HttpRequest, slug: str) -> HttpResponse:
    """List the people of an organization, worst first, narrowed and sorted as the address says."""
    access = access_for(request.user, slug)
    views = list(saved_views_of(access))
    view = view_asked(request, views)
    if view and view.query and request.GET.keys() == {"view"}:
        return redirect(f"{request.path}?{view.query}&view={view.pk}")
    figures = figures_of(access)
    now, rules = timezone.now(), explanations(access.organization.pk)
    narrowed = PeopleFilter(request.GET, access=access, now=now)
    asked = narrowed.asked
    table = PeopleTable(narrowed.qs, asked.columns, asked.sort, now)
    table.paginator = CountedPaginator(table.rows, asked.per, known=narrowed.known_count(figures))
    table.page = table.paginator.get_page(request.GET.get("page"))
    pills = pills_of(narrowed, asked, rules)
    saved = saved_views(request, access, views, asked)
    context = {
        "section": "people",
        "tab_title": tab_title(saved, pills),
        "figures": figures,
        "key_figures": key_figures(figures, asked),
        "filter": narrowed,
        "asked": asked,
        "causes": cause_choices(figures, narrowed, rules),
        "pills": pills,
        "columns": [(column, column.name in asked.columns) for column in COLUMNS],
        "always": ALWAYS,
        "sizes": [(size, asked.paged_by(size), size == asked.per) for size in SIZES],
        "saved": saved,
        "table": table,
        "rows": [row_of(health, rules, now, access.time_zone) for health in table.people],
        "shown": shown(table.page, table.paginator),
        "ends_here": table.paginator.ends_at(table.page),
        "ignored": ignored(narrowed, request, views),
        "alert": narrowed.alert_chosen,
        "alert_over": over_since(narrowed.alert_chosen, now, access.time_zone),
        "everybody": everybody(table.paginator, narrowed),
        "bulk": bulk_of(access, narrowed),
    }
    return page(request, access, "console/people.html", "results", context)


def view_asked(request: HttpRequest, views: Sequence[SavedView]) -> SavedView | None:
    """Return the saved view that the address names, if it is there and open to the user."""
    number = whole_number(request.GET.get("view", ""))
    return next((view for view in views if view.pk == number), None)


def saved_views(
    request: HttpRequest, access: Access, views: Sequence[SavedView], asked: Asked
) -> dict[str, Any]:
    """Return what the menu of saved views shows; `changed` once the list is no longer the view."""
    current = view_asked(request, views)
    return {
        "views": views,
        "current": current,
        "changed": current is not None and current.query != asked.query,
        "may_change": current is not None and may_change(access, current),
        # Typed for a view that could not be saved.
        "typed": request.session.pop(TYPED_NAME, ""),
    }


def tab_title(saved: Mapping[str, Any], pills: Sequence[Pill]) -> str:
    """Return what tells this list from others that are open: the view's name, or the filters."""
    is_view = saved["current"] and not saved["changed"]
    which = saved["current"].name if is_view else ", ".join(pill.words for pill in pills)
    return f"People: {which}" if which else "People"


@dataclass(frozen=True, slots=True)
class Pill:
    """A filter in force, in words, with the address of the list without it."""

    name: str
    label: str
    words: str
    without: str


def pills_of(narrowed: PeopleFilter, asked: Asked, rules: Mapping[str, Explanation]) -> list[Pill]:
    """Return the filters in force, in the order of the form."""
    fields = narrowed.form.fields
    found = []
    for name, value in asked.filters.items():
        words = narrowed.meaning(name, rules)
        if not words:
            words = dict(getattr(fields[name], "choices", [])).get(value, value)
        found.append(Pill(name, fields[name].label, words, asked.without(name)))
    return found


def bulk_of(access: Access, narrowed: PeopleFilter) -> dict[str, Any] | None:
    """Return what the bar needs that acts on selected people; None for who may only look."""
    if not access.may_change:
        return None
    return {
        "address": reverse("action_new", args=[access.organization.slug]),
        # Where a filter was left out, more people are listed than were meant.
        "filter": narrowed.query if narrowed.is_sound else None,
        "most": MOST_PICKED,
    }


def everybody(paginator: CountedPaginator, narrowed: PeopleFilter) -> str:
    """Return the words for all people of the list: "all 1,234 that match"."""
    if paginator.more:
        return f"everybody who matches (more than {paginator.total:,})"
    return f"all {paginator.total:,}{' that match' if narrowed.chosen else ''}"


def key_figures(figures: Figures, asked: Asked) -> list[dict[str, Any]]:
    """Return the figures beside the sentence, each a link to just those people."""
    chosen = asked.filters.get("status")
    return [
        {
            "group": group,
            "look": LOOKS[group],
            "people": f"{figures.of(group):,}",
            "words": figure_words(group, figures.of(group)),
            "current": chosen == group,
            "address": asked.of() if chosen == group else asked.of(status=group),
        }
        for group in ("degraded", "stalled", "disabled", "never_connected")
    ]


def ignored(narrowed: PeopleFilter, request: HttpRequest, views: Sequence[SavedView]) -> list[str]:
    """Return a sentence for each value in the address that makes no sense."""
    fields = narrowed.form.fields
    found = [
        f"The {fields[name].label.lower()} in the address is not one there is, so it is left out."
        for name in narrowed.form.errors
    ]
    if request.GET.get("view") and view_asked(request, views) is None:
        found.append("The saved view in the address is not there, or is not shared with you.")
    if narrowed.has_lost_alert:
        found.append("The alert in the address is not there any more, so nobody is listed.")
    return found


def over_since(alert: Alert | None, now: datetime, zone: tzinfo) -> str:
    """Return since when the alert is over that people are narrowed by; empty while it goes on."""
    return brief(alert.ended_at, now, zone) if alert and alert.ended_at else ""


def cause_choices(
    figures: Figures, narrowed: PeopleFilter, rules: Mapping[str, Explanation]
) -> list[dict[str, Any]]:
    """Return the causes there are, in words; the chosen one too if nobody is left in it."""
    chosen = narrowed.chosen.get("cause", "")
    found = dict(figures.causes)
    if chosen:
        found.setdefault(chosen, 0)
    return [
        {
            "cause": cause,
            "words": explanation_of(cause, rules).title,
            "people": number,
            "chosen": cause == chosen,
        }
        for cause, number in found.items()
    ]


def shown(page: Page, paginator: CountedPaginator) -> str:
    return shown_sentence(page.start_index(), page.end_index(), paginator.total, paginator.more)


@login_required
@require_safe
def teams(request: HttpRequest, slug: str) -> HttpResponse:
    """Return the teams of an organization as options, for the field that narrows by team."""
    access = access_for(request.user, slug)
    context = {"teams": teams_of(access.organization_id, TEAMS_OFFERED)}
    return kept_by_nobody(render(request, "console/teams.html", context))
