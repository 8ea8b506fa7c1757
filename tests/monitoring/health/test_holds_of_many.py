from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import Person
from monitoring.health.holds import holds_end, holds_place, holds_release
from monitoring.health.models import Health, Hold, HoldAuthor, Transition
from tests.factories import NOW, make_person, make_user

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


def test_a_hold_that_has_ended_is_not_lifted() -> None:
    person = make_person()
    placed = place([person.pk], ends_at=LATER)
    assert holds_release(holds=placed.values(), author=make_user(), now=LATER) == {}


@pytest.mark.parametrize("ends_at", [None, LATER])
def test_many_who_come_back_are_due_one_after_the_other(ends_at: datetime | None) -> None:
    people = [make_person() for _ in range(40)]
    Health.objects.update(runs_here=True, awaiting_since=NOW)
    placed = place([person.pk for person in people], ends_at=ends_at)
    if ends_at is None:
        spread = timedelta(seconds=10)
        holds_release(holds=placed.values(), author=make_user(), now=LATER, spread=spread)
    else:
        assert holds_end(now=LATER) == 40
    due = sorted(Health.objects.values_list("next_due", flat=True))
    assert LATER <= due[0] <= due[-1] <= LATER + timedelta(seconds=10)
    assert max(later - sooner for sooner, later in pairwise(due)) < timedelta(seconds=5)
    assert len(set(due)) > 30


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
