"""The queue tasks behind the doorbells for messages: each sends those of its channel that are due.

Every message goes out at least once. An error in sending one is that message's alone, and any other
hands back what was claimed; whatever ends a sender without a word, what it had in hand is taken up
when its lease ends (`monitoring.alerts.claims`).
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from time import monotonic
from typing import Any, Protocol
from uuid import UUID, uuid4

from django.conf import settings
from django.core.mail import get_connection
from django.db import transaction
from django.utils import timezone

from accounts.credentials import CredentialUnreadableError
from monitoring.alerts.chat_sender import ChatSender
from monitoring.alerts.claims import (
    message_begin,
    message_keep_back,
    message_settle,
    messages_claim,
    messages_hand_back,
    messages_hold,
    target_put_off,
)
from monitoring.alerts.delivery import (
    CUT_OFF,
    MOST_TRIES,
    Answer,
    Verdict,
    answer_to_call,
    answer_to_mail,
    is_silent,
    refuses_us,
    rest_after,
)
from monitoring.alerts.last_checks import Leave, decisions
from monitoring.alerts.mail_services import plain, unsaid_refusal
from monitoring.alerts.models import Channel, Message
from monitoring.alerts.outbox import sender_ring
from monitoring.alerts.outgoing import OutboxMail, mail_to_send
from monitoring.alerts.webhook_sender import WebhookSender
from monitoring.jobs import lifeline
from monitoring.jobs.beats import worker_beat
from monitoring.jobs.models import Lane
from monitoring.jobs.outage import DATABASE_ERRORS

logger = logging.getLogger(__name__)

# Messages claimed at once: mails for one connection to the server.
BATCH = 10
# Seconds until others have a turn, of what waits for strangers' servers.
SHORT_BUDGET = 20


class Sender:
    """Sends mails over one connection as long as that holds.

    `is_away`: no server is there, or none that answers, or takes mails of ours.
    """

    def __init__(self) -> None:
        self.connection: Any = None
        self.is_away = False

    def send(self, message: Message) -> Answer:
        """Send a mail and return what the server made of it; never raises for the mail's sake."""
        try:
            mail = mail_to_send(message)
        except (CredentialUnreadableError, ValueError) as error:
            return answer_to_mail(error)
        try:
            self.open()
        except Exception as error:
            logger.warning("the mail server could not be reached", exc_info=True)
            self.is_away = True
            return answer_to_call(error)
        return self.hand_over(mail)

    def open(self) -> None:
        if self.connection is None:
            connection = get_connection()
            connection.open()
            self.connection = connection

    def hand_over(self, mail: OutboxMail) -> Answer:
        try:
            taken = self.connection.send_messages([mail])
        except Exception as raised:
            logger.info("a mail was not taken", exc_info=True)
            error = plain(raised)
            # Whatever state the conversation is in, the next mail begins one of its own.
            self.close()
            self.is_away = refuses_us(error) or is_silent(error)
            return answer_to_mail(error)
        if not taken:
            return Answer(Verdict.LATER, "The mail server took nothing.")
        if refusal := unsaid_refusal(mail):
            return answer_to_mail(refusal)
        return Answer(Verdict.TAKEN, said_by(self.connection, mail))

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def said_by(connection: Any, mail: OutboxMail) -> str:
    """Return what is to be told of a mail that was taken: by whom, as far as it is known."""
    status = getattr(mail, "anymail_status", None)
    if status is not None:
        return f"Accepted by {connection.esp_name} as {status.message_id}"
    host = getattr(connection, "host", "")
    return getattr(connection, "answer", "") or (f"Accepted by {host}" if host else "")


class Deliverer(Protocol):
    """Takes messages of one channel to where they go.

    `is_away`: nothing more can be sent now, to whomever.
    """

    @property
    def is_away(self) -> bool: ...

    def send(self, message: Message) -> Answer:
        """Send a message and return what came of it; never raises for the message's sake."""

    def close(self) -> None: ...


def messages_work() -> None:
    """Send the mails that are due."""
    work(Sender(), Channel.MAIL, settings.DRAIN_BUDGET)


def chats_work() -> None:
    """Send what is due to chats and paging services."""
    work(ChatSender(), Channel.CHAT, min(settings.DRAIN_BUDGET, SHORT_BUDGET))


def webhooks_work() -> None:
    """Send the webhooks that are due."""
    work(WebhookSender(), Channel.WEBHOOK, min(settings.DRAIN_BUDGET, SHORT_BUDGET))


def work(deliverer: Deliverer, channel: Channel, budget: float) -> None:
    """Send what is due until there is nothing, or others should have a turn, or nobody answers."""
    until = monotonic() + budget

    def may_go_on() -> bool:
        return monotonic() < until and not lifeline.is_cut()

    with closing(deliverer):
        if send_all(deliverer, may_go_on, channel):
            sender_ring(channel)


def send_all(
    deliverer: Deliverer, may_go_on: Callable[[], bool], channel: Channel = Channel.MAIL
) -> bool:
    """Send what is due as long as one may; return whether some may be left that can be sent."""
    token = uuid4()
    # Targets that did not take their message: their next ones wait, those of others do not.
    absent: set[int] = set()
    while may_go_on():
        now = timezone.now()
        batch = messages_claim(token=token, limit=BATCH, now=now, channel=channel, absent=absent)
        if not batch:
            return False
        try:
            deliver(checked(batch, token), deliverer, token, may_go_on, absent)
        except Exception:
            # Else all others of the channel would wait until the lease ends.
            messages_hand_back(token=token)
            raise
        messages_hand_back(token=token)
        if deliverer.is_away:
            # The next tick asks again; until then every message is as well off in its table.
            return False
    return True


@transaction.atomic
def checked(batch: Sequence[Message], token: UUID) -> list[Message]:
    """Return those of a batch that are still ours and right to send; the others are kept back.

    What their checks note of them and that they are kept back is there together, or neither.
    """
    batch, now = messages_hold(messages=batch, token=token), timezone.now()
    decided = decisions(batch, now)
    for message in batch:
        decision = decided[message.pk]
        if decision is not Leave.SEND:
            message_keep_back(message=message, token=token, decision=decision, now=now)
    return [message for message in batch if decided[message.pk] == Leave.SEND]


def deliver(
    batch: Iterable[Message],
    deliverer: Deliverer,
    token: UUID,
    may_go_on: Callable[[], bool],
    absent: set[int] | None = None,
) -> None:
    """Send the messages of a batch that are still ours, each with a result of its own.

    A target that does not take its message, or is slow to, is added to `absent`: it gets no other.
    """
    absent = set() if absent is None else absent
    for message in batch:
        if deliverer.is_away or not may_go_on():
            return
        if message.target_id in absent or not message_begin(message=message, token=token):
            continue
        # The manager must not take a slow mail server for a worker that is stuck.
        worker_beat(lane=Lane.SCHEDULE, in_flight=0)
        begun = monotonic()
        answer = answer_of(deliverer, message)
        rest = rest_after(monotonic() - begun)
        settle(message, token, answer)
        if message.target_id is not None and (rest or answer.verdict == Verdict.LATER):
            absent.add(message.target_id)
            target_put_off(message=message, token=token, at_least=timezone.now() + rest)


def answer_of(deliverer: Deliverer, message: Message) -> Answer:
    """Send a message and return what came of it, whatever its deliverer breaks at."""
    if message.attempts >= MOST_TRIES:
        return Answer(Verdict.NEVER, CUT_OFF)
    try:
        return deliverer.send(message)
    except DATABASE_ERRORS:
        raise
    except Exception as error:  # noqa: BLE001 - one message's, whatever it is
        # Not its text, which may hold an address that is a secret.
        logger.error("message %s broke its sender: %s", message.pk, type(error).__name__)
        return Answer(Verdict.LATER, f"It could not be sent ({type(error).__name__}).")


def settle(message: Message, token: UUID, answer: Answer) -> None:
    dice = random.random()  # noqa: S311 - spreads tries, guards nothing
    kept = message_settle(
        message=message, token=token, answer=answer, dice=dice, now=timezone.now()
    )
    if not kept:
        logger.warning("message %s was taken up elsewhere or withdrawn meanwhile", message.pk)
    elif answer.verdict != Verdict.TAKEN:
        # What strangers' servers say is for whom they are of, in the outbox.
        said = answer.said if message.channel == Channel.MAIL else answer.verdict
        logger.info("message %s: %s", message.pk, said)
