"""The list of people: who is syncing, who is not, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Page
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import Access, access_for
from monitoring.console.figures import Figures, figures_of
from monitoring.console.filters import PeopleFilter
from monitoring.console.pages import kept_by_nobody, page
from monitoring.console.rows import row_of
from monitoring.console.rules import explanations
from monitoring.console.tables import PER_PAGE, CountedPaginator, PeopleData, PeopleTable
from monitoring.console.wording import (
    LOOKS,
    Explanation,
    explanation_of,
    figure_words,
    shown_sentence,
)


@login_required
@require_safe
def people(request: HttpRequest, slug: str) -> HttpResponse:
    """List the people of an organization, worst first, narrowed and sorted as the address says."""
    access = access_for(request.user, slug)
    figures = figures_of(access)
    narrowed = PeopleFilter(request.GET, access=access)
    table = table_of(request, narrowed, figures)
    now, rules = timezone.now(), explanations(access.organization.pk)
    context = {
        "section": "people",
        "figures": figures,
        "key_figures": key_figures(figures, narrowed),
        "filter": narrowed,
        "causes": cause_choices(figures, narrowed, rules),
        "table": table,
        "rows": [row_of(health, rules, now, access.time_zone) for health in table.people],
        "shown": shown(table.page, table.paginator),
        "ends_here": table.paginator.ends_at(table.page),
        "ignored": ignored(narrowed),
    }
    return page(request, access, "console/people.html", "results", context)


def table_of(request: HttpRequest, narrowed: PeopleFilter, figures: Figures) -> PeopleTable:
    """Return the table, sorted and at the page that the address says, or the nearest there is."""
    table = PeopleTable(PeopleData(narrowed.qs))
    table.order_by = request.GET.get("sort", "")
    if not table.order_by:
        table.order_by = PeopleTable.Meta.order_by
    known = narrowed.known_count(figures)
    table.paginator = CountedPaginator(table.rows, PER_PAGE, known=known)
    table.page = table.paginator.get_page(request.GET.get("page"))
    return table


def key_figures(figures: Figures, narrowed: PeopleFilter) -> list[dict[str, Any]]:
    """Return the figures beside the sentence, each a link to just those people."""
    chosen = narrowed.chosen.get("status")
    return [
        {
            "group": group,
            "look": LOOKS[group],
            "people": f"{figures.of(group):,}",
            "words": figure_words(group, figures.of(group)),
            "current": chosen == group,
        }
        for group in ("degraded", "stalled", "disabled", "never_connected")
    ]


def ignored(narrowed: PeopleFilter) -> list[str]:
    """Return a sentence for each value in the address that makes no sense as a filter."""
    fields = narrowed.form.fields
    return [
        f"The {fields[name].label.lower()} in the address is not one there is, so it is left out."
        for name in narrowed.form.errors
    ]


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


TEAMS = """
    WITH RECURSIVE found(team) AS (
        SELECT min(team) FROM accounts_person WHERE organization_id = %(organization)s AND team > ''
        UNION ALL
        SELECT (SELECT min(team) FROM accounts_person
                WHERE organization_id = %(organization)s AND team > found.team)
        FROM found WHERE found.team IS NOT NULL
    )
    SELECT team FROM found WHERE team IS NOT NULL LIMIT 500
"""


def teams_of(access: Access) -> list[str]:
    """Return the first 500 names of teams, hopping along the index from one to the next."""
    with connection.cursor() as cursor:
        cursor.execute(TEAMS, {"organization": access.organization.pk})
        return [team for (team,) in cursor.fetchall()]


@login_required
@require_safe
def teams(request: HttpRequest, slug: str) -> HttpResponse:
    """Return the teams of an organization as options, for the field that narrows by team."""
    access = access_for(request.user, slug)
    return kept_by_nobody(render(request, "console/teams.html", {"teams": teams_of(access)}))
