"""Mailing people the link to their own page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import Person
from monitoring.actions.letters import person_link_mail
from monitoring.actions.links import PERSON_LINK_GOOD_FOR
from monitoring.actions.models import LinkRequest
from monitoring.alerts.last_checks import Decision, Withdrawal
from monitoring.alerts.models import Message
from monitoring.jobs.doorbell import ring_task

SEND = "monitoring.actions.own_links.person_links_send"
AT_ONCE = 50


def person_link_ask(*, address: str, now: datetime) -> None:
    """Have whoever is known under the address mailed a link to their own page.

    Whether anybody is known is looked up by a worker, so that neither the answer nor the time it
    takes tells who asks. Asked again before that, it is one request.
    """
    request = LinkRequest(address=address.lower(), asked_at=now)
    LinkRequest.objects.bulk_create([request], ignore_conflicts=True)
    person_links_ring()


def person_links_wait() -> bool:
    return LinkRequest.objects.exists()


def person_links_ring() -> None:
    ring_task(SEND)


def person_links_send() -> None:
    """Mail links to all who were asked for: one person in each organization. A queue task."""
    while requests_answer(timezone.now()) == AT_ONCE:
        pass


@transaction.atomic
def requests_answer(now: datetime) -> int:
    """Queue the mails of some requests, which are done with that; return how many requests."""
    waiting = LinkRequest.objects.order_by("asked_at", "id").select_for_update(skip_locked=True)
    requests = list(waiting[:AT_ONCE])
    addresses = [request.address for request in requests]
    for person in Person.objects.filter(email__in=addresses).select_related("organization"):
        person_link_mail(person, now)
    LinkRequest.objects.filter(pk__in=[request.pk for request in requests]).delete()
    return len(requests)


def person_links_check(messages: Sequence[Message], now: datetime) -> Mapping[int, Decision]:
    """Withdraw mails whose link opens nothing any more, or whose person has another address."""
    people = Person.objects.filter(pk__in=[message.person_id for message in messages])
    addresses: dict[int | None, str] = dict(people.values_list("pk", "email"))
    return {
        message.pk: Withdrawal()
        for message in messages
        if now - message.created_at >= PERSON_LINK_GOOD_FOR
        or message.recipient != addresses.get(message.person_id)
    }
