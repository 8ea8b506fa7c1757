from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import QueryDict
from django.test import Client

from accounts.access import access_for
from monitoring.console.action_scope import filter_words
from monitoring.console.filters import PeopleFilter
from monitoring.errors.inbox import unrecognised_note
from monitoring.errors.models import UnrecognisedError
from monitoring.health.models import Health, Policy
from tests.factories import NOW, make_connected_person
from tests.monitoring.console.conftest import Cast
from tests.monitoring.console.makers import make_held, make_unwell, set_health
from tests.monitoring.console.markup import text
from tests.monitoring.errors.makers import seen

ADDRESS = "/o/acme/people/"


def narrowed(cast: Cast, query: str | dict[str, str]) -> PeopleFilter:
    words = query if isinstance(query, str) else urlencode(query)
    return PeopleFilter(QueryDict(words), access=access_for(cast.admin, "acme"), now=NOW)


def names(people: PeopleFilter) -> list[str]:
    return list(people.qs.order_by("person__name").values_list("person__name", flat=True))


def failing(cast: Cast, name: str, signature: str, interpretation: str, **more: Any) -> None:
    health = {"last_signature": signature, "last_interpretation": interpretation} | more
    make_unwell(cast.acme, "degraded", "overdue", name=name, health=health)


def test_people_are_narrowed_by_who_refuses_them(cast: Cast) -> None:
    failing(cast, "Ada", "google 503 backend", "transient")
    failing(cast, "Alan", "googlesque 503", "transient")
    failing(cast, "Grace", "service - lost", "transient")
    make_unwell(cast.acme, "stalled", "silent", name="Silent")
    assert names(narrowed(cast, "provider=google")) == ["Ada"]
    assert names(narrowed(cast, "provider=service")) == ["Grace"]
    assert names(narrowed(cast, "provider=network")) == []


def test_people_are_narrowed_by_the_kind_of_their_last_error(cast: Cast) -> None:
    failing(cast, "Ada", "google 400 revoked", "needs_user")
    failing(cast, "Alan", "salesforce 400", "needs_admin")
    set_health(make_connected_person(cast.acme, name="Well"), last_interpretation=None)
    assert names(narrowed(cast, "interpretation=needs_user")) == ["Ada"]
    assert names(narrowed(cast, "interpretation=client_bug")) == []


def test_a_lowered_interval_is_above_the_persons_own_usual_one(cast: Cast) -> None:
    failing(cast, "Lowered", "google 503", "transient", interval=14_400)
    failing(cast, "Usual", "google 503", "transient")
    failing(cast, "Own", "google 503", "transient", interval=14_400, own_interval=14_400)
    failing(cast, "Above own", "google 503", "transient", interval=7_200, own_interval=3_600)
    assert names(narrowed(cast, "slowed=on")) == ["Above own", "Lowered"]
    Policy.objects.create(organization=cast.acme, base_interval=14_400)
    assert names(narrowed(cast, "slowed=on")) == ["Above own"]


def test_who_is_off_with_a_lowered_interval_is_found_too(cast: Cast) -> None:
    held = make_held(cast.acme, name="Held")
    Health.objects.filter(person=held).update(interval=28_800)
    assert names(narrowed(cast, "slowed=on")) == ["Held"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "status=stalled",
        "q=ada&team=Sales&sort=-person&per=100&page=3&columns=team&columns=deed&view=4",
        "provider=google&interpretation=transient&slowed=on",
        "status=&q=",
    ],
)
def test_an_address_of_the_page_is_sound(cast: Cast, query: str) -> None:
    assert narrowed(cast, query).is_sound


@pytest.mark.parametrize(
    "query",
    [
        "status=nonsense",
        "provider=yahoo",
        "interpretation=bad",
        "slowed=off",
        "error=x",
        "stauts=stalled",
        "status=stalled&status=healthy",
        "status=stalled&cause=%00",
    ],
)
def test_an_address_that_means_more_than_it_says_is_not_sound(cast: Cast, query: str) -> None:
    assert not narrowed(cast, query).is_sound


def test_the_same_people_are_found_by_the_query_of_a_filter(cast: Cast) -> None:
    failing(cast, "Ada", "google 400 revoked", "needs_user")
    failing(cast, "Alan", "salesforce 400", "needs_admin")
    first = narrowed(cast, "interpretation=needs_user&q=&sort=-person&per=25&page=9&columns=team")
    assert first.query == "interpretation=needs_user"
    again = narrowed(cast, first.query)
    assert again.is_sound
    assert names(again) == names(first) == ["Ada"]


@pytest.mark.parametrize("name", ["provider", "interpretation", "slowed"])
def test_a_choice_that_makes_no_sense_is_named_and_left_out(
    cast: Cast, admin_client: Client, name: str
) -> None:
    make_unwell(cast.acme, "stalled", "silent", name="Ada")
    response = admin_client.get(ADDRESS, {name: "nonsense"})
    assert len(response.context["rows"]) == 1
    assert len(response.context["ignored"]) == 1
    assert response.context["bulk"]["filter"] is None


def test_an_unrecognised_error_is_called_by_its_signature(cast: Cast, admin_client: Client) -> None:
    ada = make_unwell(cast.acme, "degraded", "unrecognised", name="Ada")
    unrecognised_note([seen(cast.acme, ada.pk, signature="google 418 teapot")])
    unrecognised_note([seen(cast.globex, ada.pk, signature="their secret")])
    ours, theirs = UnrecognisedError.objects.order_by("pk").values_list("pk", flat=True)
    response = admin_client.get(ADDRESS, {"error": ours})
    assert [row.name for row in response.context["rows"]] == ["Ada"]
    assert "Unrecognised error: google 418 teapot" in text(response)
    words = filter_words(access_for(cast.admin, "acme"), narrowed(cast, f"error={ours}"))
    assert words == "all who match unrecognised error: “google 418 teapot”"
    strange = text(admin_client.get(ADDRESS, {"error": theirs}))
    assert "Unrecognised error: one that is not there any more" in strange


def test_a_team_is_found_in_whichever_case_it_is_typed(cast: Cast) -> None:
    for name, team in (("Ada", "Sales"), ("Alan", "SALES"), ("Grace", "Sales EMEA")):
        make_unwell(cast.acme, "stalled", "silent", name=name, team=team)
    assert names(narrowed(cast, "team=sales")) == ["Ada", "Alan"]
    assert names(narrowed(cast, "team=Sal")) == []
    assert names(narrowed(cast, "team=SALES")) == ["Alan"]
