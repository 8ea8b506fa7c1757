from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from monitoring.alerts import last_checks
from monitoring.alerts.last_checks import (
    Check,
    Decision,
    Leave,
    Withdrawal,
    check_register,
    decisions,
)
from monitoring.alerts.models import Message
from monitoring.alerts.sending import messages_work
from tests.factories import NOW
from tests.monitoring.alerts import makers
from tests.monitoring.alerts.post import Post

pytestmark = pytest.mark.django_db
ADA, BEN, EVE = (f"{name}@acme.example" for name in ("ada", "ben", "eve"))
LATER = timedelta(hours=2)


@pytest.fixture(autouse=True)
def no_other_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_checks, "_checks", {})


class Fake:
    """Decides by the recipient, and remembers whom it was asked about."""

    def __init__(self, **by_recipient: Decision) -> None:
        self.by_recipient = by_recipient
        self.asked: list[list[str]] = []

    def __call__(self, messages: Sequence[Message], now: datetime) -> Mapping[int, Decision]:
        self.asked.append([message.recipient for message in messages])
        names = {message.pk: message.recipient.partition("@")[0] for message in messages}
        return {
            pk: self.by_recipient[name] for pk, name in names.items() if name in self.by_recipient
        }


def make_message(recipient: str, **overrides: Any) -> Message:
    return makers.make_message(recipient=recipient, **{"now": timezone.now()} | overrides)


def stored(message: Message) -> Message:
    return Message.objects.get(pk=message.pk)


def test_each_claimed_mail_is_sent_or_waits_or_is_withdrawn_as_its_check_says(post: Post) -> None:
    at = timezone.now() + LATER
    check = Fake(ada=Withdrawal("It is over."), ben=at)
    check_register(["acted_for_you"], check)
    ada, ben, eve = (make_message(address) for address in (ADA, BEN, EVE))
    messages_work()
    assert post.recipients == [EVE]
    assert check.asked == [[ADA, BEN, EVE]]
    assert [stored(each).state for each in (ada, ben, eve)] == ["withdrawn", "queued", "sent"]
    assert [stored(each).attempts for each in (ada, ben, eve)] == [0, 0, 1]
    assert stored(ada).ended_at is not None
    assert [stored(each).answer for each in (ada, ben)] == ["It is over.", ""]
    assert stored(ben).next_try_at == at
    assert not Message.objects.exclude(token=None).exists()


def test_one_that_waited_is_asked_about_again(post: Post) -> None:
    check_register(["acted_for_you"], Fake(ada=timezone.now() + LATER))
    message = make_message(ADA)
    messages_work()
    check_register(["acted_for_you"], Fake(ada=Leave.SEND))
    Message.objects.update(next_try_at=timezone.now())
    messages_work()
    assert (stored(message).state, post.recipients) == ("sent", [ADA])


def test_a_time_that_is_past_keeps_no_sender_busy(post: Post) -> None:
    check = Fake(ada=timezone.now() - LATER)
    check_register(["acted_for_you"], check)
    message = make_message(ADA)
    messages_work()
    assert len(check.asked) == 1
    assert stored(message).next_try_at > timezone.now()
    assert post.taken == []


def test_other_kinds_are_not_asked_about(post: Post) -> None:
    check = Fake(ada=Withdrawal())
    check_register(["reauthorize"], check)
    make_message(ADA)
    messages_work()
    assert (check.asked, post.recipients) == ([], [ADA])


def broken(messages: Sequence[Message], now: datetime) -> Mapping[int, Decision]:
    raise ZeroDivisionError


def breaking_the_transaction(messages: Sequence[Message], now: datetime) -> Mapping[int, Decision]:
    Message.objects.update(channel=None)
    return {}


@pytest.mark.parametrize("broken", [broken, breaking_the_transaction])
def test_a_check_that_breaks_keeps_back_its_own_mails_only(
    post: Post, caplog: pytest.LogCaptureFixture, broken: Check
) -> None:
    check_register(["reauthorize"], broken)
    waits, goes = make_message(ADA, kind="reauthorize"), make_message(BEN)
    messages_work()
    assert (stored(waits).state, stored(goes).state) == ("queued", "sent")
    assert stored(waits).next_try_at > timezone.now() + timedelta(minutes=4)
    assert "could not be checked" in caplog.text


def test_a_kind_that_nobody_named_has_no_check() -> None:
    with pytest.raises(KeyError, match="KINDS"):
        check_register(["spam"], Fake())


def test_without_a_check_everything_is_sent() -> None:
    message = makers.make_message()
    assert decisions([message], NOW) == {message.pk: Leave.SEND}
