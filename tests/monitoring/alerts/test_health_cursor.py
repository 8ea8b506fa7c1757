from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Organization, Person
from monitoring.alerts import health_cursor
from monitoring.alerts.health_cursor import cursor_begin, webhook_events
from monitoring.alerts.models import Message, Recipient
from monitoring.alerts.outbox import mail_in
from monitoring.alerts.sending import webhooks_work
from monitoring.health.models import Transition
from monitoring.jobs.steps import steps_registered
from tests.factories import NOW, make_organization, make_person
from tests.monitoring.alerts.destination_makers import make_webhook
from tests.monitoring.alerts.web import Web
from tests.monitoring.jobs.service import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
INSERT = """
    INSERT INTO health_transition (organization_id, person_id, at, from_status, to_status,
        from_cause, to_cause, from_interval, to_interval, rules_version, evidence)
    VALUES (%s, %s, now(), 'healthy', %s, '', 'x', 7200, 14400, 3, '{}')
    RETURNING id
"""


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def person(organization: Organization) -> Person:
    return make_person(organization)


def all_over() -> None:
    """Wait until the transactions that are under way are over, those of other tests' databases."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        (number,) = cursor.fetchone()
    wait_until(lambda: cursor_begin() >= number, 60, "no transaction is under way")


def tell_all(now: datetime) -> None:
    all_over()
    webhook_events(now)


def hearing(organization: Organization, **overrides: Any) -> Recipient:
    """Store a webhook that hears of all that changes from now on."""
    all_over()
    cursor = {"events_transaction": cursor_begin(), "events_transition": 0}
    url = overrides.pop("url", "https://hooks.example/")
    return make_webhook(url, organization, hears_health=True, **cursor | overrides)


@contextmanager
def writer() -> Iterator[psycopg.Connection[Any]]:
    """Give a connection of its own, in a transaction that ends when it is told to."""
    given = connection.get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold"):
        given.pop(name, None)
    with psycopg.connect(**given) as other:
        yield other


def change(other: psycopg.Connection[Any], person: Person, status: str = "stalled") -> int:
    row = other.execute(INSERT, [person.organization_id, person.pk, status]).fetchone()
    assert row is not None
    return int(row[0])


def make_change(person: Person, **overrides: Any) -> Transition:
    return Transition.objects.create(
        **{
            "organization_id": person.organization_id,
            "person": person,
            "at": NOW,
            "from_status": "healthy",
            "to_status": "stalled",
            "from_cause": "",
            "to_cause": "salesforce.session_policy",
            "from_interval": 7_200,
            "to_interval": 86_400,
            "rules_version": 3,
        }
        | overrides
    )


def heard(recipient: Recipient) -> list[int]:
    messages = Message.objects.filter(target=recipient).order_by("id")
    events = [json.loads(mail_in(message).text) for message in messages]
    return [each["id"] for event in events for each in event["data"]["changes"]]


def test_a_change_is_told_with_what_it_was_and_is(person: Person, now: datetime) -> None:
    hook = hearing(person.organization)
    row = make_change(person)
    tell_all(now)
    (message,) = Message.objects.all()
    assert (message.kind, message.channel, message.target) == ("health_changed", "webhook", hook)
    assert json.loads(mail_in(message).text) == {
        "type": "health.changed",
        "timestamp": "2026-11-20T12:00:00.000Z",
        "data": {
            "organization": person.organization.slug,
            "changes": [
                {
                    "id": row.pk,
                    "at": "2026-11-20T12:00:00.000Z",
                    "person": {"id": person.pk, "email": person.email},
                    "from": {"status": "healthy", "cause": "", "interval": 7_200},
                    "to": {
                        "status": "stalled",
                        "cause": "salesforce.session_policy",
                        "interval": 86_400,
                    },
                    "rules_version": 3,
                    "evidence": [],
                }
            ],
        },
    }
    tell_all(now)
    assert Message.objects.count() == 1


def test_what_was_before_is_not_told_nor_what_is_of_others(person: Person, now: datetime) -> None:
    make_change(person)
    hook = hearing(person.organization)
    make_change(make_person())
    tell_all(now)
    assert heard(hook) == []
    assert not Message.objects.exists()


def test_changes_that_are_committed_out_of_order_are_all_told(
    person: Person, now: datetime
) -> None:
    hook = hearing(person.organization)
    with writer() as first, writer() as second:
        early = change(first, person)
        late = change(second, person)
        assert early < late
        second.commit()
        webhook_events(now)
        assert heard(hook) == [], "the first one is still under way, so nobody reads past it"
        first.commit()
        tell_all(now)
        assert heard(hook) == [early, late]


def test_a_row_with_a_lower_number_in_a_later_transaction_is_told_too(
    person: Person, now: datetime
) -> None:
    """Numbers of rows are given before they are visible, and in no order of transactions."""
    hook = hearing(person.organization)
    with writer() as first, writer() as second:
        first.execute("SELECT pg_current_xact_id()")
        late = change(second, person)
        second.commit()
        early = change(first, person)
        assert early > late
        webhook_events(now)
        first.commit()
        third = make_change(person)
        tell_all(now)
        assert sorted(heard(hook)) == [late, early, third.pk]
        assert heard(hook)[0] == early, "in the order of transactions"


def test_a_transaction_that_is_given_up_holds_nobody_up(person: Person, now: datetime) -> None:
    hook = hearing(person.organization)
    with writer() as first, writer() as second:
        change(first, person)
        late = change(second, person)
        second.commit()
        first.rollback()
    tell_all(now)
    assert heard(hook) == [late]


def test_many_changes_come_in_batches_each_once_and_in_order(
    person: Person, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_cursor, "BATCH", 3)
    monkeypatch.setattr(health_cursor, "MOST_BATCHES", 2)
    hook = hearing(person.organization)
    rows = [make_change(person).pk for _ in range(8)]
    tell_all(now)
    assert heard(hook) == rows[:6], "so many a tick"
    tell_all(now)
    assert heard(hook) == rows
    assert Message.objects.count() == 3


def test_each_webhook_has_its_own_place(person: Person, now: datetime) -> None:
    one = hearing(person.organization)
    first = make_change(person).pk
    other = hearing(person.organization)
    second = make_change(person).pk
    tell_all(now)
    assert (heard(one), heard(other)) == ([first, second], [second])


def test_where_too_much_waits_the_place_is_kept(
    person: Person, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_cursor, "MOST_WAITING", 1)
    hook = hearing(person.organization)
    rows = []
    for _ in range(4):
        rows.append(make_change(person).pk)
        tell_all(now)
    assert heard(hook) == rows[:2]
    Message.objects.update(state="sent")
    tell_all(now)
    assert heard(hook) == rows


@pytest.mark.parametrize("field", ["removed_at", "unsubscribed_at"])
def test_who_is_gone_hears_nothing(person: Person, now: datetime, field: str) -> None:
    hearing(person.organization, **{field: now})
    make_change(person)
    tell_all(now)
    assert not Message.objects.exists()


def test_a_database_that_counts_less_far_begins_anew(person: Person, now: datetime) -> None:
    """As after it was restored from a dump into a new server."""
    hook = hearing(person.organization, events_transaction=10**15)
    make_change(person)
    tell_all(now)
    assert heard(hook) == []
    later = make_change(person).pk
    tell_all(now)
    assert heard(hook) == [later]


def test_a_person_who_was_deleted_has_no_address(person: Person, now: datetime) -> None:
    hook = hearing(person.organization)
    row = make_change(person)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM accounts_person WHERE id = %s", [person.pk])
        cursor.execute("SET session_replication_role = DEFAULT")
    tell_all(now)
    assert heard(hook) == [row.pk]


def test_it_is_a_step_of_the_tick_and_costs_one_statement_where_nobody_hears(
    person: Person, now: datetime, django_assert_num_queries: Any
) -> None:
    make_change(person)
    make_webhook("https://hooks.example/", person.organization)
    with django_assert_num_queries(1):
        steps_registered()["webhook events"](now)


def test_a_change_arrives_signed(person: Person, web: Web) -> None:
    hearing(person.organization, url=web.url())
    make_change(person)
    tell_all(timezone.now() - timedelta(seconds=1))
    webhooks_work()
    assert web.taken[0].json["type"] == "health.changed"
    assert Message.objects.get().state == "sent"
