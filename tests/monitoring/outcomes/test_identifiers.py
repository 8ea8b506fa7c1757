from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from monitoring.outcomes.identifiers import attempt_id_at, first_id_at

moments = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis adds the zone


@given(moments, st.integers(0, 2**32))
def test_an_id_is_a_uuid7_of_its_moment(moment: datetime, seed: int) -> None:
    made = attempt_id_at(moment, Random(seed))
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert first_id_at(moment) <= made < first_id_at(moment + timedelta(milliseconds=1))
    assert made == attempt_id_at(moment, Random(seed))


def test_two_ids_of_one_moment_differ() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert len({attempt_id_at(moment) for _ in range(100)}) == 100
