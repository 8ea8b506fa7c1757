from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.access import Access, access_for
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Message, Route
from monitoring.replay.models import BackTest, State
from monitoring.replay.rehearsal_result import RouteThen, route_then
from monitoring.replay.working import back_tests_work
from tests.factories import NOW, make_person
from tests.monitoring.alerts.makers import make_silence
from tests.monitoring.alerts.routing_makers import make_recipient, make_route
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.markup import markup, text
from tests.monitoring.replay.makers import propose_unlock
from tests.monitoring.replay.rehearsal_makers import TODAY, ask, make_trouble, rehearse

ADDRESS = "/o/acme/rehearsal/"
HTMX = {"HX-Request": "true"}
YESTERDAY = (NOW - timedelta(days=1)).date().isoformat()
WANTED = {"day": YESTERDAY, "days": "2", "change": "", "kept": ["built-in-1"]}


@pytest.fixture
def access(cast: Cast) -> Access:
    return access_for(cast.admin, "acme")


@pytest.fixture
def run(cast: Cast, access: Access) -> BackTest:
    """A rehearsal of two days in which one person stalled."""
    make_trouble(cast.acme)
    return rehearse(access)


def page_of(run: BackTest, rest: str = "") -> str:
    return f"{ADDRESS}{run.pk}/{rest}"


# Asking


def test_the_form_begins_with_yesterday_and_everything_as_it_is(
    cast: Cast, admin_client: Client
) -> None:
    response = admin_client.get(ADDRESS)
    page = text(response)
    for words in ("Which messages would have been sent?", "The rules as they are", "None yet."):
        assert words in page, words
    assert response.context["form"]["day"].value() == YESTERDAY
    assert "Nothing is sent" in page
    assert "It begins at midnight in Europe/Berlin." in page


def test_it_is_asked_for_and_played(cast: Cast, admin_client: Client) -> None:
    make_trouble(cast.acme)
    response = admin_client.post(ADDRESS, WANTED)
    run = BackTest.objects.get()
    assert response.headers["Location"] == page_of(run)
    assert (run.days, run.routes, run.change) == (2, None, None)
    # Midnight in Berlin.
    assert run.starts_at == TODAY - timedelta(days=1, hours=1)
    waiting = admin_client.get(page_of(run))
    assert "The day is being played" in text(waiting)
    back_tests_work()
    page = text(admin_client.get(page_of(run)))
    assert "2 messages would have gone out, to 1 recipient" in page
    assert "Digests, letters that ask a person to act, and what support staff are told are" in page
    assert "with the rules and routes in force when it was asked" in text(admin_client.get(ADDRESS))
    assert not Message.objects.exists()


def test_with_a_draft_of_a_rule(cast: Cast, admin_client: Client, access: Access) -> None:
    change = propose_unlock(access)
    form = admin_client.get(f"{ADDRESS}?change={change.pk}")
    assert form.context["form"]["change"].value() == str(change.pk)
    assert "Draft: A row is locked" in text(form)
    admin_client.post(ADDRESS, WANTED | {"change": str(change.pk)})
    assert BackTest.objects.get().change == change
    link = f"{ADDRESS}?change={change.pk}"
    assert link in markup(admin_client.get(f"/o/acme/rules/changes/{change.pk}/")).links


def test_without_one_of_the_routes(cast: Cast, admin_client: Client) -> None:
    for position, name in enumerate(("Everything", "Later")):
        Route.objects.create(
            organization=cast.acme,
            name=name,
            position=position,
            created_at=NOW,
            after=60 * position,
        )
    kept = Route.objects.get(name="Later").pk
    admin_client.post(ADDRESS, WANTED | {"kept": [str(kept)]})
    (route,) = BackTest.objects.get().routes
    assert (route["name"], route["after"]) == ("Later", 60)


ROUTE = {"audience": "admins", "least": "3", "after": "30", "name": "Late", "teams": ""}


@pytest.mark.parametrize("day", ["0001-01-01", "1970-01-01", "2025-10-15"])
def test_a_day_of_which_nothing_is_kept_is_refused(
    cast: Cast, admin_client: Client, day: str
) -> None:
    page = text(admin_client.post(ADDRESS, WANTED | {"day": day}))
    assert "Choose a later day: outcomes are kept for 400 days." in page
    assert not BackTest.objects.exists()


TRIED: dict[str, tuple[Any, str]] = {
    "a NUL in the name": ([{"name": "a\0b"}], "A name has letters only."),
    "a NUL in a team": ([{"name": "x", "teams": ["a\0b"]}], "A name has letters only."),
    "half a letter": ('[{"name": "\\ud800"}]', "These routes can't be read."),
    "no JSON": ("[", "These routes can't be read."),
    "no route": ([], "There may be one to 50 routes."),
    "too many": ([{"name": "x"}] * 51, "There may be one to 50 routes."),
    "a severity there is not": ([{"name": "x", "least": 9}], "These routes can't be read."),
    "an audience there is not": ([{"name": "x", "audience": "nope"}], "Choose who is told."),
    "support staff": ([{"name": "x", "audience": "support"}], "Choose who is told."),
    "a long delay": ([{"name": "x", "after": 604_801}], "Wait for a week at most."),
    "no number": ([{"name": "x", "after": -1}], "Wait for a week at most."),
    "a huge number": ([{"name": "x", "after": 10**15}], "Wait for a week at most."),
    "a number beyond all": ([{"name": "x", "after": 10**40}], "Wait for a week at most."),
    "a long name": ([{"name": "x" * 101}], "A name has 100 letters at most."),
    "a long team": ([{"name": "x", "teams": ["x" * 101]}], "A name has 100 letters at most."),
    "many teams": (
        [{"name": "x", "teams": [str(each) for each in range(21)]}],
        "Name 20 teams at most.",
    ),
    "recipients there are not": (
        [{"name": "x", "audience": "chosen", "recipients": [2**62, 10**40]}],
        "One of the recipients is gone.",
    ),
}


@pytest.mark.parametrize("what", TRIED)
def test_routes_that_could_not_be_written_are_not_tried(
    cast: Cast, admin_client: Client, what: str
) -> None:
    tried, said = TRIED[what]
    typed = tried if isinstance(tried, str) else json.dumps(tried)
    response = admin_client.post(ADDRESS, WANTED | {"tried": typed})
    assert response.status_code == 200
    assert said in text(response)
    assert not BackTest.objects.exists()


def test_recipients_of_others_are_not_tried(cast: Cast, admin_client: Client) -> None:
    theirs, mine = make_recipient(cast.globex, name="Elsewhere"), make_recipient(cast.acme)
    for box, taken in ((theirs, False), (mine, True)):
        tried = [{"name": "x", "audience": "chosen", "recipients": [box.pk]}]
        page = text(admin_client.post(ADDRESS, WANTED | {"tried": json.dumps(tried)}, follow=True))
        assert "Elsewhere" not in page
        assert BackTest.objects.exists() == taken


@pytest.mark.parametrize("key", ["a b/c", "\0", "987654321"])
@pytest.mark.parametrize("audience", ["", "admins"])
def test_a_route_that_is_not_there_is_not_found(
    cast: Cast, admin_client: Client, key: str, audience: str
) -> None:
    typed = ROUTE | {"key": key, "audience": audience}
    assert admin_client.post(f"{ADDRESS}route", typed).status_code == 404


@pytest.mark.parametrize(("key", "routes"), [("", 2), ("built-in-1", 1)])
def test_with_a_route_as_it_is_being_written(
    cast: Cast, admin_client: Client, key: str, routes: int
) -> None:
    response = admin_client.post(f"{ADDRESS}route", ROUTE | {"key": key})
    tried = response.context["form"]["tried"].value()
    assert "Routes as you wrote them" in text(response)
    admin_client.post(ADDRESS, WANTED | {"kept": [], "tried": tried})
    stored = BackTest.objects.get().routes
    assert len(stored) == routes
    assert (stored[-1]["name"], stored[-1]["after"]) == ("Late", 1_800)
    assert not Route.objects.exists()


@pytest.mark.parametrize("typed", ["sales", "SALES", "Sales, sales"])
def test_a_route_is_rehearsed_with_the_teams_it_would_be_saved_with(
    cast: Cast, admin_client: Client, typed: str
) -> None:
    make_person(cast.acme, team="Sales")
    if typed != "sales":
        make_person(cast.acme, team="sales")
    fields = ROUTE | {"least": "1", "after": "0", "teams": typed}
    tried = admin_client.post(f"{ADDRESS}route", fields).context["form"]["tried"].value()
    admin_client.post(ADDRESS, WANTED | {"kept": [], "tried": tried})
    rehearsed = BackTest.objects.get()
    admin_client.post("/o/acme/alerts/routes/new/", fields)
    saved = Route.objects.get(name="Late").teams
    assert saved == (["Sales"] if typed == "sales" else ["Sales", "sales"])
    assert rehearsed.routes[-1]["teams"] == saved


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"teams": "Nobody's"}, "Nobody is in the team Nobody's."),
        ({"audience": "chosen"}, "Choose at least one of the recipients below."),
        ({"teams": "Sales", "kinds": ["coverage"]}, "name no team"),
    ],
)
def test_what_could_not_be_saved_is_not_rehearsed_either(
    cast: Cast, admin_client: Client, wrong: dict[str, Any], said: str
) -> None:
    page = text(admin_client.post(f"{ADDRESS}route", ROUTE | wrong))
    assert said in page
    assert "it can't be rehearsed" in page
    assert not Route.objects.exists()


def test_a_route_that_is_not_complete_stays_as_it_was_typed(
    cast: Cast, admin_client: Client
) -> None:
    for key, address in (("", "/routes/new/"), ("built-in-1", "/routes/built-in-1/")):
        typed = ROUTE | {"key": key, "after": "soon", "name": "Half written"}
        response = admin_client.post(f"{ADDRESS}route", typed)
        page = response.content.decode()
        for words in ("it can&#x27;t be rehearsed", "Write whole minutes", 'value="Half written"'):
            assert words in page, words
        # What is mended there is saved as the route, not rehearsed.
        assert f'action="/o/acme/alerts{address}"' in page


@pytest.mark.parametrize("key", ["", "built-in-1"])
def test_the_address_of_a_route_that_was_sent_leads_to_its_form_when_it_is_opened(
    cast: Cast, admin_client: Client, key: str
) -> None:
    form = f"/o/acme/alerts/routes/{key or 'new'}/"
    (address,) = re.findall(r'formaction="([^"]+)"', admin_client.get(form).content.decode())
    sent = admin_client.post(address, ROUTE | {"key": key, "after": "soon"})
    assert "it can't be rehearsed" in text(sent)
    assert admin_client.get(address).headers["Location"] == form
    assert admin_client.get(f"{ADDRESS}route?key=987654321").status_code == 404
    assert client_of(cast.stranger).get(address).status_code == 404
    assert client_of(cast.viewer).get(address).status_code == 403


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"day": "soon"}, "Write the day as 2026-01-31."),
        ({"day": (NOW + timedelta(days=2)).date().isoformat()}, "has begun"),
        ({"kept": []}, "Leave one route at least"),
        ({"tried": "{"}, "These routes can't be read"),
        ({"change": "77"}, "It can't be played yet"),
    ],
)
def test_what_cannot_be_played_is_said(
    cast: Cast, admin_client: Client, typed: dict[str, Any], words: str
) -> None:
    assert words in text(admin_client.post(ADDRESS, WANTED | typed))
    assert not BackTest.objects.exists()


# What was found


def test_each_message_is_listed_with_recipient_and_route(
    cast: Cast, admin_client: Client, run: BackTest
) -> None:
    page = text(admin_client.get(page_of(run)))
    for words in (
        "1 person stopped syncing: The Salesforce user is deactivated",
        "admin@acme.example",
        "Owners and admins",
        "Nothing was sent",
        "Recipients, their hours and the routes not changed for it are those of when it was asked",
        "Times in Europe/Berlin",
    ):
        assert words in page, words


def test_a_message_is_shown_as_text_and_as_html(
    cast: Cast, admin_client: Client, run: BackTest
) -> None:
    response = admin_client.get(page_of(run, "1/"))
    assert "It was not sent." in text(response)
    assert page_of(run, "1/html") in response.content.decode()
    html = admin_client.get(page_of(run, "1/html"))
    assert "stopped syncing" in html.content.decode()
    assert "style=" not in html.content.decode()
    assert "sandbox" in html.headers["Content-Security-Policy"]


def test_a_webhook_is_shown_as_its_event(cast: Cast, admin_client: Client, access: Access) -> None:
    make_trouble(cast.acme)
    make_route(cast.acme, [make_recipient(cast.acme, channel="webhook", address="hooks.example")])
    response = admin_client.get(page_of(rehearse(access), "1/"))
    event = json.loads(response.context["mail"].text)
    assert event["type"] == "alert.opened"
    assert event["data"]["alerts"][0]["people"] == 1
    assert "The event" in text(response)
    assert "The mail" not in text(response)


def test_what_was_kept_back_says_why(cast: Cast, admin_client: Client, access: Access) -> None:
    person = make_trouble(cast.acme)
    make_silence(cast.acme, [person], now=NOW - timedelta(days=2))
    page = text(admin_client.get(page_of(rehearse(access))))
    assert "No message would have gone out" in page
    assert "silenced: everybody it is about was muted" in page


def test_a_part_alone_is_given_to_the_page_that_waits(
    cast: Cast, admin_client: Client, access: Access
) -> None:
    run = ask(access)
    part = admin_client.get(page_of(run), headers=HTMX).content.decode()
    assert "<html" not in part
    assert 'hx-trigger="every' in part
    admin_client.post(page_of(run, "stop"))
    run.refresh_from_db()
    assert run.state == State.STOPPED
    part = admin_client.get(page_of(run), headers=HTMX).content.decode()
    assert "hx-trigger" not in part


def test_no_such_message_is_not_found(cast: Cast, admin_client: Client, run: BackTest) -> None:
    for rest in ("0/", "3/", "3/html"):
        assert admin_client.get(page_of(run, rest)).status_code == 404


# Who may


def test_strangers_see_none_of_it(cast: Cast, run: BackTest) -> None:
    stranger = client_of(cast.stranger)
    for address in (ADDRESS, page_of(run), page_of(run, "1/"), page_of(run, "1/html")):
        assert stranger.get(address).status_code == 404
        assert stranger.get(address.replace("acme", cast.globex.slug)).status_code == (
            200 if address == ADDRESS else 404
        )
    for address in (ADDRESS, f"{ADDRESS}route", page_of(run, "stop")):
        assert stranger.post(address).status_code == 404


def test_what_support_rehearsed_is_support_staffs_alone(cast: Cast, admin_client: Client) -> None:
    run = rehearse(access_for(cast.staff, "acme"))
    assert client_of(cast.staff).get(page_of(run)).status_code == 200
    assert admin_client.get(page_of(run)).status_code == 404


def test_support_reads_that_theirs_are_shown_and_what_is_left_out(cast: Cast) -> None:
    run = rehearse(access_for(cast.staff, "acme"))
    page = text(client_of(cast.staff).get(page_of(run)))
    assert (
        "What support staff are told is shown too. "
        "Digests and letters that ask a person to act are left out."
    ) in page
    assert page.count("left out") == 1


def test_who_may_only_look_sees_results_and_no_form(cast: Cast, run: BackTest) -> None:
    viewer = client_of(cast.viewer)
    assert "Your role may look at rehearsals" in text(viewer.get(ADDRESS))
    assert "2 messages" in text(viewer.get(page_of(run)))
    for address in (ADDRESS, f"{ADDRESS}route", page_of(run, "stop")):
        assert viewer.post(address, WANTED).status_code == 403


def test_methods_that_do_not_fit_are_refused(cast: Cast, admin_client: Client) -> None:
    assert admin_client.get(f"{ADDRESS}1/stop").status_code == 405
    assert admin_client.put(f"{ADDRESS}route").status_code == 405
    for address in (f"{ADDRESS}1/", f"{ADDRESS}1/1/", f"{ADDRESS}1/1/html"):
        assert admin_client.post(address).status_code == 405
    assert admin_client.put(ADDRESS).status_code == 405


def test_long_results_cost_no_more_statements(
    cast: Cast,
    admin_client: Client,
    run: BackTest,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    assert run.result is not None
    with django_assert_num_queries(6):
        admin_client.get(page_of(run))
    run.result["messages"] *= 60
    run.save(update_fields=["result"])
    with django_assert_num_queries(6):
        admin_client.get(page_of(run))


def test_routes_are_read_back_as_they_were_written() -> None:
    route = RouteThen("Late", (AlertKind.INCIDENT,), Severity.CRITICAL, ("Sales",), after=60)
    assert route_then(route.facts) == route
