from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from monitoring.alerts.mails import mail_of
from monitoring.alerts.models import Message, MessageState, Silence
from tests.browser.axe import violations
from tests.browser.conftest import NARROW, WIDE
from tests.factories import make_person
from tests.monitoring.actions.invitation_makers import make_invitation
from tests.monitoring.alerts.makers import make_message, make_silence
from tests.monitoring.alerts.test_mails import context
from tests.monitoring.console.makers import make_healthy

SignedIn = Callable[..., Page]
SIZES = pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
LONG = "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh the Third of his Name"


def make_mails(acme: Any) -> Message:
    """Mails in every state; return the one that was given up."""
    now = datetime.now(UTC)
    ada = make_person(acme, name="Ada Lovelace")

    def make(stem: str, minutes: int, **fields: Any) -> Message:
        people = {"person_name": "Ada Lovelace", "organization_name": "Acme", "message": "Thanks!"}
        mail = mail_of(stem, context(**people))
        at = now - timedelta(minutes=minutes)
        return make_message(ada, kind=stem, mail=mail, now=at, **fields)

    make("acted_for_you", 300, state=MessageState.SENT, sent_at=now, answer="Accepted by post")
    make("reauthorize", 200, state=MessageState.WITHDRAWN, ended_at=now)
    make("person_link", 90, recipient_name=LONG, recipient=f"{LONG[:30]}@acme.example")
    later = now + timedelta(minutes=32)
    make("reauthorize_reminder", 60, attempts=4, next_try_at=later, answer="450 Mailbox full")
    gone = "550 5.1.1 The email account that you tried to reach does not exist"
    week = {"created_at": now, "sent_at": now, "expires_at": now + timedelta(days=7)}
    given_up = {"state": MessageState.FAILED, "ended_at": now, "attempts": 1, "answer": gone}
    key = f"invitation/{make_invitation(ada, **week).pk}/1"
    return make("reauthorize", 5, key=key, **given_up)


def overflow(page: Page) -> int:
    return page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )


@SIZES
def test_from_the_list_to_a_mail_as_it_was_sent_and_out_again(
    signed_in: SignedIn, acme: Any, viewport: dict[str, int], settings: Any
) -> None:
    settings.OUTBOX_SHOWS_LINKS = True
    failed = make_mails(acme)
    page = signed_in("outbox/", viewport=viewport)
    expect(page.get_by_role("heading", level=1)).to_have_text("1 message could not be delivered")
    assert overflow(page) == 0
    page.get_by_role("link", name="Not delivered").click()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="Your calendar needs your permission again").click()
    assert violations(page) == []
    mail = page.frame_locator("iframe")
    expect(mail.get_by_role("heading")).to_have_text("Your calendar needs your permission again")
    button = mail.get_by_text("Give your permission", exact=True)
    assert button.evaluate("one => getComputedStyle(one).color") == "rgb(255, 255, 255)"
    assert overflow(page) == 0
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("status").first).to_contain_text("sent again within a minute")
    assert Message.objects.get(pk=failed.pk).state == MessageState.QUEUED


@SIZES
def test_a_silence_is_seen_and_ended(
    signed_in: SignedIn, acme: Any, viewport: dict[str, int]
) -> None:
    now = datetime.now(UTC)
    people = [make_healthy(acme) for _ in range(3)]
    later = now + timedelta(hours=5)
    make_silence(acme, people[:1], reason=LONG, ends_at=later, now=now)
    make_silence(acme, people, reason="At the fair", ends_at=later, now=now)
    before = now - timedelta(days=2)
    make_silence(acme, people, reason="Last week", now=before, ends_at=now - timedelta(days=1))
    page = signed_in("silences/", viewport=viewport)
    expect(page.get_by_role("heading", level=1)).to_have_text("2 silences are in force")
    assert overflow(page) == 0
    page.get_by_role("button", name="At the fair").click()
    expect(page.get_by_role("status").first).to_contain_text("The silence is over.")
    expect(page.get_by_role("heading", level=1)).to_have_text("1 silence is in force")
    assert Silence.objects.filter(organization=acme, ended_at=None, ends_at__gt=now).count() == 1
