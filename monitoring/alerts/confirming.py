"""Asking an address without a login whether it wants alerts; until it says so it gets nothing else.

Anybody may be named by an organization. So a stranger gets one mail a day at most, whichever
organizations name them and however the address is written, and nothing in it is of their choosing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from django.db import transaction

from accounts.access import Access, ServiceAccess
from monitoring.alerts.items import reader_of
from monitoring.alerts.last_checks import Decision, Leave, Withdrawal
from monitoring.alerts.letters import confirm_mail
from monitoring.alerts.models import Message, Recipient
from monitoring.alerts.outbox import Draft, messages_queue
from monitoring.alerts.refusals import AlertRefusedError
from monitoring.alerts.routes import lock
from monitoring.alerts.tickets import confirm_link
from monitoring.alerts.unsubscribing import written

KIND = "confirm_address"
A_DAY = timedelta(days=1)
# Addresses that one organization, or the service, may have asked within a day.
MOST_A_DAY = 20


def normalised(address: str) -> str:
    """Return what is the same for all ways to write an address that lead to one mailbox. Pure."""
    mailbox, _, domain = address.strip().lower().rpartition("@")
    return f"{mailbox.partition('+')[0]}@{domain}"


def confirmation_queue(
    *, access: Access | ServiceAccess, recipient: Recipient, now: datetime
) -> Message | None:
    """Queue the question to an address; None where one went there within a day.

    Call it in the transaction of what it is for: permission and audit are the caller's. Raises
    AlertRefusedError where too many were asked; addresses that were removed since count as well.
    """
    lock(access)
    lately = Message.objects.filter(kind=KIND, created_at__gt=now - A_DAY)
    if lately.visible_to(access).count() >= MOST_A_DAY:
        raise AlertRefusedError(
            f"At most {MOST_A_DAY} addresses a day are asked whether they want alerts. "
            "Try again tomorrow."
        )
    place = f"{KIND}/{sha256(normalised(recipient.address).encode()).hexdigest()[:32]}/"
    if lately.filter(key__startswith=place).exists():
        return None
    # The day makes it one of two that are asked for at the same moment, by two organizations.
    draft = confirmation_draft(recipient, f"{place}{now:%Y%m%d}")
    return next(iter(messages_queue(drafts=[draft], now=now)), None)


def confirmation_draft(recipient: Recipient, key: str) -> Draft:
    return Draft(
        organization=recipient.organization,
        person=None,
        kind=KIND,
        key=key,
        recipient=recipient.address,
        recipient_name="",
        mail=confirm_mail(reader_of(recipient), confirm_link(recipient.pk)),
        target=recipient,
    )


@transaction.atomic
def recipient_confirm(*, recipient: Recipient, now: datetime) -> bool:
    """Send an address alerts from now on; return False where it had confirmed, or was removed.

    The signed link is their authority: it is asked of nobody else.
    """
    waiting = Recipient.objects.current().filter(pk=recipient.pk, user=None, confirmed_at=None)
    if not waiting.update(confirmed_at=now, unsubscribed_at=None):
        return False
    written(recipient, "recipient.confirm", now, None)
    return True


def confirmations_check(messages: Sequence[Message], now: datetime) -> dict[int, Decision]:
    """Withdraw questions to which there is an answer, or nobody to be asked any more."""
    asked = Recipient.objects.reachable().filter(confirmed_at=None)
    open_ones = set(
        asked.filter(pk__in=[each.target_id for each in messages]).values_list("pk", flat=True)
    )
    return {
        each.pk: Leave.SEND if each.target_id in open_ones else Withdrawal() for each in messages
    }
