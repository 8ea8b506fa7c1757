from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.item import Rest
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Recipient
from monitoring.alerts.outbox import Draft
from monitoring.alerts.plan_facts import Phase
from monitoring.alerts.webhooks import alert_event, type_of
from tests.factories import make_organization
from tests.monitoring.alerts.destination_makers import make_item, make_webhook

pytestmark = pytest.mark.django_db


@pytest.fixture
def hook() -> Recipient:
    return make_webhook("https://hooks.example/", make_organization(slug="acme", name="Acme"))


def body_of(draft: Draft) -> Any:
    return json.loads(draft.mail.text)


def test_an_alert_is_told_in_full(hook: Recipient, now: datetime) -> None:
    item = make_item(alert_id=7, is_escalated=True, flaps=2)
    draft = alert_event(hook, [item], "alert/1", now=now)
    assert (draft.kind, draft.key, draft.channel, draft.target) == (
        "alert", "alert/1", "webhook", hook,
    )  # fmt: skip
    event = body_of(draft)
    assert (event["type"], event["timestamp"]) == ("alert.opened", "2026-11-20T12:00:00.000Z")
    assert event["data"]["organization"] == "acme"
    assert event["data"]["more"] == 0
    assert event["data"]["alerts"] == [
        {
            "id": 7,
            "phase": "opened",
            "kind": "stalled",
            "severity": "warning",
            "organization": "acme",
            "cause": "salesforce.session_policy",
            "headline": event["data"]["alerts"][0]["headline"],
            "title": "Salesforce session policy",
            "meaning": "Salesforce refuses the app for these people.",
            "next_step": "Allow the app in the session policy.",
            "people": 5,
            "began_at": "2026-11-20T11:40:00.000Z",
            "ended_at": None,
            "flaps": 2,
            "is_escalated": True,
            "facts": {"share": 0.4},
            "links": {
                "alert": "https://sync.example/o/acme/alerts/7",
                "people": "https://sync.example/o/acme/people?cause=x",
            },
        }
    ]
    assert "Salesforce session policy" in event["data"]["alerts"][0]["headline"]


def test_it_holds_no_names_no_words_of_anybody_and_no_link_that_opens_something(
    hook: Recipient, now: datetime
) -> None:
    facts = {"author": "Ada Lovelace", "reason": "Secret", "text": "Error of ada@x", "people": 3}
    item = make_item(kind=AlertKind.RULE_CHANGE, facts=facts | {"rule": "google.revoked"})
    draft = alert_event(hook, [item], "alert/1", now=now)
    told = draft.mail.text
    for secret in ("Lovelace", "Bitdiddle", "Secret", "ada@x", "acknowledge"):
        assert secret not in told
    assert body_of(draft)["data"]["alerts"][0]["facts"] == {"people": 3, "rule": "google.revoked"}


def test_several_are_told_worst_first(hook: Recipient, now: datetime) -> None:
    items = [
        make_item(alert_id=1, phase=Phase.OVER, ended_at=now - timedelta(minutes=1)),
        make_item(alert_id=2),
        make_item(alert_id=3, severity=Severity.CRITICAL),
    ]
    event = body_of(alert_event(hook, items, "alert/1", now=now))
    assert event["type"] == "alert.several"
    assert [each["id"] for each in event["data"]["alerts"]] == [3, 2, 1]
    assert event["data"]["alerts"][2]["ended_at"] == "2026-11-20T11:59:00.000Z"


def test_of_very_many_the_gravest_are_listed_and_the_others_counted(
    hook: Recipient, now: datetime
) -> None:
    items = [make_item(alert_id=number, people=number) for number in range(1, 131)]
    rest = Rest({Severity.WARNING: 15_000}, over=3, phases=frozenset([Phase.OPENED, Phase.OVER]))
    draft = alert_event(hook, items, "alert/1", now=now, rest=rest)
    event = body_of(draft)
    assert [each["id"] for each in event["data"]["alerts"]] == list(range(130, 30, -1))
    assert event["data"]["more"] == 30 + 15_003
    assert event["type"] == "alert.several"
    assert draft.mail.subject.startswith("15,133 alerts: ")


@given(st.sets(st.sampled_from(list(Phase)), min_size=1))
def test_the_type_is_that_of_all_or_says_that_they_differ(phases: set[Phase]) -> None:
    kind = type_of(phases)
    assert kind == ("alert.several" if len(phases) > 1 else f"alert.{next(iter(phases))}")


def test_a_service_webhook_names_the_organization_with_each_alert(now: datetime) -> None:
    hook = make_webhook("https://hooks.example/")
    hook.organization = None
    event = body_of(alert_event(hook, [make_item()], "alert/1", now=now))
    assert event["data"]["organization"] is None
    assert event["data"]["alerts"][0]["organization"] == "acme"
