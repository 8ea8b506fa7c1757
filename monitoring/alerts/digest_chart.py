"""The chart of a digest, as a picture: people by status, in the colours of the console's charts.

Drawn twice as large as it is shown, so that it is sharp on any screen. Matplotlib is loaded when
the first chart is drawn, which only workers do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from io import BytesIO
from typing import Any

from monitoring.alerts.digest_facts import Bars

# In pixels as a mail shows it.
WIDTH, HEIGHT, SCALE = 552, 220, 2
DOTS = 100 * SCALE
POINTS_A_PIXEL = 72 / 100
# Large enough to be read on a telephone, where the picture is half as wide.
FONT, LETTER = "DejaVu Sans", 14
QUIET, LINE, EDGE = "#5c5c5c", "#e5e5e5", "#c9c9c9"
# From the bottom, as the console stacks them: key, word, colour and how much of it shows.
GROUPS = (
    ("stalled", "Needs attention", "#ba0517", 1.0),
    ("degraded", "Delayed", "#a96404", 1.0),
    ("disabled", "Off", "#5c5c5c", 1.0),
    ("healthy", "Syncing", "#2e844a", 0.3),
)
FILLED = 0.86
# Every so many bars the time is written below.
EACH = 4
# Room around the bars, in shares of the picture, and how wide a digit is in pixels.
RIGHT, TOP, BOTTOM = 0.99, 0.85, 0.13
DIGIT, GAP = 9.2, 10


@dataclass(frozen=True, slots=True)
class Low:
    """When fewest people were syncing, by share: how many, of how many."""

    at: datetime
    syncing: float
    known: float


def lowest(bars: Bars) -> Low | None:
    """Return the worst bar; None where there was no sample, or nobody. Pure."""
    lows = [
        Low(edge, bars.people.get((edge, "healthy"), 0.0), total)
        for edge in bars.edges
        if (total := known_in(bars, edge)) > 0
    ]
    return min(lows, key=lambda low: (low.syncing / low.known, low.at), default=None)


def known_in(bars: Bars, edge: datetime) -> float:
    return sum(bars.people.get((edge, key), 0.0) for key, *_ in GROUPS)


def chart_words(bars: Bars, zone: tzinfo) -> str:
    """Return what the chart shows, for who does not see it. Pure."""
    low = lowest(bars)
    unit = "hour" if bars.step.total_seconds() <= 3_600 else "six hours"
    if low is None:
        return "Chart of people by status: nothing was noted."
    syncing, known = round(low.syncing), round(low.known)
    if syncing >= known:
        return f"Chart of people by status in each {unit}: all of {known:,} were always syncing."
    return (
        f"Chart of people by status in each {unit}. Fewest were syncing at"
        f" {low.at.astimezone(zone):%Y-%m-%d %H:%M}: {syncing:,} of {known:,}."
    )


def chart_png(bars: Bars, zone: tzinfo) -> bytes:
    """Return the chart as a picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH * SCALE / DOTS, HEIGHT * SCALE / DOTS), dpi=DOTS)
    # Of matplotlib not all is typed.
    canvas: Any = FigureCanvasAgg(figure)
    left = left_of(bars)
    axes = figure.add_axes((left, BOTTOM, RIGHT - left, TOP - BOTTOM))
    shown = draw_bars(axes, bars)
    frame(axes, bars, zone)
    legend(figure, shown, left)
    written = BytesIO()
    canvas.print_png(written, metadata={"Software": None})
    return written.getvalue()


def draw_bars(axes: Any, bars: Bars) -> list[tuple[str, str, float]]:
    """Draw the groups on top of each other; return those there are, as the legend names them."""
    floor = [0.0] * len(bars.edges)
    shown = []
    for key, word, colour, opacity in GROUPS:
        heights = [bars.people.get((edge, key), 0.0) for edge in bars.edges]
        if not any(heights):
            continue
        places = [place + 0.5 for place in range(len(bars.edges))]
        axes.bar(
            places, heights, width=FILLED, bottom=floor, color=colour, alpha=opacity, linewidth=0
        )
        floor = [below + height for below, height in zip(floor, heights, strict=True)]
        shown.append((word, colour, opacity))
    axes.set_xlim(0, max(1, len(bars.edges)))
    axes.set_ylim(0, top_of(floor))
    return shown


def top_of(heights: Sequence[float]) -> float:
    return max([1.0, *heights]) * 1.02


def left_of(bars: Bars) -> float:
    """Return where the bars begin, so that the longest number fits before them. Pure."""
    most = max((known_in(bars, edge) for edge in bars.edges), default=0.0)
    return (len(f"{most:,.0f}") * DIGIT + GAP) / WIDTH


def frame(axes: Any, bars: Bars, zone: tzinfo) -> None:
    """Draw hairlines for the numbers, times below, and nothing else."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    places = marks(len(bars.edges))
    times = [time_said(bars, bars.edges[place], zone) for place in places]
    style: dict[str, Any] = {"fontfamily": FONT, "fontsize": points(LETTER), "color": QUIET}
    axes.set_xticks([*places], times, **style)
    for label in axes.get_xticklabels():
        label.set_horizontalalignment("left")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:,.0f}"))
    axes.tick_params(axis="y", length=0, labelsize=points(LETTER), labelcolor=QUIET)
    axes.tick_params(axis="x", length=3, color=EDGE)
    for label in axes.get_yticklabels():
        label.set_fontfamily(FONT)
    axes.grid(axis="y", color=LINE, linewidth=0.75)
    axes.set_axisbelow(True)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(EDGE)


def marks(bars: int) -> range:
    """Return the places of the bars that have their time below. Pure."""
    return range(0, bars, EACH)


def time_said(bars: Bars, edge: datetime, zone: tzinfo) -> str:
    """Return the clock within a day, and the day within a week. Pure."""
    local = edge.astimezone(zone)
    return f"{local:%H:%M}" if bars.step.total_seconds() <= 3_600 else f"{local:%m-%d}"


def legend(figure: Any, shown: Sequence[tuple[str, str, float]], x: float) -> None:
    """Write the names of the groups above the chart, each beside its colour; the worst first."""
    from matplotlib.patches import Rectangle

    y, size = 0.92, 11
    for word, colour, opacity in shown:
        figure.add_artist(
            Rectangle(
                (x, y), size / WIDTH, size / HEIGHT, color=colour, alpha=opacity, linewidth=0,
                transform=figure.transFigure,
            )
        )  # fmt: skip
        text = figure.text(
            x + 16 / WIDTH, y, word, fontfamily=FONT, fontsize=points(LETTER), color=QUIET,
            verticalalignment="baseline",
        )  # fmt: skip
        x = text.get_window_extent().x1 / (WIDTH * SCALE) + 16 / WIDTH


def points(pixels: float) -> float:
    """Return a size of letters as matplotlib measures it. Pure."""
    return pixels * POINTS_A_PIXEL
