from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.models import Person
from monitoring.health.holds import holds_end, holds_place, holds_release
from monitoring.health.models import Health, Hold, HoldAuthor, Transition
from monitoring.health.returning import return_waits
from tests.factories import NOW, make_organization, make_person, make_user

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


def place(people: list[int], reason: str = "Moving", **overrides: object) -> dict[int, int]:
    fields: dict[str, object] = {
        "people": people,
        "author_kind": HoldAuthor.MEMBER,
        "author": make_user(),
        "author_name": "Casey",
        "reason": reason,
        "now": NOW,
    }
    return holds_place(**fields | overrides)  # type: ignore[arg-type]


def statuses(people: list[Person]) -> list[str]:
    rows = Health.objects.filter(person__in=people).order_by("person")
    return list(rows.values_list("status", flat=True))


def test_each_gets_a_hold_and_a_transition_and_who_is_gone_none() -> None:
    people = [make_person() for _ in range(3)]
    ids = [person.pk for person in people]
    placed = place([*ids, ids[-1] + 1_000])
    holds = Hold.objects.in_bulk(placed.values())
    assert {hold.person_id: hold.pk for hold in holds.values()} == placed
    assert sorted(placed) == ids
    assert [holds[placed[person.pk]].organization_id for person in people] == [
        person.organization_id for person in people
    ]
    assert statuses(people) == ["disabled"] * 3
    assert Transition.objects.filter(to_status="disabled").count() == 3


def test_exactly_the_holds_given_are_lifted_and_only_once() -> None:
    people = [make_person() for _ in range(3)]
    ids = [person.pk for person in people]
    first, second = place(ids), place(ids[:1], "Another reason")
    user = make_user()
    lifted = holds_release(holds=[first[ids[0]], first[ids[1]]], author=user, now=LATER)
    assert lifted == {first[ids[0]]: ids[0], first[ids[1]]: ids[1]}
    assert holds_release(holds=list(lifted), author=user, now=LATER) == {}
    assert statuses(people) == ["disabled", "degraded", "disabled"]
    assert Health.objects.get(person=ids[0]).hold_id == second[ids[0]]
    hold = Hold.objects.get(pk=first[ids[1]])
    assert (hold.released_at, hold.released_by) == (LATER, user)


def test_a_hold_is_lifted_until_its_end_is_carried_out() -> None:
    person = make_person()
    placed = place([person.pk], ends_at=LATER)
    assert holds_release(holds=placed.values(), author=make_user(), now=LATER)
    assert statuses([person]) == ["degraded"]
    placed = place([person.pk], ends_at=LATER)
    assert holds_end(now=LATER) == 1
    assert holds_release(holds=placed.values(), author=make_user(), now=LATER) == {}


def test_a_hold_of_a_later_moment_that_was_committed_before_is_seen() -> None:
    person = make_person()
    first = place([person.pk])
    second = place([person.pk], now=LATER + timedelta(seconds=1))
    holds_release(holds=first.values(), author=make_user(), now=LATER)
    assert Health.objects.get(person=person).hold_id == second[person.pk]


def make_returning(number: int, **overrides: object) -> tuple[list[int], dict[int, int]]:
    """Hold people of one organization who were synced before; return their ids and holds."""
    organization = make_organization()
    ids = [make_person(organization).pk for _ in range(number)]
    Health.objects.filter(person__in=ids).update(runs_here=True, awaiting_since=NOW)
    return ids, place(ids, **overrides)


def seconds_due(people: list[int], since: datetime) -> list[float]:
    due = Health.objects.filter(person__in=people).values_list("next_due", flat=True)
    return sorted((moment - since).total_seconds() for moment in due)


@pytest.mark.parametrize("ends_at", [None, LATER])
def test_many_who_come_back_are_due_one_after_the_other(
    ends_at: datetime | None, settings: Any
) -> None:
    settings.ACTION_PEOPLE_PER_SECOND = 5
    people, placed = make_returning(40, ends_at=ends_at)
    if ends_at is None:
        holds_release(holds=placed.values(), author=make_user(), now=LATER)
    else:
        assert holds_end(now=LATER) == 40
    assert seconds_due(people, LATER) == [place / 5 for place in range(40)]


def test_who_is_let_go_later_comes_behind_who_is_still_coming_back(settings: Any) -> None:
    settings.ACTION_PEOPLE_PER_SECOND = 5
    people, _ = make_returning(60, ends_at=LATER)
    now = LATER
    while holds_end(now=now, limit=6):
        now += timedelta(seconds=0.3)
    others = make_returning(1)[1]
    holds_release(holds=others.values(), author=make_user(), now=now)
    due = seconds_due(people, LATER)
    gaps = [later - sooner for sooner, later in pairwise(due)]
    # Six each 0.3 seconds would be twenty a second.
    assert min(gaps) == pytest.approx(0.2)
    assert due[-1] == pytest.approx(60 / 5, abs=0.5)


def test_who_has_synced_since_or_is_kept_away_by_the_provider_keeps_nobody_waiting() -> None:
    people, placed = make_returning(4, ends_at=LATER)
    later = make_person(Person.objects.get(pk=people[0]).organization).pk
    Health.objects.filter(person=later).update(runs_here=True, awaiting_since=NOW)
    last = place([later])
    away = LATER + timedelta(hours=5)
    Health.objects.filter(person=people[0]).update(not_before=away)
    assert holds_end(now=LATER) == len(placed)
    Health.objects.filter(person=people[3]).update(
        last_attempt_at=LATER + timedelta(seconds=1), expected_at=away
    )
    holds_release(holds=last.values(), author=make_user(), now=LATER)
    # Behind the third, whose turn is half a second away.
    assert seconds_due([later], LATER) == [0.75]


def test_organizations_do_not_wait_for_each_other() -> None:
    people = [person for _ in range(5) for person in make_returning(1, ends_at=LATER)[0]]
    holds_end(now=LATER)
    assert seconds_due(people, LATER) == [0] * 5


def test_one_who_is_let_go_alone_is_due_at_once() -> None:
    make_returning(40, ends_at=LATER)
    holds_end(now=LATER)
    one, placed = make_returning(1)
    holds_release(holds=placed.values(), author=make_user(), now=LATER, at_once=True)
    assert seconds_due(one, LATER) == [0]


@given(
    st.dictionaries(st.integers(1, 50), st.integers(1, 3)),
    st.dictionaries(st.integers(1, 3), st.floats(0, 9)),
    st.floats(0.1, 100),
)
def test_of_an_organization_one_comes_back_at_a_time(
    people: dict[int, int], before: dict[int, float], rate: float
) -> None:
    waits = return_waits(people, before, rate)
    assert waits.keys() == people.keys()
    for organization in set(people.values()):
        mine = sorted(
            waits[person].total_seconds() * rate
            for person in people
            if people[person] == organization
        )
        first = before.get(organization, 0) * rate
        assert mine == pytest.approx([first + place for place in range(len(mine))], abs=0.01)


def test_many_cost_as_many_statements_as_one(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    user = make_user()
    for number in (1, 20):
        ids = [make_person().pk for _ in range(number)]
        place([make_person().pk])
        with django_assert_num_queries(11):
            placed = place(ids, author=user)
        with django_assert_num_queries(11):
            holds_release(holds=placed.values(), author=user, now=LATER)
