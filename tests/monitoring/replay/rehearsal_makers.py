"""Rehearsals for tests, played to their end."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.conf import settings

from accounts.access import Access
from accounts.models import Organization, Person
from monitoring.alerts.mails import Mail
from monitoring.replay.models import BackTest, State
from monitoring.replay.rehearsal_result import RehearsalResult, from_json
from monitoring.replay.rehearsals import rehearsal_ask
from monitoring.replay.working import back_tests_work
from tests.factories import NOW
from tests.monitoring.incidents.makers import INACTIVE
from tests.monitoring.replay.makers import make_history

TODAY = NOW.replace(hour=0, minute=0, second=0, microsecond=0)


def make_trouble(organization: Organization) -> Person:
    """One of three people has been inactive at Salesforce for a day and a half, up to NOW."""
    return make_history(organization, None, None, INACTIVE, days=1.5)[-1]


def ask(access: Access, **overrides: Any) -> BackTest:
    wanted = {
        "starts_at": TODAY - timedelta(days=1),
        "days": 2,
        "change": None,
        "routes": None,
        "now": NOW,
    }
    return rehearsal_ask(**{"access": access} | wanted | overrides)


def rehearse(access: Access, **overrides: Any) -> BackTest:
    """Ask for a rehearsal of yesterday and today, and run it."""
    run = ask(access, **overrides)
    back_tests_work()
    run.refresh_from_db()
    assert run.state == State.DONE, run.error
    return run


def found(access: Access, **overrides: Any) -> RehearsalResult:
    """Return what such a rehearsal finds."""
    result = rehearse(access, **overrides).result
    assert result is not None
    return from_json(result)


def told(result: RehearsalResult) -> list[tuple[str, str]]:
    """Return to whom each message went, and its phase."""
    return [
        (message.address, part.item.phase) for message in result.messages for part in message.parts
    ]


def as_before(result: dict[str, Any]) -> dict[str, Any]:
    """Return a stored result as it was written before anything was compared."""
    messages = [without(message, "mark", "without") for message in result["messages"]]
    return without(result, "difference", "gone") | {"messages": messages}


def without(told: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name not in names}


def said(mail: Mail, organization: Organization) -> tuple[str, str, str]:
    """Return subject, text and HTML of a mail, its links as far as a rehearsal can have them.

    It has no alert: what leads to one, or to its people, leads to all of them or to those with its
    cause. What acknowledges it or unsubscribes leads to the list of alerts.
    """
    base = settings.BASE_URL.rstrip("/")
    own = f"{base}/o/{organization.slug}"
    links = {
        rf"{base}/(?:alert|unsubscribe)/[^/]+/|{own}/alerts/\d+/": f"{own}/alerts/",
        r"/people/\?(?:alert=\d+|status=stalled&(?:amp;)?cause=[\w-]+)": "/people/?its people",
    }
    texts = [mail.subject, mail.text, mail.html]
    for link, instead in links.items():
        texts = [re.sub(link, instead, text) for text in texts]
    return texts[0], texts[1], texts[2]
