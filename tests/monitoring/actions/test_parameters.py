from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.actions.deeds import ActionRefusedError
from monitoring.actions.models import Kind
from monitoring.actions.parameters import (
    REASON_NEEDED,
    day_of,
    moment_of,
    reason_of,
    stored,
    until_of,
)
from tests.factories import NOW

VIENNA = ZoneInfo("Europe/Vienna")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", None),
        ("2026-12-01", datetime(2026, 11, 30, 23, 0, tzinfo=UTC)),
        (" 2026-12-01T09:30 ", datetime(2026, 12, 1, 8, 30, tzinfo=UTC)),
        ("2026-11-20T13:01", datetime(2026, 11, 20, 12, 1, tzinfo=UTC)),
        ("2026-12-01T09:00Z", datetime(2026, 12, 1, 9, 0, tzinfo=UTC)),
        ("2026-12-01T09:00-05:00", datetime(2026, 12, 1, 14, 0, tzinfo=UTC)),
    ],
)
def test_an_end_is_read_in_the_members_zone(typed: str, expected: datetime | None) -> None:
    assert until_of({"until": typed}, VIENNA, NOW) == expected
    assert until_of({}, VIENNA, NOW) is None


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("tomorrow", "Write the end as a day"),
        ("2026-13-01", "Write the end as a day"),
        ("2026-11-20T13:00", "must be in the future"),
        ("0001-01-01", "must be in the future"),
        ("9999-12-31T23:59", "within ten years"),
    ],
)
def test_an_end_that_is_none_is_refused_with_a_sentence(typed: str, sentence: str) -> None:
    with pytest.raises(ActionRefusedError, match=sentence) as refused:
        until_of({"until": typed}, VIENNA, NOW)
    assert refused.value.field == "until"


@given(st.text(max_size=40), st.sampled_from(["UTC", "Pacific/Kiritimati", "America/New_York"]))
def test_whatever_is_typed_as_an_end_is_read_or_refused(typed: str, zone: str) -> None:
    try:
        until = until_of({"until": typed}, ZoneInfo(zone), NOW)
    except ActionRefusedError:
        return
    assert until is None or until > NOW
    assert moment_of(stored(until)) == until


def test_a_reason_is_needed_for_what_others_will_ask_about() -> None:
    assert {Kind.HOLD, Kind.RELEASE, Kind.INTERVAL, Kind.SILENCE} == REASON_NEEDED
    for kind in Kind:
        if kind in REASON_NEEDED:
            with pytest.raises(ActionRefusedError, match="Write why"):
                reason_of(kind, {"reason": " \x00 "})
        else:
            assert reason_of(kind, {}) == ""


def test_a_reason_may_have_500_characters() -> None:
    assert reason_of(Kind.HOLD, {"reason": f"  {'x' * 500} "}) == "x" * 500
    with pytest.raises(ActionRefusedError, match="500 characters") as refused:
        reason_of(Kind.SYNC, {"reason": "x" * 501})
    assert refused.value.field == "reason"


@pytest.mark.parametrize("given_", [{}, {"due_on": ""}])
def test_a_day_may_be_left_out(given_: dict[str, Any]) -> None:
    assert day_of(given_, "due_on") is None


def test_a_day_is_read_or_refused() -> None:
    assert day_of({"due_on": "2026-12-01"}, "due_on") == date(2026, 12, 1)
    with pytest.raises(ActionRefusedError, match="like 2027-01-31"):
        day_of({"due_on": "soon"}, "due_on")
