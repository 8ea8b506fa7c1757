from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.access import Access, access_for
from monitoring.errors.changes import rule_change_go_live
from monitoring.errors.interpretation import built_in_rules
from tests.factories import NOW
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.makers import make_many_healthy, make_unwell
from tests.monitoring.console.markup import markup, text
from tests.monitoring.errors.makers import definition, make_live, passed, propose

ADDRESS = "/o/acme/rules/"
HTMX = {"HX-Request": "true"}


def as_admin(cast: Cast) -> Access:
    return access_for(cast.admin, "acme")


def slugs(client: Client, query: str = "") -> list[str]:
    """The rules listed, in order."""
    response = client.get(ADDRESS + query)
    assert response.status_code == 200
    return [row.slug for row in response.context["rows"]]


def test_all_rules_in_force_are_listed_in_the_order_they_are_tried(
    cast: Cast, admin_client: Client
) -> None:
    make_live(as_admin(cast))
    built_in = [rule.id for rule in built_in_rules().rules]
    assert slugs(admin_client) == ["aisle-blocked", *built_in]
    page = text(admin_client.get(ADDRESS))
    for words in (
        f"{len(built_in) + 1} rules say what errors mean",
        "The aisle is blocked",
        "One event only",
        "The person",
        "Your own",
        "admin@acme.example",
        "Built in",
        f"Version {built_in_rules().version}.1",
    ):
        assert words in page, words


def test_a_rule_tells_how_many_people_have_it_as_their_reason(
    cast: Cast, admin_client: Client
) -> None:
    for _ in range(2):
        make_unwell(cast.acme, "stalled", "google-access-revoked")
    make_unwell(cast.globex, "stalled", "google-access-revoked")
    rows = {row.slug: row for row in admin_client.get(ADDRESS).context["rows"]}
    assert rows["google-access-revoked"].people == 2
    assert rows["google-rate-limit"].people == 0
    links = markup(admin_client.get(ADDRESS)).links
    assert "/o/acme/people/?cause=google-access-revoked" in links


def test_what_is_not_live_stands_above_the_list(cast: Cast, admin_client: Client) -> None:
    access = as_admin(cast)
    draft = propose(access, definition=definition(title="A draft"))
    moving = propose(access, rule="another-aisle", definition=definition(title="Moves many"))
    change = passed(moving, people_moved=50)
    rule_change_go_live(access=access, change=change, now=NOW)
    response = admin_client.get(ADDRESS)
    assert [each.title for each in response.context["open_changes"]] == ["Moves many", "A draft"]
    assert f"{ADDRESS}changes/{draft.pk}/" in markup(response).links
    assert "waits for a second look" in text(response)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=AISLE", True),
        ("?q=kernel_panic", True),
        ("?q=blocked+aisle", True),
        ("?q=aisle+nonsense", False),
        ("?kind=record", True),
        ("?kind=transient", False),
        ("?provider=salesforce", True),
        ("?provider=google", False),
        ("?origin=organization", True),
        ("?origin=operator", False),
        ("?origin=built_in", False),
        ("?kind=nonsense&provider=nonsense", True),
        ("?q=%00", True),
    ],
)
def test_rules_are_found_by_words_code_provider_class_and_origin(
    cast: Cast, admin_client: Client, query: str, found: bool
) -> None:
    make_live(as_admin(cast), definition=definition(providers=["salesforce"]))
    assert ("aisle-blocked" in slugs(admin_client, query)) is found


def test_a_rule_for_any_provider_is_found_under_each(cast: Cast, admin_client: Client) -> None:
    make_live(as_admin(cast))
    for provider in ("google", "salesforce", "network"):
        assert "aisle-blocked" in slugs(admin_client, f"?provider={provider}")


def test_nothing_found_says_how_to_see_all_again(cast: Cast, admin_client: Client) -> None:
    response = admin_client.get(ADDRESS, {"q": "nonsense"})
    assert "No rule matches" in text(response)
    assert ADDRESS in markup(response).links


def test_htmx_is_given_the_list_only(cast: Cast, admin_client: Client) -> None:
    html = admin_client.get(ADDRESS, {"q": "google"}, headers=HTMX).content.decode()
    assert "<html" not in html
    assert 'id="rules"' in html


def test_a_viewer_looks_and_has_no_buttons(cast: Cast) -> None:
    response = client_of(cast.viewer).get(ADDRESS)
    assert response.status_code == 200
    assert f"{ADDRESS}new/" not in markup(response).links
    assert f"{ADDRESS}new/" in markup(client_of(cast.admin).get(ADDRESS)).links


def test_a_stranger_finds_nothing_and_nothing_is_posted(cast: Cast, admin_client: Client) -> None:
    assert client_of(cast.stranger).get(ADDRESS).status_code == 404
    assert Client().get(ADDRESS).headers["Location"].startswith("/accounts/login/")
    assert admin_client.post(ADDRESS).status_code == 405


def test_nothing_of_another_organization_or_of_the_operators_drafts_appears(
    cast: Cast, admin_client: Client
) -> None:
    theirs, staff = access_for(cast.stranger, "globex"), access_for(cast.staff, "globex")
    make_live(theirs, rule="their-rule", definition=definition(title="Theirs"))
    propose(theirs, rule="their-draft", definition=definition(title="Theirs in draft"))
    propose(staff, organization=None, rule="all-rule", definition=definition(title="For all"))
    page = text(admin_client.get(ADDRESS))
    for words in ("Theirs", "For all"):
        assert words not in page
    assert "For all" in text(client_of(cast.staff).get(ADDRESS))


def test_the_operators_rules_are_everybodys(cast: Cast, admin_client: Client) -> None:
    make_live(access_for(cast.staff, "globex"), organization=None)
    assert slugs(admin_client)[0] == "aisle-blocked"
    assert slugs(admin_client, "?origin=operator") == ["aisle-blocked"]


@pytest.mark.parametrize("size", [1, 12])
def test_the_list_takes_at_most_ten_statements_at_any_size(
    cast: Cast,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    size: int,
) -> None:
    access = as_admin(cast)
    make_many_healthy(cast.acme, size)
    for number in range(size):
        make_live(access, rule=f"rule-{number}", definition=definition(codes=[f"CODE_{number}"]))
        propose(access, rule=f"draft-{number}", definition=definition(codes=[f"D_{number}"]))
        make_unwell(cast.acme, "stalled", f"rule-{number}")
    with django_assert_max_num_queries(10):
        admin_client.get(ADDRESS)


def test_words_of_a_rule_cannot_break_out_of_the_page(cast: Cast, admin_client: Client) -> None:
    words: dict[str, Any] = {"title": "<script>alert(1)</script>", "meaning": "<b>"}
    make_live(as_admin(cast), definition=definition(**words))
    html = admin_client.get(ADDRESS, {"q": '"><script>'}).content.decode()
    assert "<script>alert" not in html
