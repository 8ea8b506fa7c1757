from __future__ import annotations

from django.test import Client

from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.makers import make_many_healthy
from tests.monitoring.console.markup import markup, text

ADDRESS = "/o/acme/people/"


def test_the_bar_leads_to_an_action_on_those_ticked_or_on_all_that_match(
    cast: Cast, admin_client: Client
) -> None:
    make_many_healthy(cast.acme, 60)
    html = admin_client.get(ADDRESS, {"team": "Sales", "sort": "person"}).content.decode()
    assert '<form id="bulk" class="bulk" method="get" action="/o/acme/actions/new/"' in html
    assert '<input type="hidden" name="filter" value="team=Sales">' in html
    assert html.count('name="person"') == 30
    assert html.count('form="bulk"') == 30
    for kind in ("sync", "reauthorize", "hold", "release", "interval", "silence", "note"):
        assert f'name="kind" value="{kind}"' in html
    assert "select all 30 that match" in html


def test_every_box_says_whom_it_selects(cast: Cast, admin_client: Client) -> None:
    make_many_healthy(cast.acme, 2)
    page = text(admin_client.get(ADDRESS))
    assert "Select Person 000" in page
    assert "Select everybody on this page" in page


def test_all_that_match_are_not_offered_where_a_filter_was_left_out(
    cast: Cast, admin_client: Client
) -> None:
    make_many_healthy(cast.acme, 2)
    response = admin_client.get(ADDRESS, {"status": "nonsense"})
    html = response.content.decode()
    assert 'name="filter"' not in html
    assert "select all" not in html
    assert html.count('name="person"') == 2


def test_who_may_only_look_has_nothing_to_tick(cast: Cast) -> None:
    make_many_healthy(cast.acme, 2)
    response = client_of(cast.viewer).get(ADDRESS)
    assert 'name="person"' not in response.content.decode()
    assert "bulk" not in markup(response).ids


def test_nobody_listed_means_nothing_to_act_on(cast: Cast, admin_client: Client) -> None:
    assert "bulk" not in markup(admin_client.get(ADDRESS)).ids
