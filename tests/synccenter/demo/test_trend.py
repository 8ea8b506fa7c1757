from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from monitoring.health.models import StatusSample, Transition
from monitoring.health.samples import EVERY, is_kept
from synccenter.demo.trend import Move, samples_of, trend_record
from tests.factories import NOW, make_organization, make_person
from tests.monitoring.console.makers import make_healthy
from tests.monitoring.console.makers import transition as change

GROUPS = ("healthy", "degraded", "stalled")
SINCE = NOW - timedelta(days=10)
HOUR = timedelta(hours=1)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 14_000), st.sampled_from(GROUPS)), max_size=4),
        min_size=1,
        max_size=5,
    )
)
def test_everybody_is_in_one_group_at_every_time(courses: list[list[tuple[int, str]]]) -> None:
    moves = []
    for course in courses:
        group = None
        for minutes, after in [(0, "degraded"), *sorted(course)]:
            moves.append(Move(SINCE + timedelta(minutes=minutes), 1, group, after))
            group = after
    moves.sort(key=lambda move: move.at)
    people: defaultdict[datetime, Counter[str]] = defaultdict(Counter)
    for _, at, group, number in samples_of(moves, SINCE, NOW, NOW):
        people[at][group] = number
    assert {sum(groups.values()) for groups in people.values()} == {len(courses)}
    assert all(SINCE < at <= NOW and is_kept(at, NOW) for at in people)
    assert max(people) == NOW
    last = Counter(sorted(course)[-1][1] if course else "degraded" for course in courses)
    assert people[NOW] == last


@pytest.mark.django_db
def test_the_past_is_noted_as_it_went() -> None:
    acme = make_organization()
    person = make_healthy(acme)
    make_person(acme)
    Transition.objects.bulk_create(
        [
            change(person, NOW - 3 * HOUR, to_status="stalled"),
            change(person, NOW - HOUR, from_status="stalled"),
        ]
    )
    with transaction.atomic():
        for since, until in ((NOW - 5 * HOUR, NOW - 2 * HOUR), (NOW - 2 * HOUR, NOW)):
            trend_record([acme.pk], since=since, until=until, now=NOW)
    found = StatusSample.objects.filter(group__in=GROUPS).order_by("at")
    assert [sample.group for sample in found] == ["healthy"] * 3 + ["stalled"] * 4 + ["healthy"] * 3
    assert found[0].at == NOW - 5 * HOUR + EVERY
    apart = StatusSample.objects.filter(group="never_connected")
    assert {sample.people for sample in apart} == {1}
