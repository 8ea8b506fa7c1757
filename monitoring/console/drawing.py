"""How plotly is told to draw a chart: traces, layout and config as plain data. Pure."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitoring.console.axes import BREAK, FEW_TIMES, MANY_TIMES, TimeAxis, apart, number
from monitoring.console.moments import MINUTE, zone_name

# The tones of console.css, and what tells series of one tone apart.
TONES = {
    "success": "#2e844a",
    "warning": "#a96404",
    "error": "#ba0517",
    "neutral": "#5c5c5c",
    "brand": "#0176d3",
}
SHADES = (1.0, 0.65, 0.4)
DASHES = ("solid", "dash", "dot")
STRONG, QUIET, EDGE, LINE = "#181818", "#5c5c5c", "#c9c9c9", "#e5e5e5"

# In pixels; charts.css reserves the height.
HEIGHT, TOP, BOTTOM, ROW = 260, 14, 46, 16
FONT, LETTER, LABEL_GAP, STANDOFF = 12, 6.8, 16, 6
# How much of its width a bar fills.
FILLED = 0.86


@dataclass(frozen=True, slots=True)
class Series:
    """Figures of one name, by time; `shade` counts the series of its tone before it."""

    name: str
    tone: str
    shade: int
    points: dict[datetime, float]

    @property
    def colour(self) -> str:
        return TONES[self.tone]

    @property
    def latest(self) -> float:
        return self.points[max(self.points)]


def figure_of(
    traces: list[dict[str, Any]], layout: dict[str, Any], axis: TimeAxis
) -> dict[str, Any]:
    """Return a figure that answers hovering and nothing else: no tool bar, no zoom.

    `layout` fits a telephone; `wide` has more marks of time, for where there is room.
    """
    config = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False, "showTips": False}
    wide = time_marks(axis, MANY_TIMES)
    return {"data": traces, "layout": layout, "config": config, "wide": wide}


def bars_of(series: Series, axis: TimeAxis, width: float) -> dict[str, Any]:
    return {
        "type": "bar",
        "name": html.escape(series.name, quote=False),
        "x": [axis.place(moment) + width / 2 for moment in series.points],
        "y": list(series.points.values()),
        "width": width * FILLED,
        "marker": {"color": series.colour, "opacity": SHADES[series.shade], "line": {"width": 0}},
        "hoverinfo": "skip",
    }


def line_of(series: Series, axis: TimeAxis) -> dict[str, Any]:
    return {
        "type": "scatter",
        # A single point has no line.
        "mode": "lines" if len(series.points) > 1 else "markers",
        "name": html.escape(series.name, quote=False),
        "x": [axis.place(moment) for moment in series.points],
        "y": list(series.points.values()),
        "line": {"color": series.colour, "width": 2, "dash": DASHES[series.shade]},
        "marker": {"color": series.colour, "size": 7},
        "cliponaxis": False,
        "hoverinfo": "skip",
    }


def hover_of(
    axis: TimeAxis, texts: Mapping[datetime, list[str]], width: float, centre: float = 0.5
) -> dict[str, Any]:
    """Return unseen columns as high as the chart that say all there is at their time.

    `centre` is where within its column a time stands: in the middle of a bar, or at its beginning.
    """
    return {
        "type": "bar",
        "yaxis": "y2",
        "x": [axis.place(moment) + width * centre for moment in texts],
        "y": [1] * len(texts),
        "width": width,
        "opacity": 0,
        "hovertext": [
            BREAK.join([axis.said(moment), *(html.escape(line, quote=False) for line in lines)])
            for moment, lines in texts.items()
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def layout_of(axis: TimeAxis, marks: Sequence[float], top: float) -> dict[str, Any]:
    """Return the frame of a chart: hairlines for the numbers, times below, nothing else."""
    written = [number(mark) for mark in marks]
    return {
        "height": HEIGHT,
        "autosize": True,
        "margin": {
            "l": room_for(written) + STANDOFF,
            "r": 16,
            "t": TOP,
            "b": bottom(axis),
            "pad": 0,
        },
        "font": {"family": "inherit", "size": FONT, "color": QUIET},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "barmode": "stack",
        "dragmode": False,
        "hovermode": "closest",
        "hoverlabel": {
            "bgcolor": "#ffffff",
            "bordercolor": EDGE,
            "font": {"family": "inherit", "size": FONT, "color": STRONG},
            "align": "left",
            "showarrow": False,
        },
        "xaxis": time_axis(axis),
        "yaxis": number_axis(marks, written, top),
        "yaxis2": {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
    }


def time_axis(axis: TimeAxis) -> dict[str, Any]:
    # One moment alone still needs a width to be drawn in.
    slack = 0 if axis.seconds else MINUTE
    return {
        "range": [-slack, axis.seconds + slack],
        **time_marks(axis, FEW_TIMES),
        "tickangle": 0,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": EDGE,
        "showgrid": False,
        "zeroline": False,
        "showline": True,
        "linecolor": EDGE,
        "fixedrange": True,
        "title": {
            "text": f"Time in {html.escape(zone_name(axis.zone), quote=False)}",
            "font": {"size": FONT, "color": QUIET},
            "standoff": 6,
        },
    }


def bottom(axis: TimeAxis) -> int:
    """Return the pixels below a chart: its marks take two rows where clocks have days below."""
    written = [text for most in (FEW_TIMES, MANY_TIMES) for _, text in axis.marks(most)]
    return BOTTOM + ROW * any(BREAK in text for text in written)


def time_marks(axis: TimeAxis, most: int) -> dict[str, list[Any]]:
    marks = axis.marks(most)
    return {
        "tickvals": [axis.place(moment) for moment, _ in marks],
        "ticktext": [text for _, text in marks],
    }


def number_axis(marks: Sequence[float], written: Sequence[str], top: float) -> dict[str, Any]:
    return {
        "range": [0, top],
        "tickvals": list(marks),
        "ticktext": list(written),
        "ticklabelstandoff": STANDOFF,
        "showgrid": True,
        "gridcolor": LINE,
        "zeroline": False,
        "fixedrange": True,
    }


def end_labels(
    lines: Sequence[Series], labels: Sequence[str], axis: TimeAxis, top: float
) -> list[dict[str, Any]]:
    """Return a label beside the end of each line, moved as far as it takes not to overlap."""
    height = HEIGHT - TOP - bottom(axis)
    wanted = [line.latest / top * height for line in lines]
    places = apart(wanted, LABEL_GAP, LABEL_GAP / 2, height)
    return [
        label(
            html.escape(text, quote=False),
            line.colour,
            xref="paper",
            yref="paper",
            x=1,
            y=place / height,
            xanchor="left",
            yanchor="middle",
            xshift=6,
        )
        for line, text, place in zip(lines, labels, places, strict=True)
    ]


def label(text: str, colour: str, **where: Any) -> dict[str, Any]:
    return {"text": text, "showarrow": False, "font": {"color": colour}, "borderpad": 0} | where


def room_for(words: Iterable[str]) -> int:
    """Return about how many pixels the longest of the words takes."""
    return round(max(len(word) for word in words) * LETTER)


def peak_label(
    axis: TimeAxis, peak: datetime, people: float, width: float, tone: str
) -> dict[str, Any]:
    """Return the words on the highest bar; near an edge they stand to its inner side."""
    place = axis.place(peak) + width / 2
    share = place / axis.seconds
    return label(
        f"{number(people)} at {peak.astimezone(axis.zone):%H:%M}",
        TONES[tone],
        x=place,
        y=people,
        xanchor="left" if share < 0.1 else "right" if share > 0.9 else "center",
        yanchor="bottom",
    )
