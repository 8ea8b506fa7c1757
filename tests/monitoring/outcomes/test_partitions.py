from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from monitoring.outcomes import partitions
from monitoring.outcomes.append import outcomes_append
from monitoring.outcomes.identifiers import attempt_id_at, first_id_at
from monitoring.outcomes.models import AppendOnlyError, Outcome
from monitoring.outcomes.partitions import (
    DEFAULT,
    ends_before,
    partitions_drop,
    partitions_ensure,
    spans,
)
from tests.factories import NOW

DAY = timedelta(days=1)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis adds the zone


@given(moments, st.integers(0, 400), st.integers(1, 40))
def test_spans_cover_a_stretch_of_time_without_gap_or_overlap(
    start: datetime, days: int, width: int
) -> None:
    end = start + timedelta(days=days)
    covered = spans(start, end, width)
    assert covered[0].start <= start
    assert covered[-1].end > end
    assert all(a.end == b.start for a, b in pairwise(covered))
    # The same grid whenever it is asked for: two ticks never make overlapping partitions.
    assert spans(end, end, width)[0] in covered


def row(attempt_id: Any, person: int = 1) -> tuple[Any, ...]:
    return (attempt_id, 1, person, "schedule", NOW, NOW, NOW, "success", *[None] * 7)


def partition_of(attempt_id: Any) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text FROM outcomes_outcome WHERE attempt_id = %s",
            [attempt_id],
        )
        return cursor.fetchone()[0]


@pytest.mark.django_db
def test_an_outcome_lands_in_the_partition_of_its_time() -> None:
    assert partitions_ensure(NOW, since=NOW - timedelta(days=20)) >= 7
    assert partitions_ensure(NOW, since=NOW - timedelta(days=20)) == 0
    now, earlier = attempt_id_at(NOW), attempt_id_at(NOW - timedelta(days=15))
    outcomes_append([row(now), row(earlier)])
    assert partition_of(now) != partition_of(earlier)
    assert DEFAULT not in {partition_of(now), partition_of(earlier)}


@pytest.mark.django_db
def test_ids_without_a_time_are_kept_and_unique_all_the_same() -> None:
    partitions_ensure(NOW)
    attempt_id = uuid4()
    assert outcomes_append([row(attempt_id)]) == {attempt_id}
    assert outcomes_append([row(attempt_id)]) == set()
    assert partition_of(attempt_id) == DEFAULT


@pytest.mark.django_db
def test_rows_that_came_before_their_partition_move_into_it() -> None:
    early, other = attempt_id_at(NOW), uuid4()
    outcomes_append([row(early), row(other)])
    assert partition_of(early) == DEFAULT
    partitions_ensure(NOW)
    assert partition_of(early) != DEFAULT
    assert partition_of(other) == DEFAULT
    assert Outcome.objects.count() == 2
    with pytest.raises(Exception, match="append-only"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM outcomes_outcome_other")


@pytest.mark.django_db
def test_retention_drops_whole_partitions_that_have_ended() -> None:
    partitions_ensure(NOW, since=NOW - timedelta(days=60))
    old, new = attempt_id_at(NOW - timedelta(days=55)), attempt_id_at(NOW)
    outcomes_append([row(old), row(new)])
    assert partitions_drop(NOW - timedelta(days=30))
    assert [o.attempt_id for o in Outcome.objects.all()] == [new]
    assert partitions_drop(NOW - timedelta(days=30)) == []


@pytest.mark.django_db
def test_retention_goes_by_a_partitions_own_bounds_whatever_the_setting_is_now(
    settings: Any,
) -> None:
    settings.OUTCOME_PARTITION_DAYS = 30
    partitions_ensure(NOW)
    attempt_id = attempt_id_at(NOW)
    outcomes_append([row(attempt_id)])
    settings.OUTCOME_PARTITION_DAYS = 1
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {partition_of(attempt_id)} RENAME TO named_by_somebody_else")
    partitions_drop(NOW)
    assert Outcome.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("before", "after"), [(7, 1), (1, 7), (7, 30), (30, 7)])
def test_the_width_of_partitions_may_change_at_any_time(
    settings: Any, before: int, after: int
) -> None:
    settings.OUTCOME_PARTITION_DAYS = before
    partitions_ensure(NOW, since=NOW - timedelta(days=20))
    settings.OUTCOME_PARTITION_DAYS = after
    later = NOW + timedelta(days=200)
    partitions_ensure(NOW + timedelta(days=10))
    partitions_ensure(later)
    assert partitions_ensure(later) == 0
    for moment in (NOW, later):
        attempt_id = attempt_id_at(moment)
        outcomes_append([row(attempt_id)])
        assert partition_of(attempt_id) != DEFAULT


@pytest.mark.parametrize(
    ("bound", "ended"),
    [
        ("DEFAULT", False),
        (f"FOR VALUES FROM ('{first_id_at(NOW)}') TO ('{first_id_at(NOW + DAY)}')", False),
        (f"FOR VALUES FROM ('{first_id_at(NOW - DAY)}') TO ('{first_id_at(NOW)}')", True),
    ],
)
def test_a_partition_has_ended_at_its_upper_bound(bound: str, ended: bool) -> None:
    assert ends_before(bound, NOW) is ended


@pytest.mark.django_db(transaction=True)
def test_a_partition_that_is_being_read_is_left_for_the_next_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(partitions, "PATIENCE", timedelta(milliseconds=100))
    partitions_ensure(NOW - timedelta(days=60))
    with psycopg.connect(**reader_of(connection)) as reader:
        reader.execute("SELECT FROM outcomes_outcome LIMIT 1")
        assert partitions_drop(NOW) == []
    assert partitions_drop(NOW)


def reader_of(wrapper: Any) -> dict[str, Any]:
    """Return how to connect to the test's database beside the test's own connection."""
    names = ("host", "port", "dbname", "user", "password")
    given = wrapper.get_connection_params()
    return {name: given[name] for name in names if given.get(name)}


@pytest.mark.django_db
def test_the_model_refuses_to_write_change_or_delete() -> None:
    outcomes_append([row(attempt_id_at(NOW))])
    outcome = Outcome.objects.get()
    for forbidden in (
        outcome.save,
        outcome.delete,
        Outcome.objects.all().delete,
        lambda: Outcome.objects.update(result="lost"),
    ):
        with pytest.raises(AppendOnlyError):
            forbidden()
