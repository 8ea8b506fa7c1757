from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from pytest_django import DjangoAssertNumQueries

from accounts.access import Access
from accounts.models import Organization, Role
from monitoring.actions.deeds import ActionRefusedError
from monitoring.actions.models import Action, ActionPerson, ActionState, Kind, Origin, PersonState
from monitoring.actions.previews import action_preview
from monitoring.actions.reading import (
    LeftOutGroup,
    PreviewGroup,
    code_groups,
    left_out_groups,
    people_counts,
    preview_groups,
    seconds_needed,
)
from monitoring.health.models import Health, Hold
from tests.factories import NOW, make_person
from tests.monitoring.actions.makers import (
    make_access,
    make_action,
    make_hold,
    make_people,
    make_preview,
    results,
)


def test_a_preview_freezes_whom_it_would_be_done_to_and_does_nothing(access: Access) -> None:
    people = make_people(access.organization, 3)
    make_person(access.organization)
    make_hold(people[0], access.user)
    Health.objects.filter(person=people[1]).update(status="stalled", cause="silent")
    action = make_preview(access, people)
    assert (action.state, action.people, action.left_out) == (ActionState.PREVIEW, 2, 1)
    assert action.people_known == 4
    assert (action.author, action.author_name) == (access.user, access.user.email)
    assert results(action) == {
        people[0].pk: (PersonState.LEFT_OUT, "held_already"),
        people[1].pk: (PersonState.WAITING, ""),
        people[2].pk: (PersonState.WAITING, ""),
    }
    member = ActionPerson.objects.get(person=people[1])
    assert (member.status, member.cause) == ("stalled", "silent")
    assert Hold.objects.count() == 1


def test_who_is_found_twice_is_in_it_once_and_whatever_order_was_asked_for(access: Access) -> None:
    (person,) = make_people(access.organization, 1)
    make_hold(person)
    make_hold(person)
    found = Health.objects.filter(person__holds__reason="Left").worst_first()
    assert found.count() == 2
    action = preview(access, found)
    assert (action.people, len(results(action))) == (1, 1)


def test_people_of_another_organization_are_never_in_it(access: Access) -> None:
    mine, other = make_person(access.organization), make_person()
    action = preview(access, Health.objects.all())
    assert list(results(action)) == [mine.pk]
    with pytest.raises(ActionRefusedError, match="Nobody is chosen"):
        preview(access, Health.objects.filter(person=other))
    assert Action.objects.count() == 1


def test_who_may_only_look_cannot_preview(acme: Organization) -> None:
    viewer = make_access(acme, Role.VIEWER)
    with pytest.raises(PermissionDenied):
        make_preview(viewer, make_people(acme, 1))


@pytest.mark.parametrize("kind", ["undo", "nonsense", ""])
def test_what_is_no_kind_of_action_is_refused(access: Access, kind: str) -> None:
    with pytest.raises(ActionRefusedError, match="Choose what to do") as refused:
        make_preview(access, make_people(access.organization, 1), kind)
    assert refused.value.field == "kind"


def test_nothing_is_left_of_a_preview_that_was_typed_wrong(access: Access) -> None:
    people = make_people(access.organization, 1)
    with pytest.raises(ActionRefusedError) as refused:
        make_preview(access, people, until="nonsense")
    assert refused.value.field == "until"
    with pytest.raises(ActionRefusedError, match="too long"):
        action_preview(
            access=access,
            kind=Kind.HOLD,
            people=Health.objects.all(),
            origin=Origin.FILTER,
            origin_query="q" * 2_001,
            given={"reason": "Why"},
            now=NOW,
        )
    assert not Action.objects.exists()


def test_a_preview_costs_the_same_number_of_statements_for_few_and_for_many(
    access: Access, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in (1, 30):
        people = make_people(access.organization, number)
        with django_assert_num_queries(7):
            make_preview(access, people)


def test_groups_tell_who_is_in_it_and_who_is_left_out(access: Access) -> None:
    people = make_people(access.organization, 4)
    make_hold(people[3], access.user)
    Health.objects.filter(person=people[0]).update(status="stalled", cause="silent")
    action = make_preview(access, people)
    assert preview_groups(action) == [
        PreviewGroup("degraded", "never_connected", 2),
        PreviewGroup("stalled", "silent", 1),
    ]
    assert left_out_groups(action) == [LeftOutGroup("held_already", 1)]
    counts = people_counts(action)
    assert set(counts) == set(PersonState)
    assert (counts[PersonState.WAITING], counts[PersonState.LEFT_OUT]) == (3, 1)


def test_a_result_is_grouped_by_its_code(access: Access) -> None:
    people = make_people(access.organization, 3)
    action = make_action(access, people, Kind.NOTE, text="Call them")
    ActionPerson.objects.filter(person=people[1]).update(state=PersonState.FAILED, code="broken")
    assert code_groups(action, PersonState.FAILED) == [LeftOutGroup("broken", 1)]


def test_how_long_it_takes_goes_by_the_pace(access: Access) -> None:
    assert seconds_needed(Kind.SYNC, 1_200) == 300
    assert seconds_needed(Kind.HOLD, 1_000) < 10


def preview(access: Access, people: QuerySet) -> Action:
    return action_preview(
        access=access,
        kind=Kind.HOLD,
        people=people,
        origin=Origin.FILTER,
        given={"reason": "Why"},
        now=NOW,
    )
