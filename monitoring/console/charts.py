"""Charts as plain data: what plotly draws, a sentence for who listens, and a table. Pure.

`templates/console/chart.html` shows one, `static/console/charts.js` draws it. Names of series and
titles are plain text; what is given in no order is sorted by time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Any

from monitoring.alerts.number_words import people_of
from monitoring.console.axes import TimeAxis, lengths, number, number_marks
from monitoring.console.drawing import (
    SHADES,
    Series,
    bars_of,
    end_labels,
    figure_of,
    hover_of,
    layout_of,
    line_of,
    peak_label,
    room_for,
)
from monitoring.console.moments import MINUTE, duration, zone_name

MOST_BARS, FEWEST_BARS = 60, 30
PALEST = len(SHADES) - 1

Point = tuple[datetime, float]


@dataclass(frozen=True, slots=True)
class Table:
    """The same figures to read; each row begins with its time."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Key:
    """What a colour stands for, where no label can stand beside it; perhaps with a total."""

    name: str
    tone: str
    shade: int
    total: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What a page shows; without rows in its table there is only the summary to say.

    `measure` says what is counted, `figure` holds plotly's data, layout and config.
    """

    title: str
    measure: str
    summary: str
    figure: dict[str, Any]
    table: Table
    key: tuple[Key, ...] = ()


def stop_times_chart(
    stops: Sequence[tuple[datetime, int]],
    zone: tzinfo,
    *,
    title: str = "When they stopped",
    tone: str = "error",
) -> Chart:
    """Return bars of how many people stopped when; `stops` are times with their people.

    Bars are a minute wide, or as much wider as it takes to have no more than MOST_BARS.
    """
    stops = sorted((moment, people) for moment, people in stops if people)
    header = (f"Time ({zone_name(zone)})", "People")
    if not stops:
        return Chart(title, "", "Nobody stopped.", {}, Table(header, ()))
    width, bars = binned(stops, zone)
    axis = TimeAxis(*around(bars, width), zone)
    peak = max(bars, key=lambda moment: bars[moment])
    top = bars[peak] * 1.15
    layout = layout_of(axis, number_marks(top, is_whole=True), top)
    layout["annotations"] = [peak_label(axis, peak, bars[peak], width, tone)]
    series = Series("People", tone, 0, bars)
    texts = {moment: [people_said(bars.get(moment, 0))] for moment in steps_of(axis, width)}
    return Chart(
        title,
        f"People who stopped, {'by minute' if width == MINUTE else f'every {duration(width)}'}",
        stops_summary(stops, axis, width, peak, bars[peak]),
        figure_of([bars_of(series, axis, width), hover_of(axis, texts, width)], layout, axis),
        Table(header, tuple((axis.said(start), f"{bars[start]:,}") for start in sorted(bars))),
    )


def people_said(people: float) -> str:
    return people_of(int(people)) if people else "Nobody"


def binned(
    stops: Sequence[tuple[datetime, int]], zone: tzinfo
) -> tuple[int, dict[datetime, float]]:
    """Return the width of a bar in seconds, and the people by the beginning of their bar."""
    for width in lengths():
        bars: Counter[datetime] = Counter()
        first, last = (bin_start(stops[end][0], width, stops[0][0], zone) for end in (0, -1))
        if (last - first) // timedelta(seconds=width) < MOST_BARS:
            for moment, people in stops:
                bars[bin_start(moment, width, stops[0][0], zone)] += people
            return width, dict(bars)
    raise AssertionError("lengths have no end")


def bin_start(moment: datetime, width: int, first: datetime, zone: tzinfo) -> datetime:
    """Return where the bar of a moment begins; round in local time as it was at `first`."""
    ahead = int((first.astimezone(zone).utcoffset() or timedelta()).total_seconds())
    past = timedelta(
        seconds=(int(moment.timestamp()) + ahead) % width, microseconds=moment.microsecond
    )
    return moment - past


def around(bars: Iterable[datetime], width: int) -> tuple[datetime, datetime]:
    """Return first and last time of the bars, wide enough that a few bars do not fill it."""
    first, last = min(bars), max(bars) + timedelta(seconds=width)
    missing = FEWEST_BARS - (last - first) // timedelta(seconds=width)
    room = timedelta(seconds=width) * max(0, (missing + 1) // 2)
    return first - room, last + room


def steps_of(axis: TimeAxis, width: int) -> list[datetime]:
    step = timedelta(seconds=width)
    return [axis.start + step * place for place in range((axis.end - axis.start) // step)]


def stops_summary(
    stops: Sequence[tuple[datetime, int]], axis: TimeAxis, width: int, peak: datetime, most: float
) -> str:
    people = people_of(sum(people for _, people in stops))
    first, last = (axis.said(stops[end][0]) for end in (0, -1))
    where = f" ({zone_name(axis.zone)})"
    if first == last:
        return f"{people} stopped at {first}{where}."
    within = f"{number(most)} of them within {duration(width)} from {axis.said(peak)}"
    return f"{people} stopped between {first} and {last}{where}, {within}."


def lines_chart(
    series: Mapping[str, Sequence[Point]],
    *,
    title: str,
    measure: str,
    zone: tzinfo,
    tones: Mapping[str, str],
    summary: str = "",
) -> Chart:
    """Return a line for each name, labelled at its end with its latest figure.

    Figures are 0 or more; a page takes some 200 times at most, because each is a row of the table.
    `tones` are those of TONES by name. Without a `summary` one is made of first and last figures.
    """
    lines = series_of(series, tones)
    if not lines:
        return nothing(title, measure)
    axis = axis_of(lines, zone)
    top, is_whole = extent(point for line in lines for point in line.points.values())
    layout = layout_of(axis, number_marks(top * 1.05, is_whole), top * 1.08)
    labels = [f"{line.name} {number(line.latest)}" for line in lines]
    layout["margin"]["r"] = room_for(labels) + 12
    layout["annotations"] = end_labels(lines, labels, axis, top * 1.08)
    texts = texts_of(lines)
    width = typical_gap(sorted(texts), axis)
    drawn = [line_of(line, axis) for line in lines]
    return Chart(
        title,
        measure,
        summary or f"{title}, {period(axis)}: {changes(lines)}.",
        figure_of([*drawn, hover_of(axis, texts, width, centre=0)], layout, axis),
        table_of(lines, axis),
    )


def stacked_bars_chart(
    series: Mapping[str, Sequence[Point]],
    *,
    width: timedelta,
    title: str,
    measure: str,
    zone: tzinfo,
    tones: Mapping[str, str],
    summary: str = "",
    times: Sequence[datetime] = (),
    pale: str = "",
    adds_up: bool = True,
) -> Chart:
    """Return bars from each time to `width` later, with the names stacked in their order.

    Figures, `tones` and `summary` are as in `lines_chart`; without a summary totals are said, or
    the latest figures where those of several times do not add up. `times` are all that the chart
    is about: those of them without figures are shown to have none. The name that is drawn `pale`
    leaves the eye to the others.
    """
    stacks = series_of(series, tones, pale)
    if not stacks:
        return nothing(title, measure)
    seconds = int(width.total_seconds())
    axis = axis_of(stacks, zone, width, times)
    heights: Counter[datetime] = Counter()
    for stack in stacks:
        heights.update(stack.points)
    top, is_whole = extent(heights.values())
    layout = layout_of(axis, number_marks(top * 1.05, is_whole), top * 1.08)
    figures = [number(figure_said(stack, adds_up)) for stack in stacks]
    key = tuple(
        Key(stack.name, stack.tone, stack.shade, figure if adds_up else "")
        for stack, figure in zip(stacks, figures, strict=True)
    )
    drawn = [bars_of(stack, axis, seconds) for stack in stacks]
    said = ", ".join(
        f"{figure} {stack.name}" for stack, figure in zip(stacks, figures, strict=True)
    )
    when = period(axis) + ", at the end" * (not adds_up)
    return Chart(
        title,
        measure,
        summary or f"{title}, {when}: {said}.",
        figure_of([*drawn, hover_of(axis, texts_of(stacks, times), seconds)], layout, axis),
        table_of(stacks, axis, times),
        key,
    )


def figure_said(stack: Series, adds_up: bool) -> float:
    return sum(stack.points.values()) if adds_up else stack.latest


def nothing(title: str, measure: str) -> Chart:
    return Chart(title, measure, "Nothing has been recorded yet.", {}, Table((), ()))


def series_of(
    series: Mapping[str, Sequence[Point]], tones: Mapping[str, str], pale: str = ""
) -> list[Series]:
    """Return the series that have points; those of one tone get one shade after another."""
    found: list[Series] = []
    for name, points in series.items():
        if points:
            before = sum(one.tone == tones[name] for one in found)
            shade = PALEST if name == pale else min(before, PALEST)
            found.append(Series(name, tones[name], shade, dict(sorted(points))))
    return found


def axis_of(
    series: Sequence[Series],
    zone: tzinfo,
    width: timedelta = timedelta(),
    times: Sequence[datetime] = (),
) -> TimeAxis:
    moments = [*times, *(moment for one in series for moment in one.points)]
    midnights = all(moment.astimezone(zone).time() == time.min for moment in moments)
    by_day = midnights and width >= timedelta(days=1)
    return TimeAxis(min(moments), max(moments) + width, zone, by_day)


def extent(values: Iterable[float]) -> tuple[float, bool]:
    """Return the highest figure, at least 1, and whether all are whole."""
    listed = list(values)
    return max(1, *listed), all(float(value).is_integer() for value in listed)


def period(axis: TimeAxis) -> str:
    return f"{axis.said(axis.start)} to {axis.said(axis.end)} ({zone_name(axis.zone)})"


def changes(lines: Sequence[Series]) -> str:
    """Return from which figure each line went to which."""
    return ", ".join(
        f"{line.name} {number(first)} to {number(line.latest)}"
        for line in lines
        for first in [line.points[min(line.points)]]
    )


def table_of(series: Sequence[Series], axis: TimeAxis, times: Sequence[datetime] = ()) -> Table:
    moments = sorted({*times, *(moment for one in series for moment in one.points)})
    header = (f"Time ({zone_name(axis.zone)})", *(one.name for one in series))
    rows = (
        (axis.said(moment), *(told(one.points.get(moment)) for one in series)) for moment in moments
    )
    return Table(header, tuple(rows))


def told(value: float | None) -> str:
    return "not known" if value is None else number(value)


def texts_of(series: Sequence[Series], times: Sequence[datetime] = ()) -> dict[datetime, list[str]]:
    """Return what hovering says at each time: the figure and name of each series, top first."""
    texts: dict[datetime, list[str]] = {moment: [] for moment in times}
    for one in series:
        for moment, value in one.points.items():
            texts.setdefault(moment, []).append(f"{number(value)} {one.name}")
    return {moment: lines or ["Not known"] for moment, lines in texts.items()}


def typical_gap(moments: Sequence[datetime], axis: TimeAxis) -> float:
    return axis.seconds / (len(moments) - 1) if len(moments) > 1 else 2 * MINUTE
