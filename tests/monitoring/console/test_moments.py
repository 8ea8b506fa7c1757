from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.number_words import counted
from monitoring.console import moments
from tests.factories import NOW

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(
    [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu")]
)
SPANS = st.integers(min_value=0, max_value=20 * moments.YEAR)
TIMES = st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds of a strategy have no zone
LENGTHS = {"min": 60, "h": 3_600, "day": 86_400, "month": moments.MONTH, "year": moments.YEAR}


def ago(seconds: float) -> str:
    return moments.relative(NOW - timedelta(seconds=seconds), NOW)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (12 * 60, "12 min ago"),
        (3_599, "59 min ago"),
        (3_600, "1 h ago"),
        (86_399, "23 h ago"),
        (86_400, "1 day ago"),
        (2 * 86_400, "2 days ago"),
        (59 * 86_400, "59 days ago"),
        (60 * 86_400, "2 months ago"),
        (731 * 86_400, "2 years ago"),
        (-30, "in under a minute"),
        (-60, "in 1 min"),
        (-5 * 3_600, "in 5 h"),
        (-86_400, "in 1 day"),
    ],
)
def test_times_are_said_relative_to_now(seconds: float, said: str) -> None:
    assert ago(seconds) == said


@given(SPANS)
def test_a_span_is_rounded_down_to_its_largest_unit(seconds: int) -> None:
    said = moments.span(seconds)
    number, unit = re.fullmatch(r"([\d,]+) (min|h|day|month|year)s?", said).groups()
    length = LENGTHS[unit] * int(number.replace(",", ""))
    assert length <= seconds < length + LENGTHS[unit]


@given(SPANS, SPANS)
def test_the_longer_ago_is_never_said_to_be_nearer(one: int, other: int) -> None:
    def size(seconds: int) -> int:
        number, unit = re.fullmatch(r"([\d,]+) ([a-z]+?)s?", moments.span(seconds)).groups()
        return LENGTHS[unit] * int(number.replace(",", ""))

    shorter, longer = sorted((one, other))
    assert size(shorter) <= size(longer)


@given(TIMES, TIMES)
def test_what_is_planned_is_due_now_or_to_come(moment: datetime, now: datetime) -> None:
    said = moments.due(moment, now)
    assert (said == "due now") is (moment <= now)
    assert said == "due now" or said.startswith("in ")


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (NOW, "13:00"),
        (NOW - timedelta(hours=13, minutes=1), "Thu 23:59"),
        (NOW - timedelta(days=6), "Sat 13:00"),
        (NOW - timedelta(days=7), "13 Nov 13:00"),
        (NOW + timedelta(days=6), "Thu 13:00"),
        (NOW - timedelta(days=365), "20 Nov 2025 13:00"),
    ],
)
def test_a_clock_time_is_as_short_as_it_can_be(moment: datetime, said: str) -> None:
    assert moments.brief(moment, NOW, BERLIN) == said


@given(TIMES, st.integers(-40 * 1440, 40 * 1440), ZONES)
def test_a_clock_time_cannot_be_mistaken(now: datetime, minutes: int, zone: ZoneInfo) -> None:
    moment = now + timedelta(minutes=minutes)
    local, today = moment.astimezone(zone), now.astimezone(zone)
    said = moments.brief(moment, now, zone)
    days = [today.date() + timedelta(days=d) for d in range(-6, 7)]
    if re.fullmatch(r"\d\d:\d\d", said):
        assert local.date() == today.date()
    elif re.fullmatch(r"[A-Z][a-z]{2} \d\d:\d\d", said):
        assert local.date() in days
    else:
        assert str(local.day) in said
    assert said.endswith(f"{local:%H:%M}")


def test_the_exact_time_names_the_zone_and_its_letters() -> None:
    assert moments.exact(NOW, BERLIN) == "Friday 20 November 2026, 13:00:00 (CET, Europe/Berlin)"
    assert moments.exact(NOW, ZoneInfo("UTC")) == "Friday 20 November 2026, 12:00:00 (UTC)"


@pytest.mark.parametrize("name", ["America/Sao_Paulo", "Asia/Kathmandu"])
def test_a_zone_without_letters_is_told_by_its_name_alone(name: str) -> None:
    assert moments.exact(NOW, ZoneInfo(name)).endswith(f"({name})")


def test_a_bare_offset_has_a_name_too() -> None:
    zone = timezone(timedelta(hours=2))
    assert moments.exact(NOW, zone).endswith("14:00:00 (UTC+02:00)")


@given(st.integers(min_value=1, max_value=86_400))
def test_an_interval_is_said_in_two_units_at_most(seconds: int) -> None:
    parts = re.findall(r"(\d+) (h|min|s)\b", moments.duration(seconds))
    told = sum(int(number) * {"h": 3_600, "min": 60, "s": 1}[unit] for number, unit in parts)
    assert 1 <= len(parts) <= 2
    assert told <= seconds < told + 60


@pytest.mark.parametrize(
    ("seconds", "base", "said"),
    [
        (7_200, 7_200, "every 2 h"),
        (14_400, 7_200, "every 4 h instead of 2 h"),
        (86_400, 7_200, "every 24 h instead of 2 h"),
        (5_400, 5_400, "every 1 h 30 min"),
        (900, 7_200, "every 15 min instead of 2 h"),
    ],
)
def test_an_interval_names_the_base_where_it_is_another(seconds: int, base: int, said: str) -> None:
    assert moments.interval(seconds, base) == said


@given(st.integers(min_value=0, max_value=10**9))
def test_numbers_carry_separators_and_the_right_plural(number: int) -> None:
    said, noun = counted(number, "run").split(" ")
    assert int(said.replace(",", "")) == number
    assert re.fullmatch(r"\d{1,3}(,\d{3})*", said)
    assert (noun == "run") is (number == 1)


def test_a_planned_time_stands_within_a_sentence() -> None:
    assert moments.planned(NOW + timedelta(hours=2), NOW, UTC) == "at 14:00"
    assert moments.planned(NOW + timedelta(days=1), NOW, UTC) == "on Sat at 12:00"
    assert moments.planned(NOW + timedelta(days=20), NOW, UTC) == "on 10 Dec at 12:00"
