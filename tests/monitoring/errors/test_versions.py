from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.errors.interpretation import built_in_rules
from monitoring.errors.versions import (
    LAST_BUILT_IN,
    LAST_NUMBER,
    number_in,
    version_of,
    version_text,
)

BUILT_IN = st.integers(1, LAST_BUILT_IN)
NUMBER = st.integers(0, LAST_NUMBER)


@pytest.mark.parametrize(
    ("version", "text"),
    [(3, "3"), (3_000_042, "3.42"), (1_000_001, "1.1"), (12_999_999, "12.999999")],
)
def test_a_version_is_read_as_two_numbers(version: int, text: str) -> None:
    assert version_text(version) == text


@given(BUILT_IN, NUMBER)
def test_every_version_fits_the_log_and_tells_its_change(built_in: int, number: int) -> None:
    version = version_of(built_in, number)
    assert 0 < version < 2**31
    assert number_in(version) == number
    assert version_text(version) == (f"{built_in}.{number}" if number else str(built_in))


@given(BUILT_IN, NUMBER, NUMBER)
def test_a_later_change_makes_a_greater_version(built_in: int, one: int, other: int) -> None:
    assert (one < other) == (version_of(built_in, one) < version_of(built_in, other))


@pytest.mark.parametrize(
    ("built_in", "number"), [(0, 1), (LAST_BUILT_IN + 1, 0), (1, -1), (1, LAST_NUMBER + 1)]
)
def test_numbers_that_do_not_fit_are_refused(built_in: int, number: int) -> None:
    with pytest.raises(ValueError, match="no version has"):
        version_of(built_in, number)


def test_the_built_in_rules_have_room_for_changes() -> None:
    assert built_in_rules().version <= LAST_BUILT_IN
