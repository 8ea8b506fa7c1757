"""Pages of charts for the browser tests; a URL configuration that only they use."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path

from monitoring.console.charts import Chart, lines_chart, stacked_bars_chart, stop_times_chart
from tests.factories import NOW

ZONE = ZoneInfo("Europe/Berlin")
PAGE = """{% extends "base.html" %}{% load console %}
{% block head %}{% chart_support %}{% endblock %}
{% block header %}{% endblock %}
{% block content %}
<h1>Charts</h1>
<div id="charts">{% for chart in charts %}<section class="sheet">
{% include "console/chart.html" with level=2 %}</section>{% endfor %}</div>
<button hx-get="/swapped/" hx-target="#charts" hx-swap="innerHTML">Another</button>
{% endblock %}"""
PART = """{% include "console/chart.html" %}"""

STATUS_TONES = {
    "Syncing": "success",
    "Delayed": "warning",
    "Needs attention": "error",
    "Off": "neutral",
    "Never connected": "neutral",
}
CLASS_TONES = {
    "Temporary": "warning",
    "Needs the person": "error",
    "Needs an admin": "error",
    "Not recognised": "neutral",
}


def stop_times() -> Chart:
    """412 people within four minutes, and a few stragglers."""
    people = {1: 97, 2: 226, 3: 71, 4: 9, 6: 2, 9: 5, 11: 2}
    start = NOW.replace(hour=21, minute=0)
    stops = [(start + timedelta(minutes=minute), number) for minute, number in people.items()]
    return stop_times_chart(stops, ZONE)


def people_by_status() -> Chart:
    """A week, every two hours, with a night on which most were delayed."""
    moments = [NOW - timedelta(hours=2 * place) for place in range(84)]

    def figures(usual: int, that_night: int) -> list[tuple[object, float]]:
        return [
            (moment, that_night if 40 < place < 46 else usual + place % 3)
            for place, moment in enumerate(moments)
        ]

    return lines_chart(
        {
            "Syncing": figures(1_405, 196),
            "Delayed": figures(11, 1_217),
            "Needs attention": figures(5, 5),
            "Off": figures(2, 2),
            "Never connected": figures(7, 7),
        },
        title="People by status",
        measure="People, every 2 h",
        zone=ZONE,
        tones=STATUS_TONES,
    )


def outcomes_by_class() -> Chart:
    """A month of days."""
    midnight = NOW.astimezone(ZONE).replace(hour=0)
    days = [midnight - timedelta(days=place) for place in range(1, 31)]

    def figures(step: int, most: int) -> list[tuple[object, float]]:
        return [(day, (place * step + step) % most) for place, day in enumerate(days)]

    return stacked_bars_chart(
        {
            "Temporary": figures(370, 1_400),
            "Needs the person": figures(31, 170),
            "Needs an admin": figures(77, 300),
            "Not recognised": figures(13, 90),
        },
        width=timedelta(days=1),
        title="Runs that failed, by what they need",
        measure="Runs a day",
        zone=ZONE,
        tones=CLASS_TONES,
    )


def charts(request: HttpRequest) -> HttpResponse:
    shown = [stop_times(), people_by_status(), outcomes_by_class(), stop_times_chart([], ZONE)]
    page = engines["django"].from_string(PAGE)
    return HttpResponse(page.render({"charts": shown}, request))


def swapped(request: HttpRequest) -> HttpResponse:
    part = engines["django"].from_string(PART)
    return HttpResponse(part.render({"chart": stop_times()}, request))


urlpatterns = [path("charts/", charts), path("swapped/", swapped)]
