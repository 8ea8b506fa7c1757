"""The page of an action: its preview, how it gets on, what came of it, and its buttons."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.access import access_for
from accounts.models import Person
from monitoring.actions.models import (
    Action,
    ActionPerson,
    ActionState,
    Invitation,
    Kind,
    Origin,
    PersonState,
)
from monitoring.actions.starting import action_confirm
from monitoring.alerts.models import Message
from monitoring.console.addresses import MOST_PICKED
from monitoring.health.models import Health
from tests.factories import NOW, make_connected_person, make_member
from tests.monitoring.console.action_makers import BEGUN, ENDED, address, make_action
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.makers import make_many_healthy
from tests.monitoring.console.markup import markup, text, title

HTMX = {"HX-Request": "true"}
WAITING, DONE, FAILED = (
    (PersonState.WAITING, ""),
    (PersonState.DONE, ""),
    (PersonState.FAILED, "broken"),
)
HELD = (PersonState.LEFT_OUT, "held_already")
RUNNING = {**BEGUN, "state": ActionState.RUNNING}


def people(cast: Cast, number: int) -> list[Person]:
    make_many_healthy(cast.acme, number)
    return list(Person.objects.filter(organization=cast.acme).order_by("pk"))


def make(cast: Cast, *results: tuple[PersonState, str], **fields: Any) -> Action:
    """An action of Acme's admin with these results."""
    return make_action(
        cast.acme,
        people(cast, len(results)),
        **{"results": list(results), "author": cast.admin} | fields,
    )


def html(response: HttpResponse) -> str:
    return response.content.decode()


def buttons(response: HttpResponse) -> list[str]:
    """The page's own buttons and button links, in order."""
    main = html(response).partition("<main")[2]
    return re.findall(r'class="slds-button [^>]*>([^<]+)<', main)


def shown(client: Client, action: Action) -> str:
    response = client.get(address(action))
    assert response.status_code == 200
    return text(response)


def test_a_preview_says_what_will_happen_to_whom(cast: Cast, admin_client: Client) -> None:
    action = make(cast, *[WAITING] * 8, HELD, HELD, origin_query="elsewhere=1")
    response = admin_client.get(address(action))
    page = text(response)
    for words in (
        "Hold 8 people?",
        "10 people picked one by one",
        "somebody releases them",
        "On leave",
        "It takes a moment.",
        "It can be undone",
        "Nobody else needs to approve it.",
        "Needs attention Google access was revoked 8",
        "Person 000 , Person 001 , Person 002 , Person 003 , Person 004 and 3 others",
        "2 An admin's hold that lasts as long or longer is active already.",
        "1 of those chosen is not in this organization.",
    ):
        assert words in page, words
    assert buttons(response) == ["Hold 8 people", "Change it", "Discard"]
    assert html(response).count("slds-button_brand") == 1
    assert f"/o/acme/people/{Person.objects.first().pk}/" in markup(response).links


def test_a_preview_by_filter_can_be_changed_in_its_form(cast: Cast, admin_client: Client) -> None:
    action = make(cast, WAITING, origin=Origin.FILTER, origin_query="team=Sales")
    page = html(admin_client.get(address(action)))
    assert "?kind=hold&amp;scope=filter&amp;filter=team%3DSales" in page
    assert "all who match team: “Sales”" in page
    Action.objects.update(origin_query="status=gone")
    page = html(admin_client.get(address(action)))
    assert "all who match a filter" in page
    assert "Change it" not in page


def test_as_many_as_can_be_picked_can_be_changed(cast: Cast, admin_client: Client) -> None:
    action = make(cast, *[WAITING] * MOST_PICKED)
    assert "Change it" in buttons(admin_client.get(address(action)))
    more = {"person": make_connected_person(cast.acme), "state": PersonState.LEFT_OUT}
    ActionPerson.objects.create(action=action, organization=cast.acme, **more)
    assert "Change it" not in buttons(admin_client.get(address(action)))


def test_large_previews_need_a_second_person_and_say_why(cast: Cast, admin_client: Client) -> None:
    make_member(cast.acme)
    action = make(cast, *[WAITING] * 30)
    response = admin_client.get(address(action))
    assert "It needs a second person: 30 people of 100 are more than 25 %" in text(response)
    assert buttons(response)[0] == "Ask for approval"


def test_somebody_elses_preview_can_be_looked_at(cast: Cast) -> None:
    action = make(cast, WAITING)
    response = client_of(make_member(cast.acme).user).get(address(action))
    assert "This is Ada Admin's preview." in text(response)
    assert buttons(response) == ["Make one of your own"]


def test_with_everybody_left_out_there_is_nothing_to_do(cast: Cast, admin_client: Client) -> None:
    response = admin_client.get(address(make(cast, HELD)))
    assert "Everybody chosen is left out" in text(response)
    assert buttons(response) == ["Change it", "Discard"]


def do(client: Client, action: Action, deed: str, **options: Any) -> HttpResponse:
    return client.post(address(action, deed), **options)


def test_confirming_a_few_shows_the_result_at_once(cast: Cast, admin_client: Client) -> None:
    action = make(cast, WAITING, WAITING)
    response = do(admin_client, action, "confirm", follow=True)
    assert response.redirect_chain == [(address(action), 302)]
    assert "2 held" in text(response)
    assert "Undo for 2 people" in buttons(response)
    assert Health.objects.filter(status="disabled").count() == 2


def test_undoing_shows_the_undo(cast: Cast, admin_client: Client) -> None:
    action = make(cast, WAITING, WAITING)
    action_confirm(access=access_for(cast.admin, "acme"), action=action, now=NOW)
    response = do(admin_client, action, "undo", follow=True)
    undo = Action.objects.get(kind=Kind.UNDO)
    assert response.redirect_chain == [(address(undo), 302)]
    page = text(response)
    assert "Undo for 2 people" in page
    assert "Undoes Hold 2 people" in page
    assert "2 restored" in page
    assert "Undone by" in shown(admin_client, action)
    assert "Undo for" not in buttons(admin_client.get(address(action)))
    assert not Health.objects.filter(status="disabled").exists()


def test_discarding_does_nothing_to_anybody(cast: Cast, admin_client: Client) -> None:
    action = make(cast, WAITING)
    response = do(admin_client, action, "discard", follow=True)
    assert "Discarded. Nothing was done to anybody." in text(response)
    assert "Hold 1 person" in text(response)
    assert buttons(response) == []


def test_a_second_person_refuses_and_says_why(cast: Cast, admin_client: Client) -> None:
    colleague = client_of(make_member(cast.acme).user)
    action = make(cast, *[WAITING] * 30)
    do(admin_client, action, "confirm")
    page = text(colleague.get(address(action)))
    assert "Or refuse it, because" in page
    assert "is told so by mail." in page
    assert "Or refuse it" not in text(admin_client.get(address(action)))
    colleague.post(f"{address(action)}discard", {"reason": "<b>Wait</b> for Monday."})
    refused = admin_client.get(address(action))
    assert "Refusal <b>Wait</b> for Monday." in text(refused)
    assert "<b>Wait" not in refused.content.decode()
    assert Message.objects.get(kind="approval_decided").recipient == "admin@acme.example"


def test_a_second_person_approves(cast: Cast, admin_client: Client) -> None:
    colleague = client_of(make_member(cast.acme).user)
    action = make(cast, *[WAITING] * 30)
    asked = do(admin_client, action, "confirm", follow=True)
    assert "another admin, or support, must approve it" in text(asked)
    assert buttons(asked) == ["Withdraw"]
    assert "so somebody else has to approve it" in text(
        do(admin_client, action, "approve", follow=True)
    )
    looked = colleague.get(address(action))
    assert "Ada Admin asks for it." in text(looked)
    assert buttons(looked) == ["Approve: Hold 30 people", "Refuse"]
    approved = do(colleague, action, "approve", follow=True)
    assert "approved by" in text(approved)
    action.refresh_from_db()
    assert action.state in {ActionState.RUNNING, ActionState.DONE}


def test_what_runs_is_asked_after_and_can_be_stopped(cast: Cast, admin_client: Client) -> None:
    action = make(cast, DONE, FAILED, WAITING, WAITING, **RUNNING)
    response = admin_client.get(address(action))
    page = text(response)
    assert "1 held, 1 failed, 2 to go." in page
    assert "Something went wrong on our side" in page
    assert f'hx-get="{address(action)}?seen=0-2-0-1-1-0-0&amp;said=5"' in html(response)
    assert 'hx-trigger="every 1s"' in html(response)
    assert 'value="50"' in html(response)
    assert buttons(response) == ["Stop", "See each person"]
    stopped = do(admin_client, action, "stop", follow=True)
    assert "Stopped. What was done until then stays." in text(stopped)
    assert "2 stopped before" in text(stopped)
    assert 'hx-trigger="every' not in html(stopped)


def test_progress_is_told_only_where_it_is_new(cast: Cast, admin_client: Client) -> None:
    action = make(cast, DONE, WAITING, **RUNNING)
    seen = "0-1-0-1-0-0-0"
    same = admin_client.get(address(action), {"seen": seen, "said": "5"}, headers=HTMX)
    assert same.status_code == 204
    new = admin_client.get(address(action), {"seen": "0-2-0-0-0-0-0", "said": "5"}, headers=HTMX)
    assert "1 held, 1 to go." in text(new)
    assert "run_said" not in html(new)
    told = admin_client.get(address(action), {"seen": "0-2-0-0-0-0-0", "said": "0"}, headers=HTMX)
    assert 'id="run_said" hx-swap-oob' in html(told)
    assert "Stop" not in text(told)


def test_when_it_is_over_the_page_looks_again(cast: Cast, admin_client: Client) -> None:
    action = make(cast, DONE, FAILED, **ENDED)
    over = admin_client.get(address(action), {"seen": "0-1-0-1-0-0-0"}, headers=HTMX)
    assert over.headers["HX-Trigger"] == "action-over"
    assert text(over) == "Done: 1 held, 1 failed."
    part = admin_client.get(address(action), headers=HTMX)
    assert markup(part).ids[0] == "action"
    assert "<main" not in html(part)
    assert 'id="actions_at_hand" hx-swap-oob="true"' in html(part)


def test_a_result_lists_who_failed_and_can_be_repeated_for_them(
    cast: Cast, admin_client: Client
) -> None:
    action = make(cast, DONE, *[FAILED] * 12, HELD, **ENDED)
    response = admin_client.get(address(action))
    page = text(response)
    assert "Done, 12 failed" in page
    assert "2 more failed" in page
    assert "1 An admin's hold that lasts as long or longer is active already." in page
    assert buttons(response) == [
        "Try the 12 failed again",
        "Undo for 1 person",
        "See each person",
    ]
    again = f"/o/acme/actions/new/?kind=hold&scope=action&action={action.pk}&state=4"
    assert again in markup(response).links
    assert address(action, "people/?state=4") in markup(response).links


def test_what_a_stopped_undo_has_left_can_be_undone(cast: Cast, admin_client: Client) -> None:
    action = make(cast, *[(PersonState.DONE, "")] * 3, **ENDED)
    ActionPerson.objects.update(former={"hold": 0})
    do(admin_client, action, "undo")
    assert "Undo for" not in shown(admin_client, action)
    undo = Action.objects.get(kind=Kind.UNDO)
    left = undo.members.order_by("pk")[:2].values("pk")
    ActionPerson.objects.filter(pk__in=left).update(state=PersonState.STOPPED)
    assert "Undo for 2 people" in shown(admin_client, action)


DEEDS = ["confirm", "approve", "discard", "stop", "undo"]


@pytest.mark.parametrize("deed", DEEDS)
def test_who_may_not_change_or_is_a_stranger(
    cast: Cast, admin_client: Client, client: Client, deed: str
) -> None:
    action, theirs = make(cast, WAITING), make_action(cast.globex)
    assert do(client_of(cast.viewer), action, deed).status_code == 403
    assert do(client_of(cast.stranger), action, deed).status_code == 404
    assert do(admin_client, theirs, deed).status_code == 404
    assert do(client, action, deed).status_code == 302
    assert admin_client.get(address(action, deed)).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.admin)
    assert do(strict, action, deed).status_code == 403
    assert set(Action.objects.values_list("state", flat=True)) == {"preview"}


def test_a_viewer_looks_without_a_button(cast: Cast, admin_client: Client) -> None:
    viewer = client_of(cast.viewer)
    for action in (make(cast, WAITING), make_action(cast.acme, **RUNNING)):
        response = viewer.get(address(action))
        assert response.status_code == 200
        assert 'method="post"' not in html(response).partition("<main")[2]
    assert client_of(cast.stranger).get(address(action)).status_code == 404
    assert admin_client.get(address(make_action(cast.globex))).status_code == 404
    assert admin_client.post(address(action)).status_code == 405
    assert do(admin_client, action, "nonsense").status_code == 404


@pytest.mark.parametrize("deed", ["approve", "stop", "undo"])
def test_what_is_refused_is_said_on_the_page(cast: Cast, admin_client: Client, deed: str) -> None:
    response = do(admin_client, make(cast, WAITING), deed, follow=True)
    assert "slds-theme_error" in html(response)
    assert not Action.objects.exclude(state="preview").exists()


@pytest.mark.parametrize("size", [3, 60])
@pytest.mark.parametrize("fields", [{}, RUNNING, ENDED], ids=["preview", "running", "ended"])
def test_the_page_takes_at_most_fifteen_statements_at_any_size(
    cast: Cast,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    size: int,
    fields: dict[str, Any],
) -> None:
    result = FAILED if fields == ENDED else WAITING
    filter_of = {"origin": Origin.FILTER, "origin_query": "cause=held&status=stalled"}
    action = make(cast, *[result] * size, *[HELD] * size, **filter_of | fields)
    with django_assert_max_num_queries(15):
        admin_client.get(address(action))
    if fields == RUNNING:
        with django_assert_max_num_queries(6):
            admin_client.get(address(action), {"seen": ""}, headers=HTMX)


def test_names_and_reasons_cannot_break_out_of_the_page(cast: Cast, admin_client: Client) -> None:
    action = make(cast, FAILED, reason="<script>alert(1)</script>", **ENDED)
    Person.objects.update(name="<script>alert(2)</script>")
    ActionPerson.objects.update(code="<b>", detail="<script>alert(3)</script>")
    assert "<script>alert" not in html(admin_client.get(address(action)))


def test_links_sent_are_counted_by_how_they_stand(cast: Cast, admin_client: Client) -> None:
    restored, invited = (PersonState.DONE, "restored"), (PersonState.DONE, "invited")
    results = restored, restored, invited
    action = make(cast, *results, kind=Kind.REAUTHORIZE, parameters={}, **ENDED)
    for person, state in zip(Person.objects.all(), ["sent", "opened", "sent"], strict=True):
        Invitation.objects.create(
            organization=cast.acme,
            person=person,
            action=action,
            providers=["google"],
            state=state,
            asked_by_name="Casey",
            created_at=NOW,
        )
    assert "Links 1 opened 2 sent Withdraw 3 open links" in shown(admin_client, action)
    assert "Access 2 restored, 1 asked for by mail" in shown(admin_client, action)


def test_the_tab_says_what_came_of_it_once_it_is_over(cast: Cast, admin_client: Client) -> None:
    action = make(cast, WAITING, DONE, **RUNNING)
    assert title(admin_client.get(address(action))).startswith("Running: Hold 2 people")
    Action.objects.update(state=ActionState.DONE, finished_at=NOW)
    over = admin_client.get(address(action), headers=HTMX)
    assert title(over).startswith("Done: Hold 2 people · Acme")


def test_who_approves_reads_in_whose_name_and_in_which_zone(cast: Cast) -> None:
    asked = {"state": ActionState.APPROVAL, "confirmed_at": NOW}
    until = {"parameters": {"until": "2026-11-22T12:00:00+00:00"}}
    action = make(cast, WAITING, **asked | until)
    page = shown(client_of(cast.staff), action)
    assert "with Ada Admin's name and the reason" in page
    assert "Sun 12:00 (UTC)" in page
    assert "with your name and the reason" in shown(client_of(cast.admin), action)


def test_who_asked_for_approval_sees_what_became_of_it(cast: Cast, admin_client: Client) -> None:
    action = make(cast, WAITING, state=ActionState.APPROVAL, confirmed_at=NOW)
    assert f'hx-get="{address(action)}?waits" hx-trigger="every 10s"' in html(
        admin_client.get(address(action))
    )
    waits = f"{address(action)}?waits"
    assert admin_client.get(waits, headers=HTMX).status_code == 204
    do(client_of(cast.staff), action, "approve")
    approved = admin_client.get(waits, headers=HTMX)
    assert "1 held" in text(approved)
    assert "every 10s" not in html(approved)
