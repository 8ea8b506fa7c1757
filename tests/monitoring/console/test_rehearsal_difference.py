"""The page of a rehearsal that tries something: what it changes."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.access import Access, access_for
from monitoring.alerts.kinds import AlertKind
from monitoring.alerts.routing import RouteFacts
from monitoring.replay.models import BackTest
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.markup import markup, text
from tests.monitoring.replay.makers import LOCKED, make_history, propose_unlock
from tests.monitoring.replay.rehearsal_makers import as_before, make_trouble, rehearse

ADDRESS = "/o/acme/rehearsal/"
LATER = RouteFacts("Later", after=7_200)
INCIDENTS = RouteFacts("Incidents only", kinds=frozenset({AlertKind.INCIDENT}))
NARROWED = "Messages shown"


@pytest.fixture
def access(cast: Cast) -> Access:
    return access_for(cast.admin, "acme")


@pytest.fixture
def run(cast: Cast, access: Access) -> BackTest:
    """A rehearsal with routes by which the two messages there are would be gone."""
    make_trouble(cast.acme)
    return rehearse(access, routes=[INCIDENTS])


def page_of(run: BackTest, rest: str = "") -> str:
    return f"{ADDRESS}{run.pk}/{rest}"


def chosen(response: Any) -> list[str]:
    return [show.words for show in response.context["shows"] if show.is_chosen]


def test_what_is_gone_is_counted_listed_and_opened(
    cast: Cast, admin_client: Client, run: BackTest
) -> None:
    response = admin_client.get(page_of(run))
    page = text(response)
    assert "With the other routes no message, without them 2: 2 gone" in page
    assert "All 2 New 0 Gone 2 Changed 0 As before 0" in page
    assert [row.mark.word for row in response.context["rows"]] == ["Gone", "Gone"]
    assert page_of(run, "1/") in markup(response).links
    message = text(admin_client.get(page_of(run, "1/")))
    for words in ("1 person stopped syncing", "It was not sent.", "What changes Gone"):
        assert words in message, words
    assert "stopped syncing" in admin_client.get(page_of(run, "1/html")).content.decode()
    assert admin_client.get(page_of(run, "3/")).status_code == 404


def test_the_list_is_narrowed_to_a_part(cast: Cast, admin_client: Client, run: BackTest) -> None:
    everything = admin_client.get(page_of(run))
    assert chosen(everything) == ["All"]
    assert f"{page_of(run)}?show=new" in markup(everything).links
    assert chosen(admin_client.get(f"{page_of(run)}?show=nonsense")) == ["All"]
    gone = admin_client.get(f"{page_of(run)}?show=gone")
    assert (chosen(gone), len(gone.context["rows"])) == (["Gone"], 2)
    assert 'aria-current="true"' in gone.content.decode()
    new = admin_client.get(f"{page_of(run)}?show=new")
    assert (chosen(new), new.context["rows"]) == (["New"], [])
    assert "No message is like that." in text(new)
    part = admin_client.get(f"{page_of(run)}?show=gone", headers={"HX-Request": "true"})
    assert "<html" not in part.content.decode()
    assert chosen(part) == ["Gone"]


def test_with_a_changed_rule_what_it_brings_is_new(
    cast: Cast, admin_client: Client, access: Access
) -> None:
    make_history(cast.acme, None, None, LOCKED)
    run = rehearse(access, change=propose_unlock(access))
    response = admin_client.get(page_of(run))
    assert "With the change 1 message, without it none: 1 new" in text(response)
    assert [row.mark.word for row in response.context["rows"]] == ["New"]


def test_a_changed_message_says_in_what_and_how_it_was(
    cast: Cast, admin_client: Client, access: Access
) -> None:
    make_trouble(cast.acme)
    run = rehearse(access, routes=[LATER])
    page = text(admin_client.get(page_of(run)))
    assert "Changed 2 h later, in other words" in page
    message = text(admin_client.get(page_of(run, "1/")))
    assert "Not acknowledged: " in message
    assert "Changed 2 h later, in other words Before 1 person stopped syncing" in message


def test_all_are_listed_in_order_of_time_and_lead_to_themselves(
    cast: Cast, admin_client: Client, access: Access
) -> None:
    make_trouble(cast.acme)
    make_history(cast.acme, LOCKED)
    change = propose_unlock(access)
    late = RouteFacts("Reminders", kinds=frozenset({AlertKind.REAUTHORIZE}))
    run = rehearse(access, change=change, routes=[late])
    response = admin_client.get(page_of(run))
    rows = response.context["rows"]
    assert "With the changes 1 message, without them 2: 1 new, 2 gone" in text(response)
    assert [row.mark.word for row in rows] == ["Gone", "New", "Gone"]
    assert [row.at.iso for row in rows] == sorted(row.at.iso for row in rows)
    for row in rows:
        message = admin_client.get(page_of(run, f"{row.number}/")).context["message"]
        assert message.subject == row.subject


def test_where_nothing_differs_that_is_said_and_nothing_is_marked(
    cast: Cast, admin_client: Client, access: Access
) -> None:
    make_trouble(cast.acme)
    response = admin_client.get(page_of(rehearse(access, routes=[RouteFacts("Everything")])))
    page = text(response)
    assert "The other routes change no message of these days" in page
    assert "2 messages would have gone out, to 1 recipient." in page
    assert len(response.context["rows"]) == 2
    for words in ("As before", "What changes"):
        assert words not in page, words


def test_with_nothing_tried_nothing_of_it_is_shown(
    cast: Cast, admin_client: Client, access: Access
) -> None:
    make_trouble(cast.acme)
    run = rehearse(access)
    for address in (page_of(run), page_of(run, "1/")):
        page = text(admin_client.get(address))
        for words in ("As before", "What changes", "Before"):
            assert words not in page, words
    assert NARROWED not in admin_client.get(page_of(run)).content.decode()


def test_a_result_of_a_time_when_nothing_was_compared_is_shown_as_it_was(
    cast: Cast, admin_client: Client, access: Access
) -> None:
    make_trouble(cast.acme)
    run = rehearse(access, routes=[LATER])
    run.result = as_before(run.result)
    run.save(update_fields=["result"])
    for address in (page_of(run), f"{page_of(run)}?show=gone"):
        response = admin_client.get(address)
        assert "2 messages would have gone out, to 1 recipient" in text(response)
        assert len(response.context["rows"]) == 2
        assert response.context["shows"] == []
    assert "What changes" not in text(admin_client.get(page_of(run, "1/")))


def test_what_is_not_kept_is_told_of_each_part(
    cast: Cast, admin_client: Client, run: BackTest
) -> None:
    run.result["difference"]["gone"] = 1_002
    run.save(update_fields=["result"])
    assert "And 1,000 later ones, which are not kept." in text(
        admin_client.get(f"{page_of(run)}?show=gone")
    )
    assert "later ones" not in text(admin_client.get(f"{page_of(run)}?show=new"))


def test_pages_keep_what_is_shown(cast: Cast, admin_client: Client, run: BackTest) -> None:
    run.result["gone"] *= 60
    run.result["difference"]["gone"] = 120
    run.save(update_fields=["result"])
    response = admin_client.get(f"{page_of(run)}?show=gone&page=2")
    assert f"{page_of(run)}?show=gone&page=3" in markup(response).links
    assert f"{page_of(run)}?show=new" in markup(response).links


def test_who_may_only_look_sees_what_changes_and_strangers_do_not(
    cast: Cast, run: BackTest
) -> None:
    viewer, stranger = client_of(cast.viewer), client_of(cast.stranger)
    for rest in ("", "?show=gone", "1/", "1/html"):
        assert viewer.get(page_of(run, rest)).status_code == 200
        assert stranger.get(page_of(run, rest)).status_code == 404


def test_what_changes_is_only_looked_at(cast: Cast, admin_client: Client, run: BackTest) -> None:
    for rest in ("?show=gone", "1/", "1/html"):
        assert admin_client.post(page_of(run, rest)).status_code == 405


def test_long_comparisons_cost_no_more_statements(
    cast: Cast,
    admin_client: Client,
    run: BackTest,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(6):
        admin_client.get(page_of(run))
    run.result["gone"] *= 60
    run.save(update_fields=["result"])
    with django_assert_num_queries(6):
        admin_client.get(page_of(run))
