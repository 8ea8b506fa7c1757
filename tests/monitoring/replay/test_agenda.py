from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitoring.replay.agenda import Agenda
from tests.factories import NOW

MOMENTS = st.integers(0, 30)
STEPS = st.lists(
    st.tuples(st.just("put"), st.integers(1, 5), st.none() | MOMENTS)
    | st.tuples(st.just("take"), st.just(0), MOMENTS),
    max_size=60,
)


def at(minute: int | None) -> datetime | None:
    return None if minute is None else NOW + timedelta(minutes=minute)


@given(STEPS)
def test_it_takes_out_what_a_plain_table_would(steps: list[tuple[str, int, int | None]]) -> None:
    agenda, table = Agenda(), {}
    for verb, person_id, minute in steps:
        if verb == "put":
            agenda.put(person_id, at(minute))
            table[person_id] = at(minute)
            continue
        now = at(minute)
        due = sorted((when, each) for each, when in table.items() if when and when <= now)
        assert agenda.take_due(now) == [each for _, each in due]
        table = {each: when for each, when in table.items() if when and when > now}


@given(STEPS)
def test_nobody_is_due_before_the_earliest_moment(
    steps: list[tuple[str, int, int | None]],
) -> None:
    agenda = Agenda()
    for verb, person_id, minute in steps:
        if verb == "put":
            agenda.put(person_id, at(minute))
    earliest = agenda.earliest
    if earliest is not None:
        assert agenda.take_due(earliest - timedelta(seconds=1)) == []
    else:
        assert agenda.take_due(NOW + timedelta(days=1)) == []
