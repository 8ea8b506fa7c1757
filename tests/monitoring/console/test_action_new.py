"""The forms of actions: what is asked, and the preview or the deed that comes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Person
from monitoring.actions.models import Action, ActionState, Kind, Origin, PersonState
from monitoring.health.models import Health, Hold
from tests.factories import NOW
from tests.monitoring.console.action_makers import ENDED, address, make_action
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.makers import make_healthy, make_held, make_many_healthy
from tests.monitoring.console.markup import markup, text

ADDRESS = "/o/acme/actions/new/"
HOLD = {"kind": "hold", "reason": "On leave", "ends": ""}


def pick(*people: Person, **fields: Any) -> dict[str, Any]:
    return HOLD | {"scope": "selection", "person": [person.pk for person in people]} | fields


def one(person: Person, **fields: Any) -> dict[str, Any]:
    return HOLD | {"scope": "person", "person": person.pk} | fields


def html(response: HttpResponse) -> str:
    return response.content.decode()


def test_the_form_says_to_whom_what_happens(cast: Cast, admin_client: Client) -> None:
    people = [make_healthy(cast.acme) for _ in range(3)]
    page = admin_client.get(ADDRESS, pick(*people, kind="hold"))
    said = text(page)
    for words in ("Hold 3 people", "3 people picked one by one", "Until somebody releases them"):
        assert words in said, words
    assert "Show what will happen" in said
    assert html(page).count('name="person"') == 3
    assert not Action.objects.exists()


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind != Kind.UNDO])
def test_every_kind_has_a_form(cast: Cast, admin_client: Client, kind: Kind) -> None:
    ada = make_healthy(cast.acme, name="Ada Lovelace")
    page = admin_client.get(ADDRESS, {"kind": kind, "scope": "person", "person": ada.pk})
    assert page.status_code == 200
    assert html(page).count("slds-button_brand") == 1
    assert "Ada Lovelace" in text(page)


@pytest.mark.parametrize("kind", ["undo", "nonsense", ""])
def test_no_other_kind_is_there(cast: Cast, admin_client: Client, kind: str) -> None:
    ada = make_healthy(cast.acme)
    assert admin_client.get(ADDRESS, one(ada, kind=kind)).status_code == 404


def test_a_post_makes_the_preview_and_does_nothing_yet(cast: Cast, admin_client: Client) -> None:
    people = [make_healthy(cast.acme) for _ in range(2)]
    response = admin_client.post(ADDRESS, pick(*people, make_held(cast.acme)))
    action = Action.objects.get()
    assert response.headers["Location"] == f"/o/acme/actions/{action.pk}/"
    assert (action.state, action.people, action.left_out) == (ActionState.PREVIEW, 2, 1)
    assert (action.kind, action.reason, action.origin) == ("hold", "On leave", Origin.SELECTION)
    assert not Health.objects.filter(person__in=people, status="disabled").exists()


def test_a_filter_is_frozen_with_its_words(cast: Cast, admin_client: Client) -> None:
    make_many_healthy(cast.acme, 4)
    admin_client.post(ADDRESS, HOLD | {"scope": "filter", "filter": "team=Sales"})
    action = Action.objects.get()
    assert (action.people, action.origin, action.origin_query) == (2, Origin.FILTER, "team=Sales")


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_filter_that_makes_no_sense_is_refused(
    cast: Cast, admin_client: Client, method: str
) -> None:
    make_many_healthy(cast.acme, 4)
    wrong = HOLD | {"scope": "filter", "filter": "status=nonsense"}
    response = getattr(admin_client, method)(ADDRESS, wrong)
    assert response.status_code == 400
    assert "The status in the address is not one there is" in text(response)
    assert not Action.objects.exists()


def test_what_is_refused_is_kept_as_it_was_typed(cast: Cast, admin_client: Client) -> None:
    people = [make_healthy(cast.acme) for _ in range(2)]
    wrong = pick(*people, reason="  ", ends="at", until="2020-01-01T10:00")
    response = admin_client.post(ADDRESS, wrong)
    assert response.status_code == 200
    assert "The end must be in the future." in text(response)
    assert 'value="2020-01-01T10:00"' in html(response)
    assert 'aria-invalid="true"' in html(response)
    both = admin_client.post(ADDRESS, pick(*people, ends="24", until="2026-12-01T10:00"))
    assert "or leave the time empty" in text(both)
    without_reason = admin_client.post(ADDRESS, pick(*people, reason=" "))
    assert "Write why, for whoever asks later." in text(without_reason)
    without_end = admin_client.post(ADDRESS, pick(*people, ends="at"))
    assert "Say until when." in text(without_end)
    assert not Action.objects.exists()


@pytest.mark.parametrize(
    ("fields", "until"),
    [
        ({"ends": ""}, None),
        ({"ends": "24"}, NOW + timedelta(hours=24)),
        ({"ends": "at", "until": "2026-11-21T09:30"}, NOW.replace(day=21, hour=8, minute=30)),
        # As the address of a link may have it, without the choice of the form.
        ({"ends": None, "until": "2026-11-21T09:30"}, NOW.replace(day=21, hour=8, minute=30)),
    ],
)
def test_the_end_is_a_span_or_a_time_of_the_members_zone(
    cast: Cast, admin_client: Client, fields: dict[str, Any], until: Any
) -> None:
    ada = make_healthy(cast.acme)
    given = {name: value for name, value in one(ada, **fields).items() if value is not None}
    admin_client.post(ADDRESS, given)
    assert Hold.objects.get().ends_at == until


def test_one_person_is_done_at_once(cast: Cast, admin_client: Client) -> None:
    ada = make_healthy(cast.acme, name="Ada Lovelace")
    response = admin_client.post(ADDRESS, one(ada), follow=True)
    assert response.redirect_chain == [(f"/o/acme/people/{ada.pk}/", 302)]
    assert "held: nothing is synced until somebody releases them." in text(response)
    action = Action.objects.get()
    assert f'href="/o/acme/actions/{action.pk}/"' in html(response)
    assert action.state == ActionState.DONE
    assert Health.objects.get(person=ada).status == "disabled"


def test_one_person_who_is_left_out_is_told_of(cast: Cast, admin_client: Client) -> None:
    held = make_held(cast.acme, name="Ada Lovelace")
    response = admin_client.post(ADDRESS, one(held), follow=True)
    assert "Ada Lovelace: An admin's hold that lasts as long or longer is active already." in text(
        response
    )
    assert Action.objects.get().state == ActionState.DISCARDED


def test_the_failed_are_tried_again_with_what_was_typed(cast: Cast, admin_client: Client) -> None:
    people = [make_healthy(cast.acme) for _ in range(2)]
    results = [(PersonState.DONE, ""), (PersonState.FAILED, "broken")]
    until = {"until": (NOW + timedelta(days=2)).isoformat()}
    action = make_action(cast.acme, people, results=results, parameters=until, **ENDED)
    again = {"kind": "hold", "scope": "action", "action": action.pk, "state": 4}
    page = admin_client.get(ADDRESS, again)
    assert "Hold 1 person" in text(page)
    assert "On leave</textarea>" in html(page)
    assert 'value="2026-11-22T13:00"' in html(page)
    admin_client.post(ADDRESS, HOLD | again)
    assert Action.objects.latest("pk").members.get().person == people[1]


@pytest.mark.parametrize(
    ("kind", "typed", "kept"),
    [
        (Kind.HOLD, {"until": "2026-11-22T12:00:00+00:00"}, ['value="2026-11-22T13:00"']),
        (Kind.INTERVAL, {"interval": None}, ['value="" checked']),
        (Kind.INTERVAL, {"interval": 86_400}, ['value="86400" checked']),
        (
            Kind.REAUTHORIZE,
            {"method": "link", "message": "Click it"},
            ['value="link" checked', "Click it</textarea>"],
        ),
        (
            Kind.NOTE,
            {"text": "Ring Ada", "owner": None, "due_on": "2026-12-01"},
            ["Ring Ada</textarea>", 'value="2026-12-01"'],
        ),
    ],
)
def test_a_preview_is_changed_with_what_was_typed_before(
    cast: Cast, admin_client: Client, kind: Kind, typed: dict[str, Any], kept: list[str]
) -> None:
    fields = {"kind": kind, "parameters": typed, "author": cast.admin}
    action = make_action(cast.acme, [make_healthy(cast.acme)], **fields)
    preview = markup(admin_client.get(address(action)))
    (change,) = [link for link in preview.links if link.startswith(ADDRESS)]
    form = html(admin_client.get(change))
    for words in [*kept, *(["On leave</textarea>"] if kind != Kind.NOTE else [])]:
        assert words in form, words


def test_a_form_is_not_filled_from_elsewhere(cast: Cast, admin_client: Client) -> None:
    ada = make_healthy(cast.acme)
    theirs = make_action(cast.globex, [make_healthy(cast.globex)], reason="Secret")
    page = admin_client.get(ADDRESS, pick(ada) | {"reason": "", "from": theirs.pk})
    assert "Secret" not in html(page)


def test_nobody_left_is_said_before_anything_is_asked(cast: Cast, admin_client: Client) -> None:
    nobody = HOLD | {"scope": "filter", "filter": "team=Nobody"}
    page = admin_client.get(ADDRESS, nobody)
    assert "There is nobody to do it to" in text(page)
    assert "Nobody is left of all who match team" in text(admin_client.post(ADDRESS, nobody))


def test_who_may_not_change_or_is_a_stranger(cast: Cast, client: Client) -> None:
    ada = make_healthy(cast.acme)
    for method in ("get", "post"):
        assert getattr(client_of(cast.viewer), method)(ADDRESS, one(ada)).status_code == 403
        assert getattr(client_of(cast.stranger), method)(ADDRESS, one(ada)).status_code == 404
        assert getattr(client, method)(ADDRESS, one(ada)).status_code == 302
    assert client_of(cast.admin).put(ADDRESS).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.admin)
    assert strict.post(ADDRESS, one(ada)).status_code == 403
    assert not Action.objects.exists()


def test_a_person_of_another_organization_is_not_there(cast: Cast, admin_client: Client) -> None:
    theirs = make_healthy(cast.globex)
    assert admin_client.post(ADDRESS, one(theirs)).status_code == 404
    assert not Action.objects.exists()


@pytest.mark.parametrize("size", [3, 60])
def test_the_form_takes_at_most_nine_statements_at_any_size(
    cast: Cast,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    size: int,
) -> None:
    make_many_healthy(cast.acme, size)
    with django_assert_max_num_queries(9):
        admin_client.get(ADDRESS, HOLD | {"scope": "filter", "filter": "cause=x&status=healthy"})


def test_names_cannot_break_out_of_the_page(cast: Cast, admin_client: Client) -> None:
    ada = make_healthy(cast.acme, name="<script>alert(1)</script>")
    page = admin_client.post(ADDRESS, one(ada, reason='"><script>x'), follow=True)
    assert "<script>alert" not in html(page)
    assert '"><script>x' not in html(page)
