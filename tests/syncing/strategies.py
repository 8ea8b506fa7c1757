"""Hypothesis strategies for events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from syncing.engine.content import AllDay, EventContent, ShowAs, Timed, When, clean_text

ZONE_NAMES = [
    *("UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "Asia/Kathmandu"),
    *("Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati", "Pacific/Pago_Pago"),
    *("Africa/Casablanca", "America/Sao_Paulo", "Asia/Tehran"),
]
ZONES = st.sampled_from(ZONE_NAMES)
# Moments around which clocks jump, years end and calendars are odd.
ODD_MOMENTS = [
    *(datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)),
    *(datetime(2026, 3, 8, 7, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC)),
    *(datetime(2026, 4, 4, 15, tzinfo=UTC), datetime(2028, 2, 29, tzinfo=UTC)),
    *(datetime(2026, 12, 31, 23, 59, tzinfo=UTC), datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC)),
]


def tried(**values: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """Like `given`, with as many examples as a busy machine has time for, and no deadline."""

    def decorate(test: Callable[..., None]) -> Callable[[], None]:
        return settings(max_examples=40, deadline=None)(given(**values)(test))

    return decorate


def instants() -> st.SearchStrategy[datetime]:
    near = st.builds(
        lambda moment, minutes: moment + timedelta(minutes=minutes),
        st.sampled_from(ODD_MOMENTS),
        st.integers(-1500, 1500),
    )
    seconds = st.integers(-600_000_000, 1_600_000_000)
    anywhere = seconds.map(lambda number: ODD_MOMENTS[0] + timedelta(seconds=number))
    return near | anywhere


@st.composite
def whens(draw: st.DrawFn) -> When:
    if draw(st.booleans()):
        first = draw(st.dates(date(1990, 1, 1), date(2080, 1, 1)))
        return AllDay(first, first + timedelta(days=draw(st.integers(0, 20))))
    start = draw(instants())
    return Timed(start, start + timedelta(seconds=draw(st.integers(0, 2_000_000))))


def plain_texts() -> st.SearchStrategy[str]:
    markup = st.sampled_from(["<b>x</b>", "a < b", "&amp;", "&#0;", "<!-- -->", "<", "&", "</p>"])
    return st.lists(st.text(max_size=12) | markup, max_size=5).map("".join)


def contents() -> st.SearchStrategy[EventContent]:
    clean = plain_texts().map(clean_text)
    return st.builds(
        EventContent,
        when=whens(),
        title=clean,
        location=clean,
        description=clean,
        show_as=st.sampled_from(ShowAs),
    )
