"""The strip of the last runs: one bar a run, told apart by shape, colour and words. Pure."""

from __future__ import annotations

from functools import lru_cache

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from monitoring.alerts.number_words import counted

RUNS = 24
STEP, BAR, HEIGHT = 5, 3, 16
WIDTH = RUNS * STEP - (STEP - BAR)
WORDS = {"s": "synced", "p": "synced in part", "f": "failed", "l": "lost"}
# Where a bar begins, from the top: a good run is a full bar, the others stand lower.
TOPS = {"s": 0, "p": 4, "f": 8, "l": 12}


@lru_cache(maxsize=4096)
def summary(recent: str) -> str:
    """Return the strip in one sentence; `recent` is a letter a run, oldest first."""
    if not recent:
        return "No runs yet"
    numbers = [(recent.count(letter), word) for letter, word in WORDS.items()]
    told = ", ".join(f"{number} {word}" for number, word in numbers if number)
    return f"Last {counted(len(recent), 'run')}: {told}; the latest {WORDS[recent[-1]]}"


@lru_cache(maxsize=4096)
def strip_html(recent: str) -> SafeString:
    """Return the strip as an SVG, the latest run on the right; people share most patterns."""
    offset = RUNS - len(recent)
    bars = format_html_join(
        "",
        '<path class="run-{}" d="M{} {}h{}v{}h-{}z"><title>{}</title></path>',
        (
            (letter, (offset + place) * STEP, TOPS[letter], BAR, HEIGHT - TOPS[letter], BAR, said)
            for place, letter in enumerate(recent)
            for said in [bar_title(place, letter, len(recent))]
        ),
    )
    return format_html(
        '<svg class="runs" role="img" aria-label="{}" viewBox="0 0 {} {}" width="{}" height="{}">'
        "{}</svg>",
        summary(recent),
        WIDTH,
        HEIGHT,
        WIDTH,
        HEIGHT,
        bars,
    )


def bar_title(place: int, letter: str, runs: int) -> str:
    back = runs - 1 - place
    when = "Latest run" if back == 0 else f"{counted(back, 'run')} before"
    return f"{when}: {WORDS[letter]}"
