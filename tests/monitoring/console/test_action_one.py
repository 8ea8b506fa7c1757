"""What a person's page says of an action on them alone, while it is under way and after."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from monitoring.actions.models import Action, ActionPerson, ActionState, Kind, PersonState
from tests.factories import NOW
from tests.monitoring.console.action_makers import BEGUN, address, make_action
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.makers import make_healthy
from tests.monitoring.console.markup import text

HTMX = {"HX-Request": "true"}
RUNNING = {**BEGUN, "state": ActionState.RUNNING}


def make(cast: Cast, **fields: Any) -> Action:
    ada = make_healthy(cast.acme, name="Ada Lovelace")
    fields = {"kind": Kind.REAUTHORIZE, "parameters": {}, "author": cast.admin} | fields
    return make_action(cast.acme, [ada], **RUNNING | fields)


def ask(client: Client, action: Action) -> HttpResponse:
    return client.get(address(action, "one/"), headers=HTMX)


def over(action: Action, state: PersonState, code: str) -> None:
    Action.objects.filter(pk=action.pk).update(state=ActionState.DONE, finished_at=NOW)
    ActionPerson.objects.filter(action=action).update(state=state, code=code, at=NOW)


@pytest.mark.parametrize(
    ("state", "code", "said"),
    [
        (PersonState.DONE, "restored", "Ada Lovelace is re-authorized. Open"),
        (PersonState.DONE, "invited", "Access of Ada Lovelace is asked for by mail. Open"),
        (PersonState.FAILED, "no_app", "Re-authorize Ada Lovelace: "),
    ],
)
def test_what_is_under_way_is_asked_after_until_it_is_over(
    cast: Cast, admin_client: Client, state: PersonState, code: str, said: str
) -> None:
    action = make(cast)
    assert ask(admin_client, action).status_code == 204
    over(action, state, code)
    response = ask(admin_client, action)
    assert text(response).startswith(said)
    assert "hx-get" not in response.content.decode()
    assert response.headers["HX-Trigger"] == "person-changed"


def test_the_persons_page_asks_on_while_it_is_under_way(cast: Cast, admin_client: Client) -> None:
    given = {"kind": "sync", "scope": "person", "person": make_healthy(cast.acme).pk}
    page = admin_client.post("/o/acme/actions/new/", given, follow=True).content.decode()
    assert f'hx-get="{address(Action.objects.get(), "one/")}" hx-trigger="every 2s"' in page


def test_it_is_a_part_of_that_page_and_of_nobody_elses(cast: Cast, admin_client: Client) -> None:
    action = make(cast)
    there = address(action, "one/")
    assert admin_client.get(there).headers["Location"] == address(action)
    assert admin_client.post(there).status_code == 405
    assert client_of(cast.stranger).get(there).status_code == 404
    assert client_of(cast.viewer).get(there, headers=HTMX).status_code == 204
