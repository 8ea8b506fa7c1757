"""What is asked of a mail when a sender has claimed it: whether it is still right to send it.

A mail may wait for long: for its time, for a mail server, for an admin who sends it again. Who
queues mails that can become wrong meanwhile registers a check of them at start-up.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction

from monitoring.alerts.models import Message
from monitoring.alerts.outbox import MESSAGE_KINDS
from monitoring.jobs.outage import DATABASE_ERRORS

logger = logging.getLogger(__name__)

# So long a mail waits whose check could not be made.
UNTIL_ASKED_AGAIN = timedelta(minutes=5)


class Leave(StrEnum):
    SEND = "send"


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """It is not sent; a sentence for the Outbox says why, empty where none is known."""

    reason: str = ""


# A time means: not now, ask again then.
Decision = Leave | datetime | Withdrawal
Check = Callable[[Sequence[Message], datetime], Mapping[int, Decision]]

_checks: dict[str, Check] = {}


def check_register(kinds: Collection[str], check: Check) -> None:
    """Have mails of these kinds checked each time they are claimed, a few at once.

    `check(messages, now)` decides by the id of each message; one it leaves out is sent. It should
    cost a statement or two, whatever their number, and what it writes down is kept together with
    what becomes of them. A kind has one check: of two the later counts.
    Raises KeyError for a kind that is not in `monitoring.alerts.outbox.MESSAGE_KINDS`.
    """
    for kind in kinds:
        if kind not in MESSAGE_KINDS:
            raise KeyError(f"{kind!r} is not in monitoring.alerts.outbox.MESSAGE_KINDS")
        _checks[kind] = check


def decisions(messages: Sequence[Message], now: datetime) -> dict[int, Decision]:
    """Return, by id, what is to be done with each message now.

    A check that fails keeps back its own mails only, and those for a while.
    """
    decided: dict[int, Decision] = {message.pk: Leave.SEND for message in messages}
    for check, asked in asked_of(messages).items():
        decided |= answers(check, asked, now)
    return decided


def asked_of(messages: Sequence[Message]) -> dict[Check, list[Message]]:
    """Return which messages each check is asked about, by their kinds."""
    found: defaultdict[Check, list[Message]] = defaultdict(list)
    for message in messages:
        if message.kind in _checks:
            found[_checks[message.kind]].append(message)
    return found


def answers(check: Check, asked: Sequence[Message], now: datetime) -> Mapping[int, Decision]:
    try:
        # A savepoint: the others of the batch are decided in the same transaction.
        with transaction.atomic():
            return check(asked, now)
    except DATABASE_ERRORS:
        raise
    except Exception:  # any error of another capability: its mails wait, the others go out
        logger.exception("%d mails wait, because they could not be checked", len(asked))
        return dict.fromkeys([message.pk for message in asked], now + UNTIL_ASKED_AGAIN)
