"""An organization's settings."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Role
from monitoring.actions.models import ActionPolicy
from monitoring.audit.models import AuditEntry
from monitoring.health.models import Policy
from tests.factories import make_member
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.markup import text

ADDRESS = "/o/acme/settings/"
TYPED: dict[str, Any] = {
    "approval_share": "10",
    "approval_least": "5",
    "link_days": "14",
    "reminders": "0",
    "reminder_days": "3",
}


@pytest.fixture
def owner(cast: Cast) -> Client:
    return client_of(make_member(cast.acme, role=Role.OWNER).user)


def test_the_numbers_in_force_are_said_in_words(cast: Cast, admin_client: Client) -> None:
    Policy.objects.create(organization=cast.acme, base_interval=14_400)
    page = text(admin_client.get(ADDRESS))
    for words in (
        "An action on more than 25 % of the organization needs a second admin's approval",
        "reminded 2 times at most, 2 days apart",
        "A run every 4 h.",
        "Every third failure in a row doubles it, up to 24 h",
        "Errors switch nobody off.",
        "An owner of the organization can change these.",
    ):
        assert words in page, words


def test_an_owner_changes_what_is_about_actions(cast: Cast, owner: Client) -> None:
    response = owner.post(ADDRESS, TYPED, follow=True)
    assert "The settings are saved." in text(response)
    assert "more than 10 % of the organization" in text(response)
    assert "Nobody is reminded of it." in text(response)
    policy = ActionPolicy.objects.get(organization=cast.acme)
    assert (policy.approval_share, policy.approval_least, policy.link_days) == (0.1, 5, 14)
    assert AuditEntry.objects.get().action == "action.policy"


@pytest.mark.parametrize(
    ("field", "value"),
    [("approval_share", "101"), ("approval_least", "0"), ("link_days", "x"), ("reminders", "")],
)
def test_what_is_refused_is_kept_as_it_was_typed(
    cast: Cast, owner: Client, field: str, value: str
) -> None:
    response = owner.post(ADDRESS, TYPED | {field: value})
    assert response.status_code == 200
    assert "Write a whole number from" in text(response)
    assert f'id="id_{field}" value="{value}"' in response.content.decode()
    assert not ActionPolicy.objects.exists()


def test_nobody_else_changes_them(cast: Cast, admin_client: Client, client: Client) -> None:
    for other in (admin_client, client_of(cast.viewer), client_of(cast.staff)):
        assert other.get(ADDRESS).status_code == 200
        assert other.post(ADDRESS, TYPED).status_code == 403
    assert client_of(cast.stranger).get(ADDRESS).status_code == 404
    assert client.get(ADDRESS).status_code == 302
    assert admin_client.put(ADDRESS).status_code == 405
    assert not ActionPolicy.objects.exists()


def test_the_page_takes_at_most_seven_statements(
    cast: Cast, owner: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(7):
        owner.get(ADDRESS)
