"""Makers of what messages say, for tests that need no database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from monitoring.alerts.item import Item, Reader
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.plan_facts import Phase

BERLIN = ZoneInfo("Europe/Berlin")
AT = datetime(2026, 11, 26, 13, 5, tzinfo=UTC)
SITE = "https://console.acme.example"
NAMES = ("Ada Lovelace", "Ben Moss", "Eve Stone")


def an_item(**overrides: Any) -> Item:
    return Item(
        **{
            "alert_id": 7,
            "kind": AlertKind.STALLED,
            "phase": Phase.OPENED,
            "severity": Severity.WARNING,
            "cause": "salesforce-session-policy",
            "title": "Salesforce session policy",
            "meaning": "Salesforce refuses sessions from this network.",
            "next_step": "Relax the policy in Salesforce Setup.",
            "people": 5,
            "began_at": AT,
            "organization_name": "Acme",
            "organization_slug": "acme",
            "names": NAMES,
            "missing_since": AT - timedelta(hours=3),
            "people_link": f"{SITE}/o/acme/people/?status=stalled&cause=salesforce-session-policy",
            "alert_link": f"{SITE}/o/acme/alerts/7/",
            "acknowledge_link": f"{SITE}/alert/7-3.signature/",
        }
        | overrides
    )


def an_end(**overrides: Any) -> Item:
    over = {
        "phase": Phase.OVER,
        "ended_at": AT + timedelta(hours=3, minutes=10),
        "names": (),
        "missing_since": None,
        "acknowledge_link": "",
    }
    return an_item(**over | overrides)


def a_reader(**overrides: Any) -> Reader:
    return Reader(
        **{
            "name": "Casey Admin",
            "address": "casey@acme.example",
            "zone": BERLIN,
            "unsubscribe_link": f"{SITE}/unsubscribe/3.signature/",
            "alerts_link": f"{SITE}/o/acme/alerts/",
            "settings_link": f"{SITE}/o/acme/preferences/",
            "recipient_id": 3,
            "organization_name": "Acme",
        }
        | overrides
    )
