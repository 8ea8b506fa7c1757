"""Whether digests and tests are still right to send when it is their turn.

Neither tells of an alert, so whose a mail is, is known by its key. One of another key is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from monitoring.alerts.hours import is_awake, next_awake
from monitoring.alerts.last_checks import Decision, Withdrawal
from monitoring.alerts.models import Digest, Message, MessageState, Recipient
from monitoring.alerts.recipients import hours_by, may_be_told
from monitoring.alerts.withdrawals import NOBODY, TOO_OLD

# A digest that is older is not sent where a newer one is there.
GOOD_FOR = timedelta(days=1)
GIVEN_UP = (MessageState.FAILED, MessageState.WITHDRAWN)


def digests_check(messages: Sequence[Message], now: datetime) -> Mapping[int, Decision]:
    """Withdraw the digests of who left or wants none any more, and old ones that have a newer one.

    What has waited into somebody's quiet hours or days off waits until they are over.
    """
    whose, there = recipients_in(messages)
    wanted = {key for key, digest in there.items() if digest != Digest.NEVER}
    old = followed([each for each in messages if now - each.created_at > GOOD_FOR])
    hours = hours_by(set(whose.values()))
    asleep: dict[int, Decision] = {
        key: next_awake(hours[recipient], now) or now + GOOD_FOR
        for key, recipient in whose.items()
        if recipient in hours and not is_awake(hours[recipient], now)
    }
    gone: dict[int, Decision] = {
        key: Withdrawal(TOO_OLD if recipient in wanted else NOBODY)
        for key, recipient in whose.items()
        if recipient not in wanted or key in old
    }
    return asleep | gone


def followed(messages: Sequence[Message]) -> set[int]:
    """Return the ids of the digests whose recipient has a newer one that was not given up."""
    whose = {each.pk: recipient_in(each) for each in messages}
    about = Q()
    for recipient in {each for each in whose.values() if each is not None}:
        about |= Q(key__startswith=f"digest/{recipient}/")
    if not about:
        return set()
    there = Message.objects.filter(about, kind="digest").exclude(state__in=GIVEN_UP)
    newest: dict[int | None, int] = {}
    for message in there.only("id", "kind", "key").order_by("pk"):
        newest[recipient_in(message)] = message.pk
    return {key for key, recipient in whose.items() if newest.get(recipient, key) > key}


def trials_check(messages: Sequence[Message], now: datetime) -> Mapping[int, Decision]:
    """Withdraw the tests to who left, was removed or has unsubscribed."""
    whose, there = recipients_in(messages)
    gone = [key for key, recipient in whose.items() if recipient not in there]
    return dict.fromkeys(gone, Withdrawal(NOBODY))


def recipients_in(messages: Sequence[Message]) -> tuple[dict[int, int], dict[int, str]]:
    """Return whose the messages are, and of those who may be told still which digest they want."""
    found = {message.pk: recipient_in(message) for message in messages}
    whose = {key: recipient for key, recipient in found.items() if recipient is not None}
    there = Recipient.objects.filter(may_be_told(), pk__in=set(whose.values()))
    return whose, dict(there.values_list("pk", "digest"))


def recipient_in(message: Message) -> int | None:
    """Return the id of the recipient in a key such as "digest/7/2026-11-20". Pure."""
    kind, _, rest = message.key.partition("/")
    number = rest.partition("/")[0]
    return int(number) if kind == message.kind and number.isdecimal() else None
