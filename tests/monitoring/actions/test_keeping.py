from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from accounts.access import Access
from accounts.models import Organization
from monitoring.actions.keeping import PREVIEWS_EACH, actions_keep, is_to_be_let_go
from monitoring.actions.models import Action, ActionPerson, ActionState, Invitation
from monitoring.actions.starting import action_undo
from monitoring.alerts.models import Silence, SilencedPerson
from monitoring.audit.models import AuditEntry
from tests.factories import NOW
from tests.monitoring.actions.makers import make_access, make_action, make_people, make_preview
from tests.monitoring.alerts.makers import make_silence

DAY = timedelta(days=1)


def test_what_nobody_approved_within_three_days_is_discarded(
    acme: Organization, access: Access
) -> None:
    make_access(acme)
    action = make_action(access, make_people(acme, 21))
    assert not is_to_be_let_go(NOW + 3 * DAY)
    assert not actions_keep(NOW + 3 * DAY)

    later = NOW + 4 * DAY
    assert is_to_be_let_go(later)
    assert actions_keep(later)
    action.refresh_from_db()
    assert (action.state, action.second, action.second_at) == ("discarded", None, later)
    entry = AuditEntry.objects.get(action="action.expire")
    assert (entry.author, entry.author_name) == (None, "synccenter")
    assert entry.detail == {"action": action.pk, "kind": "hold", "people": 21}
    assert not actions_keep(later)


@pytest.fixture
def ended(access: Access, settings: Any) -> datetime:
    """Two actions have ended at NOW, one of them undone; returns when they are forgotten."""
    settings.OUTCOME_RETENTION_DAYS = 10
    people = make_people(access.organization, 3)
    make_action(access, people[:1])
    action = make_action(access, people[1:])
    action_undo(access=access, action=action, now=NOW)
    Invitation.objects.create(
        person=people[0],
        organization=access.organization,
        action=action,
        providers=["google"],
        state="done",
        created_at=NOW,
    )
    return NOW + 10 * DAY + timedelta(seconds=1)


def test_actions_that_ended_long_ago_are_forgotten_with_their_people(
    access: Access, ended: datetime, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    assert not is_to_be_let_go(ended - timedelta(seconds=1))
    assert is_to_be_let_go(ended)
    recent = make_action(access, make_people(access.organization, 1), now=ended)
    with django_assert_max_num_queries(20):
        assert actions_keep(ended)
    assert list(Action.objects.all()) == [recent]
    assert ActionPerson.objects.count() == 1
    assert Invitation.objects.get().action is None
    assert AuditEntry.objects.filter(action="person.hold").count() == 4


def test_what_was_undone_of_late_stays(access: Access, ended: datetime) -> None:
    undo = Action.objects.get(kind="undo")
    for change in ({"finished_at": ended}, {"finished_at": None, "state": ActionState.RUNNING}):
        Action.objects.filter(pk=undo.pk).update(**change)
        actions_keep(ended)
        assert set(Action.objects.all()) == {undo, undo.undo_of}
    assert not is_to_be_let_go(ended)


def test_silences_that_ended_long_ago_are_forgotten(access: Access, ended: datetime) -> None:
    people = make_people(access.organization, 2)
    make_silence(access.organization, people, ends_at=NOW + timedelta(minutes=1))
    kept = make_silence(access.organization, people, ends_at=NOW + DAY)
    assert actions_keep(ended + timedelta(hours=1))
    assert list(Silence.objects.all()) == [kept]
    assert SilencedPerson.objects.count() == 2


def test_of_an_authors_previews_the_newest_few_stay(acme: Organization, access: Access) -> None:
    people = make_people(acme, 2)
    others = make_preview(make_access(acme), people)
    begun = make_action(access, people[:1])
    mine = [make_preview(access, people) for _ in range(PREVIEWS_EACH + 2)]
    assert list(Action.objects.order_by("pk")) == [others, begun, *mine[2:]]


def test_what_is_to_be_forgotten_is_found_by_an_index(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "action_ended" in Action.objects.filter(finished_at__lt=NOW).explain()
