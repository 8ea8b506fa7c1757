from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.test import Client

from monitoring.actions.models import Action
from monitoring.audit.log import audit_entry_write
from monitoring.console.people_rows import Row
from tests.factories import NOW
from tests.monitoring.console.conftest import Cast
from tests.monitoring.console.makers import make_healthy
from tests.monitoring.console.markup import text

ADDRESS = "/o/acme/people/"
MINUTE = timedelta(minutes=1)


def deed(cast: Cast, person: Any, ago: timedelta = 5 * MINUTE, **overrides: Any) -> None:
    given = {"organization": person.organization, "author": cast.admin, "person": person}
    audit_entry_write(**{"action": "person.sync_now", "now": NOW - ago} | given | overrides)


def only_row(client: Client) -> Row:
    (row,) = client.get(ADDRESS).context["rows"]
    return row


def test_a_row_says_who_did_what_last_and_when(cast: Cast, admin_client: Client) -> None:
    cast.admin.first_name, cast.admin.last_name = "Casey", "Admin"
    cast.admin.save()
    person = make_healthy(cast.acme)
    deed(cast, person, 9 * MINUTE, action="person.hold", detail={"reason": "On leave"})
    deed(cast, person)
    page = text(admin_client.get(ADDRESS))
    assert "Casey Admin asked for a sync now 5 min ago" in page
    assert "switched syncing off" not in page


def test_the_reason_stands_with_it(cast: Cast, admin_client: Client) -> None:
    person = make_healthy(cast.acme)
    deed(cast, person, action="person.hold", detail={"reason": "On leave"})
    found = only_row(admin_client).deed
    assert found is not None
    assert found.sentence == "admin@acme.example switched syncing off"
    assert found.in_full.endswith("12:55:00 (CET, Europe/Berlin): On leave")


def test_what_was_done_to_many_has_the_reason_of_the_action(
    cast: Cast, admin_client: Client
) -> None:
    person = make_healthy(cast.acme)
    made = {"author": cast.admin, "author_name": "Casey", "created_at": NOW, "origin": "filter"}
    action = Action.objects.create(organization=cast.acme, kind="hold", reason="Migration", **made)
    deed(cast, person, action="person.hold", detail={"action": action.pk})
    found = only_row(admin_client).deed
    assert found is not None
    assert found.why == "Migration"


def test_a_detail_of_another_kind_is_no_action(cast: Cast, admin_client: Client) -> None:
    deed(cast, make_healthy(cast.acme), detail={"action": "none"})
    found = only_row(admin_client).deed
    assert found is not None
    assert found.why == ""


def test_old_deeds_and_those_of_others_are_not_on_the_row(cast: Cast, admin_client: Client) -> None:
    person, other = make_healthy(cast.acme), make_healthy(cast.globex)
    deed(cast, person, timedelta(days=8))
    deed(cast, other)
    assert only_row(admin_client).deed is None
