"""How an organization has been doing: people by status, and what came of the runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import Access, access_for
from monitoring.alerts.number_words import percent
from monitoring.console.attempts import RESULTS
from monitoring.console.charts import Chart, Point, stacked_bars_chart
from monitoring.console.moments import duration
from monitoring.console.pages import page
from monitoring.console.ranges import RANGES, Range, Stretches, range_of, stretches_of
from monitoring.console.rule_words import CLASSES as CLASS_WORDS
from monitoring.console.wording import LOOKS
from monitoring.errors.rules import Interpretation
from monitoring.health.covered import NONE, Covered, PeopleHours, people_hours
from monitoring.health.samples import people_by_group
from monitoring.intake.counts import outcomes_by_class
from monitoring.intake.models import OutcomeClass

# What a chart stacks, from the bottom: what needs eyes stands on the line where it is seen best.
GROUPS = ("stalled", "degraded", "disabled", "healthy")
CLASSES = {
    CLASS_WORDS[Interpretation.NEEDS_ADMIN]: (OutcomeClass.NEEDS_ADMIN, "error"),
    CLASS_WORDS[Interpretation.NEEDS_USER]: (OutcomeClass.NEEDS_USER, "error"),
    CLASS_WORDS[Interpretation.CLIENT_BUG]: (OutcomeClass.CLIENT_BUG, "error"),
    CLASS_WORDS[Interpretation.TRANSIENT]: (OutcomeClass.TRANSIENT, "warning"),
    RESULTS["partial"].word: (OutcomeClass.PARTIAL, "warning"),
    CLASS_WORDS[Interpretation.RECORD]: (OutcomeClass.RECORD, "warning"),
    CLASS_WORDS[Interpretation.UNKNOWN]: (OutcomeClass.UNKNOWN, "neutral"),
    RESULTS["lost"].word: (OutcomeClass.LOST, "neutral"),
    RESULTS["success"].word: (OutcomeClass.SUCCESS, "success"),
}
# Figures by the time their bar begins at and by group or class.
Figures = Mapping[tuple[datetime, str], float]


@dataclass(frozen=True, slots=True)
class Choice:
    """A range to choose, and whether it is the one shown."""

    key: str
    words: str
    chosen: bool


@login_required
@require_safe
def trends(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the charts of an organization; for htmx as a part of the overview."""
    access = access_for(request.user, slug)
    now, chosen = timezone.now(), range_of(request.GET.get("trend"))
    context = {
        "section": "overview",
        "choices": [Choice(each.key, each.words, each == chosen) for each in RANGES],
        "range": chosen,
        "charts": [people_trend(access, chosen, now), outcomes_trend(access, chosen, now)],
    }
    return page(request, access, "console/trends.html", "trends", context)


def people_trend(access: Access, chosen: Range, now: datetime) -> Chart:
    bars = stretches_of(now, chosen.span, chosen.people_step, access.time_zone)
    pk, first = access.organization.pk, bars.edges[0]
    found = people_by_group(pk, bars.edges, bars.end)
    hours = people_hours([pk], before=first, first=first, end=min(now, bars.end))
    return people_chart(found, bars, access.time_zone, hours.get(pk, Covered()).now)


def outcomes_trend(access: Access, chosen: Range, now: datetime) -> Chart:
    bars = stretches_of(now, chosen.span, chosen.outcomes_step, access.time_zone)
    found = outcomes_by_class(access.organization.pk, bars.edges, bars.end)
    return outcomes_chart(found, bars, access.time_zone)


def people_chart(found: Figures, bars: Stretches, zone: tzinfo, hours: PeopleHours = NONE) -> Chart:
    """Return how many people were in which status on average in each bar. Pure.

    A bar without a sample is a gap. Who was never connected is counted apart, so not here.
    """
    known = {edge for edge, group in found if group in GROUPS}
    return chart_of(
        {LOOKS[group].word: (group, LOOKS[group].tone) for group in GROUPS},
        found,
        [edge for edge in bars.edges if edge in known],
        bars,
        zone,
        title="People by status",
        measure=f"People, on average in {each(bars)}{covered(hours)}",
        pale=LOOKS["healthy"].word,
        adds_up=False,
    )


def covered(hours: PeopleHours) -> str:
    """Return which part of the people-hours was covered, as digests say it; empty if not known."""
    return "" if hours.share is None else f". {percent(hours.share)} of people-hours covered"


def outcomes_chart(found: Figures, bars: Stretches, zone: tzinfo) -> Chart:
    """Return how many runs of each bar were of which class. Pure.

    Before the first run that was counted nothing is known; after it, no runs are none.
    """
    first = min((edge for edge, _ in found), default=bars.end)
    return chart_of(
        CLASSES,
        found,
        [edge for edge in bars.edges if edge >= first],
        bars,
        zone,
        title="Runs by what came of them",
        measure=f"Runs in {each(bars)}, the last one so far",
        pale=RESULTS["success"].word,
    )


def each(bars: Stretches) -> str:
    seconds = int(bars.step.total_seconds())
    return {3_600: "each hour", 86_400: "each day"}.get(seconds, f"each {duration(seconds)}")


def chart_of(
    named: Mapping[str, tuple[str, str]],
    found: Figures,
    known: Sequence[datetime],
    bars: Stretches,
    zone: tzinfo,
    **words: Any,
) -> Chart:
    """Return the chart of what is named, by key and tone; what was 0 throughout is left out."""
    series: dict[str, list[Point]] = {}
    for name, (key, _) in named.items():
        points = [(edge, round(found.get((edge, key), 0), 1)) for edge in known]
        if any(figure for _, figure in points):
            series[name] = points
    tones = {name: tone for name, (_, tone) in named.items()}
    return stacked_bars_chart(
        series, width=bars.step, zone=zone, tones=tones, times=bars.edges, **words
    )
