from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.access import Access, access_for
from monitoring.console import rule_page
from monitoring.errors.changes import rule_change_approve, rule_change_go_live, rule_change_withdraw
from monitoring.errors.interpretation import built_in_definitions, built_in_rules
from monitoring.errors.models import RuleChange
from tests.factories import NOW
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.makers import make_unwell
from tests.monitoring.console.markup import markup, text
from tests.monitoring.errors.makers import definition, make_access, make_live, passed, propose

REVOKED = "google-access-revoked"
ADDRESS = f"/o/acme/rules/{REVOKED}/"
OWN = "/o/acme/rules/aisle-blocked/"


def override(**changes: Any) -> dict[str, Any]:
    """Return a change of a built-in rule."""
    return {**built_in_definitions()[REVOKED]} | changes


def live_override(user: Any, slug: str = "acme", **changes: Any) -> RuleChange:
    access = access_for(user, slug)
    organization = None if user.is_staff else access.organization
    after = override(**{"title": "Ask Ada", "codes": ["ASK_ADA"]} | changes)
    return make_live(access, organization=organization, rule=REVOKED, definition=after)


def test_a_built_in_rule_is_shown_in_plain_words(cast: Cast, admin_client: Client) -> None:
    make_unwell(cast.acme, "stalled", REVOKED)
    response = admin_client.get(ADDRESS)
    page = text(response)
    rule = built_in_definitions()[REVOKED]
    for words in (
        rule["title"],
        rule["meaning"],
        rule["next_step"],
        "Built in",
        "The person must act",
        "An error from Google that",
        "says “token has been expired or revoked”",
        "1 person has this as their reason",
        "Nobody has changed this rule.",
        "As it is written",
    ):
        assert words in page, words
    assert f"/o/acme/people/?cause={REVOKED}" in markup(response).links
    assert f"{ADDRESS}edit/?level=organization" in markup(response).links


def test_a_changed_rule_tells_who_changed_what_when_and_why(
    cast: Cast, admin_client: Client
) -> None:
    change = live_override(cast.admin)
    response = admin_client.get(ADDRESS)
    page = text(response)
    for words in (
        "Ask Ada",
        "Your own, changed by admin@acme.example",
        "Changes title, code",
        "People asked what it means.",
        f"Live since version {built_in_rules().version}.1",
        "Before: Google access was revoked After: Ask Ada",
        "has the code ASK_ADA",
    ):
        assert words in page, words
    assert f"/o/acme/rules/changes/{change.pk}/" in markup(response).links
    assert f"{ADDRESS}take-away/?level=organization" in markup(response).links


def test_a_rule_that_is_built_in_or_the_operators_cannot_be_taken_away_by_an_admin(
    cast: Cast, admin_client: Client
) -> None:
    make_live(access_for(cast.staff, "acme"), organization=None)
    for address in (ADDRESS, OWN):
        response = admin_client.get(address)
        assert response.status_code == 200
        assert not [link for link in markup(response).links if "take-away" in link]
        assert admin_client.get(f"{address}take-away/").status_code == 404
        assert admin_client.get(f"{address}take-away/?level=operator").status_code == 404


def test_the_highest_level_holds_and_staff_may_change_both(cast: Cast) -> None:
    live_override(cast.staff, title="For all")
    live_override(cast.admin, title="For Acme")
    response = client_of(cast.staff).get(ADDRESS)
    assert response.context["title"] == "For Acme"
    links = markup(response).links
    for level in ("organization", "operator"):
        assert f"{ADDRESS}edit/?level={level}" in links
        assert f"{ADDRESS}take-away/?level={level}" in links
    assert text(client_of(cast.stranger).get(f"/o/globex/rules/{REVOKED}/")).count("For all") > 1


def test_taking_away_makes_a_draft_that_gives_back_the_rule_below(
    cast: Cast, admin_client: Client
) -> None:
    live_override(cast.admin)
    address = f"{ADDRESS}take-away/?level=organization"
    assert "the rule below it holds again" in text(admin_client.get(address))
    response = admin_client.post(address, {"reason": "Not needed."})
    change = RuleChange.objects.open().get()
    assert (change.after, change.reason) == (None, "Not needed.")
    assert response.headers["Location"] == f"/o/acme/rules/changes/{change.pk}/"


def test_taking_away_needs_a_reason(cast: Cast, admin_client: Client) -> None:
    live_override(cast.admin)
    response = admin_client.post(f"{ADDRESS}take-away/", {"reason": "  "})
    assert "Say why the rule changes" in text(response)
    assert not RuleChange.objects.open().exists()


def test_a_rule_that_was_taken_away_keeps_its_history(cast: Cast, admin_client: Client) -> None:
    access = access_for(cast.admin, "acme")
    make_live(access)
    make_live(access, definition=None, reason="It was wrong.")
    response = admin_client.get(OWN)
    page = text(response)
    assert "The aisle is blocked" in page
    assert "Taken away: it decides about nothing any more" in page
    assert "It was wrong." in page
    assert not [link for link in markup(response).links if "edit" in link]
    assert admin_client.get(f"{OWN}edit/").status_code == 404


def test_a_draft_is_in_the_history_and_so_is_what_was_withdrawn(
    cast: Cast, admin_client: Client
) -> None:
    access = access_for(cast.admin, "acme")
    change = propose(access)
    assert "Draft" in text(admin_client.get(OWN))
    rule_change_withdraw(access=access, change=change, now=NOW)
    assert "Withdrawn" in text(admin_client.get(OWN))


def test_a_viewer_looks_and_changes_nothing(cast: Cast) -> None:
    live_override(cast.admin)
    viewer = client_of(cast.viewer)
    response = viewer.get(ADDRESS)
    assert response.status_code == 200
    links = markup(response).links
    assert not [link for link in links if "edit" in link or "take-away" in link]
    assert viewer.get(f"{ADDRESS}take-away/").status_code == 403
    assert viewer.post(f"{ADDRESS}take-away/", {"reason": "No."}).status_code == 403
    assert not RuleChange.objects.open().exists()


def test_strangers_find_nothing_and_so_does_who_asks_for_no_rule(
    cast: Cast, admin_client: Client
) -> None:
    live_override(cast.admin)
    for address in (ADDRESS, f"{ADDRESS}take-away/"):
        assert client_of(cast.stranger).get(address).status_code == 404
        assert Client().get(address).status_code == 302
    assert admin_client.get("/o/acme/rules/no-such-rule/").status_code == 404
    assert admin_client.get("/o/acme/rules/no-such-rule/take-away/").status_code == 404


def test_a_rule_cannot_be_posted_to(cast: Cast, admin_client: Client) -> None:
    assert admin_client.post(ADDRESS).status_code == 405
    assert admin_client.put(f"{ADDRESS}take-away/").status_code == 405


def test_nothing_of_another_organization_or_of_the_operators_drafts_appears(
    cast: Cast, admin_client: Client
) -> None:
    theirs, staff = access_for(cast.stranger, "globex"), access_for(cast.staff, "globex")
    make_live(theirs, rule=REVOKED, definition=override(title="Theirs", codes=["X"]))
    propose(staff, organization=None, rule=REVOKED, definition=override(title="For all"))
    make_live(theirs, rule="their-rule", definition=definition(title="Theirs"))
    page = text(admin_client.get(ADDRESS))
    assert "Theirs" not in page
    assert "For all" not in page
    assert admin_client.get("/o/acme/rules/their-rule/").status_code == 404
    assert "For all" in text(client_of(cast.staff).get(ADDRESS))


@pytest.mark.parametrize("size", [1, 8])
def test_a_rule_takes_at_most_eight_statements_whatever_its_history(
    cast: Cast,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    size: int,
) -> None:
    for number in range(size):
        live_override(cast.admin, title=f"Ask Ada {number}")
    with django_assert_max_num_queries(8):
        admin_client.get(ADDRESS)


@pytest.mark.parametrize(("who", "knows"), [("admin", False), ("viewer", False), ("staff", True)])
def test_customers_do_not_see_who_at_the_operator_changed_a_rule_and_why(
    cast: Cast, who: str, knows: bool
) -> None:
    access = access_for(cast.staff, "acme")
    change = passed(propose(access, organization=None, reason="Globex asked."), people_moved=50)
    change = rule_change_go_live(access=access, change=change, now=NOW)
    colleague = make_access(cast.acme, is_staff=True, email="second@service.example")
    rule_change_approve(access=colleague, change=change, now=NOW)
    client = client_of(getattr(cast, who))
    for address in (OWN, f"/o/acme/rules/changes/{change.pk}/", "/o/acme/rules/"):
        page = text(client.get(address))
        assert ("support@service.example" in page) is knows
        assert knows or "the operator" in page
        assert ("second@service.example" in page) is (knows and address != "/o/acme/rules/")
        assert ("Globex asked." in page) is (knows and address != "/o/acme/rules/")


def test_names_are_written_as_they_are_and_numbers_with_separators(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_page, "people_by_cause", lambda access: {REVOKED: 1_234})
    live_override(cast.staff)
    page = text(client_of(cast.staff).get(ADDRESS))
    assert "Edit for Acme" in page
    assert "Edit for all organizations" in page
    assert "Take away for all organizations" in page
    assert "1,234 people have this as their reason" in page


def store_unreadable(access: Access, rule: str, organization: Any, **after: Any) -> None:
    """Store a live rule as an earlier version let it go live."""
    version = built_in_rules().version * 1_000_000 + 1
    RuleChange.objects.create(
        organization=organization,
        rule=rule,
        after=definition(id=rule, **after),
        reason="Once it could be read.",
        author=access.user,
        author_name=access.user.email,
        created_at=NOW,
        state="live",
        live_at=NOW,
        number=1,
        version=version,
    )


@pytest.mark.parametrize("after", [{"patterns": ["(?:.|..)*"]}, {"title": ""}, {"class": "gone"}])
@pytest.mark.parametrize("rule", ["aisle-blocked", REVOKED])
def test_a_rule_that_can_not_be_read_any_more_can_be_taken_away(
    cast: Cast, admin_client: Client, rule: str, after: dict[str, Any]
) -> None:
    store_unreadable(access_for(cast.admin, "acme"), rule, cast.acme, **after)
    address = f"/o/acme/rules/{rule}/"
    response = admin_client.get(address)
    assert "The rule of Acme can't be read any more" in text(response)
    assert f"{address}take-away/?level=organization" in markup(response).links
    listed = admin_client.get("/o/acme/rules/")
    assert "can't be read any more by this version" in text(listed)
    assert address in markup(listed).links
    assert admin_client.get(f"{address}take-away/").status_code == 200
    sent = {"reason": "Not readable."}
    assert admin_client.post(f"{address}take-away/", sent, follow=True).status_code == 200
    assert RuleChange.objects.open().get().after is None


def test_the_operators_unreadable_rule_is_the_operators_to_take_away(
    cast: Cast, admin_client: Client
) -> None:
    store_unreadable(access_for(cast.staff, "acme"), REVOKED, None, title="")
    assert not [link for link in markup(admin_client.get(ADDRESS)).links if "take-away" in link]
    response = client_of(cast.staff).get(ADDRESS)
    assert "The rule of all organizations can't be read any more" in text(response)
    assert f"{ADDRESS}take-away/?level=operator" in markup(response).links
