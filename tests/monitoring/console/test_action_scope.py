"""Whom the parameters of a link or form mean; what makes no sense never means more people."""

from __future__ import annotations

import string
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import Http404, QueryDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.access import Access, access_for
from accounts.models import PUNCTUATION, Person
from monitoring.actions.models import Action, ActionPerson, Kind, Origin, PersonState
from monitoring.console.action_scope import Scope, ScopeRefusedError, number_in, scope_of
from tests.factories import NOW, make_member
from tests.monitoring.console.conftest import Cast
from tests.monitoring.console.incident_makers import make_hits, make_incident, some_hits
from tests.monitoring.console.makers import make_healthy, make_unwell
from tests.monitoring.console.test_saved_views import make_view


@pytest.fixture
def access(cast: Cast) -> Access:
    return access_for(cast.admin, "acme")


def scope(access: Access, **parameters: Any) -> Scope:
    return scope_of(access, QueryDict(urlencode(parameters, doseq=True)))


def ids(found: Scope) -> set[int]:
    return set(found.people.values_list("pk", flat=True))


def refusal(access: Access, **parameters: Any) -> str:
    with pytest.raises(ScopeRefusedError) as refused:
        scope(access, **parameters)
    return str(refused.value)


def test_one_person_is_meant_by_name(cast: Cast, access: Access) -> None:
    ada = make_healthy(cast.acme, name="Ada Lovelace")
    found = scope(access, scope="person", person=ada.pk)
    assert (ids(found), found.origin, found.words) == ({ada.pk}, Origin.PERSON, "Ada Lovelace")
    assert found.person == ada


def test_people_of_another_organization_are_not_there(cast: Cast, access: Access) -> None:
    theirs = make_healthy(cast.globex)
    for number in (theirs.pk, "nonsense", 2**70, "", "-1"):
        with pytest.raises(Http404):
            scope(access, scope="person", person=number)


def test_of_those_picked_strangers_are_counted_apart(cast: Cast, access: Access) -> None:
    ours = [make_healthy(cast.acme).pk, make_healthy(cast.acme).pk]
    picked = [*ours, ours[0], make_healthy(cast.globex).pk, "x"]
    found = scope(access, scope="selection", person=picked)
    assert ids(found) == set(ours)
    assert (found.elsewhere, found.origin_query) == (2, "elsewhere=2")
    assert found.words == "2 people picked one by one"
    assert scope(access, scope="selection", person=ours).origin_query == ""


def test_nobody_picked_is_refused(cast: Cast, access: Access) -> None:
    theirs = make_healthy(cast.globex)
    assert "Nobody is chosen." in refusal(access, scope="selection")
    assert "Nobody of those chosen" in refusal(access, scope="selection", person=theirs.pk)


def test_a_filter_means_those_the_list_shows(cast: Cast, access: Access) -> None:
    make_healthy(cast.acme)
    sick = make_unwell(cast.acme, "stalled", "google-access-revoked", team="Sales")
    make_unwell(cast.globex, "stalled", "google-access-revoked", team="Sales")
    query = "status=stalled&cause=google-access-revoked&q=person&team=Sales&sort=-person&page=3"
    found = scope(access, scope="filter", filter=query)
    assert ids(found) == {sick.pk}
    assert (found.origin, found.origin_query) == (Origin.FILTER, query)
    assert found.words.startswith("all who match search: “person”; status: Needs attention; reason")
    assert "google-access" not in found.words


def test_the_address_of_a_saved_view_means_those_of_its_list(cast: Cast, access: Access) -> None:
    make_healthy(cast.acme)
    sick = make_unwell(cast.acme, "stalled", "silent")
    view = make_view(cast.admin)
    found = scope(access, scope="filter", filter=f"view={view.pk}")
    assert (ids(found), found.origin_query) == ({sick.pk}, "status=stalled")
    assert found.words == "all who match status: Needs attention"
    theirs = make_view(make_member(cast.acme).user)
    for number in (theirs.pk, view.pk + 99, "x", ""):
        assert "is not shared with you" in refusal(access, scope="filter", filter=f"view={number}")


def test_an_empty_filter_means_everybody_and_says_so(cast: Cast, access: Access) -> None:
    ours = make_healthy(cast.acme)
    make_healthy(cast.globex)
    found = scope(access, scope="filter", filter="")
    assert (ids(found), found.words) == ({ours.pk}, "everybody in Acme")


@pytest.mark.parametrize(
    "query",
    [
        "status=nonsense",
        "error=abc",
        "staus=stalled",
        "status=stalled&cuase=x",
        "status=stalled&status=healthy",
        "q=%00",
        "q=%1F",
        "q=%20",
        "team=%20",
        "team=" + "x" * 101,
        "q=" + "x" * 2_000,
        "&".join("q=x" for _ in range(1_001)),
    ],
)
def test_a_filter_that_makes_no_sense_never_widens_the_set(
    cast: Cast, access: Access, query: str
) -> None:
    make_healthy(cast.acme)
    assert "Go back to People" in refusal(access, scope="filter", filter=query)


anything = st.text(max_size=5) | st.text(PUNCTUATION + string.whitespace + "\x1f", max_size=5)


@pytest.fixture
def zz(cast: Cast) -> Person:
    return make_healthy(cast.acme, name="ZZ", email="zz@zz.zz")


@pytest.mark.usefixtures("zz")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(anything.filter(bool))
def test_no_search_finds_who_has_none_of_its_words(access: Access, words: str) -> None:
    try:
        found = scope(access, scope="filter", filter=urlencode({"q": words}))
    except ScopeRefusedError:
        return
    assert not ids(found) or "z" in words.lower()


@pytest.mark.parametrize("parameters", [{}, {"scope": "all"}, {"scope": "filter"}])
def test_who_is_meant_has_to_be_said(access: Access, parameters: dict[str, str]) -> None:
    assert "does not say who is meant" in refusal(access, **parameters)


def test_an_incident_means_those_hit_without_a_good_run_since(cast: Cast, access: Access) -> None:
    incident = make_incident(cast.acme)
    people = [make_healthy(cast.acme) for _ in range(3)]
    make_hits(incident, people)
    some_hits(incident, 1, recovered_at=NOW)
    found = scope(access, scope="incident", incident=incident.pk)
    assert len(ids(found)) == 2
    assert (found.origin, found.origin_query) == (Origin.INCIDENT, str(incident.pk))
    assert found.words == (
        "all hit by the Salesforce incident of 10:00 who have had no good run since"
    )
    theirs = make_incident(cast.globex)
    for number in (theirs.pk, "", 2**70):
        with pytest.raises(Http404):
            scope(access, scope="incident", incident=number)


def make_action(cast: Cast, people: list[Person], states: list[PersonState]) -> Action:
    action = Action.objects.create(
        organization=cast.acme,
        kind=Kind.HOLD,
        origin=Origin.SELECTION,
        author=cast.admin,
        author_name="Casey",
        created_at=NOW,
        people=len(people),
    )
    for person, state in zip(people, states, strict=True):
        ActionPerson.objects.create(
            action=action,
            organization=cast.acme,
            person=person,
            state=state,
            status="healthy",
        )
    return action


def test_another_action_means_its_people_or_those_of_one_result(cast: Cast, access: Access) -> None:
    people = [make_healthy(cast.acme) for _ in range(2)]
    action = make_action(cast, people, [PersonState.DONE, PersonState.FAILED])
    found = scope(access, scope="action", action=action.pk, state=4)
    assert ids(found) == {people[1].pk}
    assert found.words == "people of “Hold” by Casey, of whom it says: failed"
    again = QueryDict("scope=action&" + found.origin_query)
    assert ids(scope_of(access, again)) == {people[1].pk}
    assert len(ids(scope(access, scope="action", action=action.pk))) == 2
    assert "a result that there is not" in refusal(
        access, scope="action", action=action.pk, state=9
    )


def test_an_action_of_another_organization_is_not_there(cast: Cast, access: Access) -> None:
    action = make_action(cast, [], [])
    Action.objects.update(organization=cast.globex)
    for number in (action.pk, ""):
        with pytest.raises(Http404):
            scope(access, scope="action", action=number)


@settings(max_examples=50)
@given(st.text(max_size=30) | st.integers().map(str))
def test_a_number_is_an_id_or_none(text: str) -> None:
    number = number_in(text)
    assert number is None or (0 < number < 2**63 and number == int(text))
