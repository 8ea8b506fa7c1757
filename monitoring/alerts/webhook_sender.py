"""Sending signed webhooks (Standard Webhooks), each under an id that stays the same."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime

import requests
from django.conf import settings
from django.utils import timezone
from standardwebhooks import Webhook

from accounts.credentials import CredentialUnreadableError
from monitoring.alerts.delivery import Answer, Verdict, answer_to_request, told
from monitoring.alerts.guarded_http import call, exchange
from monitoring.alerts.hiding import hidden
from monitoring.alerts.models import Message
from monitoring.alerts.outbox import mail_in
from monitoring.alerts.secrets import Secret, secret_of

logger = logging.getLogger(__name__)

# Seconds for one webhook, however slowly its target takes it.
WITHIN = 20.0
REMOVED = "This destination was removed."


class WebhookSender:
    """Takes webhooks to where they lead; one that is silent keeps no other from being sent."""

    is_away = False

    def send(self, message: Message) -> Answer:
        """Send a webhook and return what came of it; never raises for the message's sake."""
        target = message.target
        if target is None or target.removed_at is not None:
            return Answer(Verdict.NEVER, REMOVED)
        try:
            secret, body = secret_of(target), mail_in(message).text.encode()
        except CredentialUnreadableError as error:
            return Answer(Verdict.LATER, told(error))
        try:
            headers = headers_of(webhook_id(message), body, secret, timezone.now())
            return answer_to_post(secret.url, body, headers)
        except Exception as error:  # noqa: BLE001 - whatever is made of a strange answer
            # Neither its text nor where it came from: both may hold the address.
            logger.warning("a webhook broke: %s", type(error).__name__)
            return Answer(
                Verdict.LATER, f"The server's answer is strange ({type(error).__name__})."
            )

    def close(self) -> None:
        """Nothing is kept open."""


def answer_to_post(url: str, body: bytes, headers: dict[str, str]) -> Answer:
    # An answer that breaks off after its status says what matters, and so does an error.
    with exchange(WITHIN) as made, suppress(requests.exceptions.RequestException):
        call("POST", url, data=body, headers=headers)
    said = hidden(made.body, url, made.url)
    return answer_to_request(made.status, said, made.error, made.retry_after)


def webhook_id(message: Message) -> str:
    """Return the id of a webhook, the same at each try and when it is sent anew."""
    return message.event_id or "msg_" + message.message_id.strip("<>").partition("@")[0]


def headers_of(webhook: str, body: bytes, secret: Secret, now: datetime) -> dict[str, str]:
    """Return the headers of one try; while keys are changed each of them signs it."""
    at = now.replace(microsecond=0)
    signatures = [
        Webhook(key).sign(msg_id=webhook, timestamp=at, data=body.decode())
        for key in secret.keys_at(now)
    ]
    return {
        "Content-Type": "application/json",
        "User-Agent": f"synccenter/{settings.RELEASE}",
        "webhook-id": webhook,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
