from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from csp.middleware import CSPMiddleware
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.template.loader import render_to_string
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from monitoring.console.charts import (
    FEWEST_BARS,
    MOST_BARS,
    Chart,
    lines_chart,
    stacked_bars_chart,
    stop_times_chart,
)
from monitoring.console.drawing import HEIGHT, TONES
from tests.factories import NOW
from tests.monitoring.console.markup import Markup, markup
from tests.monitoring.console.test_content_policy import is_strict

PROJECT = Path(__file__).resolve().parents[3]
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(
    [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu")]
)
TIMES = st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds of a strategy have no zone
STOPS = st.lists(
    st.tuples(st.integers(0, 40_000).map(lambda minutes: minutes * 7), st.integers(1, 500)),
    min_size=1,
    max_size=40,
)
TONES_HERE = {"Syncing": "success", "Delayed": "warning", "Off": "neutral", "Gone": "neutral"}


def lines(series: dict[str, list[float]], **overrides: Any) -> Chart:
    """A chart of figures an hour apart, the last of them now."""
    points = {
        name: [(NOW + timedelta(hours=at + 1 - len(of)), value) for at, value in enumerate(of)]
        for name, of in series.items()
    }
    words = {"title": "People by status", "measure": "People", "zone": BERLIN}
    return lines_chart(points, tones=TONES_HERE, **words | overrides)


def stacks(series: dict[str, list[float]], width: timedelta = timedelta(hours=1)) -> Chart:
    points = {
        name: [(NOW + width * at, value) for at, value in enumerate(of)]
        for name, of in series.items()
    }
    words = {"title": "Runs by class", "measure": "Runs an hour", "zone": BERLIN}
    return stacked_bars_chart(points, width=width, tones=TONES_HERE, **words)


def traces(chart: Chart, kind: str) -> list[dict[str, Any]]:
    """What is seen of a chart; the columns that answer the pointer are on another axis."""
    seen = [trace for trace in chart.figure["data"] if "yaxis" not in trace]
    return [trace for trace in seen if trace["type"] == kind]


def labels(chart: Chart) -> list[str]:
    return [annotation["text"] for annotation in chart.figure["layout"]["annotations"]]


@given(TIMES, STOPS, ZONES)
def test_everybody_who_stopped_is_in_one_of_a_few_bars(
    start: datetime, stops: list[tuple[int, int]], zone: ZoneInfo
) -> None:
    chart = stop_times_chart(
        [(start + timedelta(seconds=seconds), people) for seconds, people in stops], zone
    )
    [bars] = traces(chart, "bar")
    everybody = sum(people for _, people in stops)
    assert sum(bars["y"]) == everybody
    assert chart.summary.startswith(f"{everybody:,} p")
    assert len(bars["x"]) == len(chart.table.rows) <= MOST_BARS
    low, high = chart.figure["layout"]["xaxis"]["range"]
    halves = bars["width"] / 2
    assert all(low <= x - halves < x + halves <= high for x in bars["x"])
    assert max(bars["y"]) < chart.figure["layout"]["yaxis"]["range"][1]
    assert json.loads(json.dumps(chart.figure)) == chart.figure


def test_the_stop_times_of_an_incident_read_as_a_sentence() -> None:
    start = NOW.replace(hour=21)
    stops = [(start + timedelta(minutes=m), n) for m, n in [(4, 20), (1, 166), (2, 226)]]
    chart = stop_times_chart([*stops, (start, 0)], BERLIN)
    assert chart.measure == "People who stopped, by minute"
    assert chart.summary == (
        "412 people stopped between 20 Nov 22:01 and 20 Nov 22:04 (Europe/Berlin), "
        "226 of them within 1 min from 20 Nov 22:02."
    )
    assert labels(chart) == ["226 at 22:02"]
    assert chart.table.header == ("Time (Europe/Berlin)", "People")
    assert chart.table.rows == (
        ("20 Nov 22:01", "166"),
        ("20 Nov 22:02", "226"),
        ("20 Nov 22:04", "20"),
    )
    [bars] = traces(chart, "bar")
    assert bars["marker"]["color"] == TONES["error"]


def test_a_few_bars_do_not_fill_the_chart() -> None:
    chart = stop_times_chart([(NOW, 3)], BERLIN)
    low, high = chart.figure["layout"]["xaxis"]["range"]
    assert high - low >= FEWEST_BARS * 60
    assert chart.summary == "3 people stopped at 20 Nov 13:00 (Europe/Berlin)."


def test_bars_grow_with_the_time_they_cover() -> None:
    chart = stop_times_chart([(NOW, 1), (NOW + timedelta(hours=3), 1)], BERLIN)
    assert chart.measure == "People who stopped, every 5 min"


@pytest.mark.parametrize(
    "chart",
    [stop_times_chart([], BERLIN), lines({}), lines({"Syncing": []}), stacks({})],
    ids=["stops", "lines", "line without points", "stacks"],
)
def test_nothing_to_draw_is_said_in_words(chart: Chart) -> None:
    html = render_to_string("console/chart.html", {"chart": chart})
    assert chart.summary in Markup(html).text
    assert "chart__drawing" not in html
    assert "<table" not in html


def test_a_line_is_labelled_at_its_end_with_its_latest_figure() -> None:
    chart = lines({"Syncing": [400, 1_412], "Delayed": [11, 9], "Off": [2, 2]})
    assert labels(chart) == ["Syncing 1,412", "Delayed 9", "Off 2"]
    assert not chart.figure["layout"]["showlegend"]
    assert chart.key == ()
    colours = [line["line"]["color"] for line in traces(chart, "scatter")]
    assert colours == [TONES["success"], TONES["warning"], TONES["neutral"]]
    assert chart.summary == (
        "People by status, 20 Nov 12:00 to 20 Nov 13:00 (Europe/Berlin): "
        "Syncing 400 to 1,412, Delayed 11 to 9, Off 2 to 2."
    )


def test_series_of_one_tone_are_told_apart_without_colour() -> None:
    drawn = traces(lines({"Off": [1, 2], "Gone": [3, 4]}), "scatter")
    assert [line["line"]["dash"] for line in drawn] == ["solid", "dash"]
    chart = stacks({"Off": [1, 2], "Gone": [3, 4]})
    assert len({bars["marker"]["opacity"] for bars in traces(chart, "bar")}) == 2
    assert [(entry.tone, entry.shade) for entry in chart.key] == [("neutral", 0), ("neutral", 1)]


def test_a_single_figure_is_a_dot() -> None:
    [line] = traces(lines({"Syncing": [5]}), "scatter")
    assert line["mode"] == "markers"


def test_the_table_has_each_time_and_says_what_is_not_known() -> None:
    chart = lines({"Syncing": [1, 2_000, 3], "Delayed": [0, 5.25]})
    assert chart.table.header == ("Time (Europe/Berlin)", "Syncing", "Delayed")
    assert chart.table.rows == (
        ("20 Nov 11:00", "1", "not known"),
        ("20 Nov 12:00", "2,000", "0"),
        ("20 Nov 13:00", "3", "5.2"),
    )


def test_points_in_no_order_are_drawn_in_order() -> None:
    points = [(NOW, 2.0), (NOW - timedelta(hours=1), 1.0)]
    chart = lines_chart(
        {"Syncing": points}, title="", measure="", zone=BERLIN, tones=TONES_HERE, summary="Ours."
    )
    [line] = traces(chart, "scatter")
    assert (line["x"], line["y"]) == ([0, 3_600], [1.0, 2.0])
    assert chart.summary == "Ours."


def test_stacked_bars_have_a_key_with_totals() -> None:
    chart = stacks({"Syncing": [1_000, 500], "Delayed": [1, 2]})
    assert [(entry.name, entry.total) for entry in chart.key] == [
        ("Syncing", "1,500"),
        ("Delayed", "3"),
    ]
    assert chart.figure["layout"]["barmode"] == "stack"
    assert chart.figure["layout"]["yaxis"]["range"][1] > 1_001
    assert chart.summary.endswith("(Europe/Berlin): 1,500 Syncing, 3 Delayed.")


def test_where_nothing_is_known_a_gap_is_left_and_said() -> None:
    hours = [NOW + timedelta(hours=place) for place in range(4)]
    chart = stacked_bars_chart(
        {"Syncing": [(hours[1], 5), (hours[2], 4)], "Delayed": [(hours[1], 1), (hours[2], 2)]},
        width=timedelta(hours=1),
        title="People by status",
        measure="People",
        zone=BERLIN,
        tones=TONES_HERE,
        times=hours,
        pale="Syncing",
        adds_up=False,
    )
    assert [bars["x"] for bars in traces(chart, "bar")] == [[5_400, 9_000]] * 2
    assert chart.figure["layout"]["xaxis"]["range"] == [0, 4 * 3_600]
    assert [row[1] for row in chart.table.rows] == ["not known", "5", "4", "not known"]
    assert chart.figure["data"][-1]["hovertext"][0] == "20 Nov 13:00<br>Not known"
    assert chart.summary == (
        "People by status, 20 Nov 13:00 to 20 Nov 17:00 (Europe/Berlin), at the end: "
        "4 Syncing, 2 Delayed."
    )
    assert [(entry.total, entry.shade) for entry in chart.key] == [("", 2), ("", 0)]


def test_days_are_told_without_a_clock() -> None:
    midnight = NOW.astimezone(BERLIN).replace(hour=0)
    chart = stacked_bars_chart(
        {"Off": [(midnight, 1)]},
        width=timedelta(days=1),
        title="",
        measure="",
        zone=BERLIN,
        tones=TONES_HERE,
    )
    assert chart.table.rows == (("20 Nov", "1"),)
    assert stacks({"Off": [1]}, timedelta(days=1)).table.rows == (("20 Nov 13:00", "1"),)


def test_pointing_at_a_time_says_every_figure() -> None:
    hover = lines({"Syncing": [1, 2], "Delayed": [3, 4_000]}).figure["data"][-1]
    assert hover["opacity"] == 0
    assert hover["hovertext"][-1] == "20 Nov 13:00<br>2 Syncing<br>4,000 Delayed"


def test_names_are_text_and_never_markup() -> None:
    name = "<a href='https://elsewhere.example'>Off</a></script>"
    chart = lines_chart(
        {name: [(NOW, 1), (NOW + timedelta(hours=1), 2)]},
        title=name,
        measure=name,
        zone=BERLIN,
        tones={name: "neutral"},
    )
    assert "<a" not in json.dumps(chart.figure)
    drawn = Markup(render_to_string("console/chart.html", {"chart": chart}))
    assert drawn.links == []
    assert drawn.violations == []


def test_the_height_reserved_is_that_of_the_drawing() -> None:
    sheet = (PROJECT / "static/console/charts.css").read_text()
    reserved = re.search(r"\.chart__drawing \{\s*height: (\d+)px", sheet)
    assert reserved is not None
    assert int(reserved[1]) == HEIGHT


def test_the_heading_has_the_level_a_page_asks_for() -> None:
    chart = stop_times_chart([], BERLIN)
    assert "<h3 " in render_to_string("console/chart.html", {"chart": chart})
    assert "<h2 " in render_to_string("console/chart.html", {"chart": chart, "level": 2})


def test_the_style_element_for_charts_carries_the_nonce_of_the_policy() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        page = engines["django"].from_string("{% load console %}{% chart_support %}")
        return HttpResponse(page.render({}, request))

    response = CSPMiddleware(view)(RequestFactory().get("/"))
    policy = response.headers["Content-Security-Policy"]
    [nonce] = set(re.findall(r"'nonce-([^']+)'", policy))
    assert is_strict(policy)
    assert f'<style id="plotly.js-style-global" nonce="{nonce}"></style>' in (
        response.content.decode()
    )
    assert markup(response).violations == []


def test_what_a_chart_needs_is_there() -> None:
    html = engines["django"].from_string("{% load console %}{% chart_support %}")
    request = RequestFactory().get("/")
    request.csp_nonce = "once"
    named = re.findall(r'(?:href|src|data-bundle)="/static/([^"]+)"', html.render({}, request))
    assert len(named) == 3
    assert all((PROJECT / "static" / name).is_file() for name in named)
