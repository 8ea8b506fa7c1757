"""What the tick and the senders ask all the time reads what matters, not the outbox of months."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization
from monitoring.alerts.alert_checks import sent_lately
from monitoring.alerts.claims import has_room, messages_hand_back
from monitoring.alerts.forgetting import messages_forget
from monitoring.alerts.incident_alerts import incidents_found
from monitoring.alerts.models import Alert, Message
from monitoring.alerts.service import mail_facts
from monitoring.incidents.models import Incident
from tests.factories import NOW, make_organization
from tests.monitoring.alerts.makers import make_message
from tests.monitoring.alerts.routing_makers import make_recipient

pytestmark = pytest.mark.django_db
MANY = 5_000
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
COPIES = """
    INSERT INTO alerts_message (organization_id, kind, key, channel, target_id, recipient,
        recipient_name, subject, content, message_id, event_id, created_at, state, attempts,
        next_try_at, sent_at, answer)
    SELECT organization_id, kind, key || n, channel, target_id, recipient, '', subject, content,
        message_id || n, '', created_at, state, 1, next_try_at, sent_at, ''
    FROM alerts_message, generate_series(1, %s) AS n WHERE id = %s
"""


def many(message: Message) -> None:
    """Add many messages like one."""
    with connection.cursor() as cursor:
        cursor.execute(COPIES, [MANY, message.pk])
        cursor.execute("ANALYZE alerts_message")


def rows_read(work: Callable[[], object], table: str = "alerts_message") -> int:
    """Return how many rows of a table the statements of some work look at."""
    with CaptureQueriesContext(connection) as asked:
        work()
    read = 0
    for query in asked:
        if query["sql"].lstrip().startswith(("SELECT", "WITH", "UPDATE", "DELETE")):
            with connection.cursor() as cursor:
                cursor.execute(
                    "EXPLAIN (ANALYZE, FORMAT JSON) " + query["sql"].replace("%", "%%"), ()
                )
                (plan,) = cursor.fetchone()
            plan = json.loads(plan) if isinstance(plan, str) else plan
            read += rows_of_plan(plan[0]["Plan"], table)
    return read


def rows_of_plan(node: dict[str, Any], table: str) -> int:
    read = 0
    if node.get("Relation Name") == table:
        left_out = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
        rows = node["Actual Rows"] + sum(node.get(each, 0) for each in left_out)
        read = round(rows * node["Actual Loops"])
    return read + sum(rows_of_plan(each, table) for each in node.get("Plans", []))


@pytest.fixture
def acme() -> Organization:
    return make_organization(name="Acme")


def make_webhook(acme: Organization, **overrides: Any) -> Message:
    target = make_recipient(acme, channel="webhook", address="hook")
    return make_message(channel="webhook", target=target, **overrides)


def test_how_mails_go_out_is_known_without_reading_the_webhooks_since(acme: Organization) -> None:
    make_message(state="sent", sent_at=NOW - HOUR / 2)
    make_message(state="failed", ended_at=NOW - HOUR / 3)
    many(make_webhook(acme, state="sent", sent_at=NOW))
    facts = mail_facts(NOW)
    assert (facts.sent, facts.given_up, facts.sent_age) == (1, 1, 1800)
    assert rows_read(lambda: mail_facts(NOW)) < 20


def test_nor_the_webhooks_that_wait(acme: Organization) -> None:
    make_message(now=NOW - HOUR)
    many(make_webhook(acme))
    assert rows_read(lambda: mail_facts(NOW)) < 1_500
    assert mail_facts(NOW).due_age == 3600


def test_of_many_mails_of_an_hour_the_latest_are_counted() -> None:
    many(make_message(state="sent", sent_at=NOW - HOUR / 2))
    for _ in range(3):
        make_message(state="failed", ended_at=NOW - HOUR / 3)
    facts = mail_facts(NOW)
    assert (facts.sent, facts.given_up) == (497, 3)
    assert rows_read(lambda: mail_facts(NOW)) < 1_500


@pytest.mark.parametrize(
    "work",
    [
        lambda mine: has_room(uuid4(), "webhook"),
        lambda mine: messages_hand_back(token=uuid4()),
        lambda mine: sent_lately([mine], NOW),
    ],
    ids=["has_room", "messages_hand_back", "sent_lately"],
)
def test_what_senders_have_in_hand_is_found_among_all_that_waits(
    acme: Organization, work: Callable[[Message], object]
) -> None:
    waiting = make_webhook(acme, kind="alert")
    many(waiting)
    make_message(state="sending", token=uuid4(), lease_until=NOW + 9_000 * DAY)
    assert rows_read(lambda: work(waiting)) < 20


def test_forgetting_looks_no_further_than_what_is_old(acme: Organization) -> None:
    for _ in range(3):
        make_message(state="sent", sent_at=NOW, now=NOW - 90 * DAY)
    many(make_webhook(acme, state="sent", sent_at=NOW, now=NOW))
    read = rows_read(lambda: messages_forget(NOW - DAY))
    assert Message.objects.count() == MANY + 1
    assert read < 1_100, "at most as many as are forgotten at once"
    assert rows_read(lambda: messages_forget(NOW - DAY)) == 1


def test_of_incidents_that_are_long_over_none_is_read(acme: Organization) -> None:
    fields = {"provider": "salesforce", "signature": "x", "began_at": NOW, "opened_at": NOW}
    Incident.objects.bulk_create(
        Incident(organization=acme, closed_at=NOW, recovered_at=NOW, **fields) for _ in range(MANY)
    )
    going_on = Incident.objects.create(organization=acme, **fields)
    ended = Incident.objects.create(organization=None, closed_at=NOW, **fields)
    Alert.objects.create(
        kind="incident", cause=str(ended.pk), incident=ended, severity=3, began_at=NOW,
        changed_at=NOW,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE incidents_incident")
    assert [each.incident_id for each in incidents_found(NOW)] == [going_on.pk, ended.pk]
    assert rows_read(lambda: incidents_found(NOW), "incidents_incident") < 50
