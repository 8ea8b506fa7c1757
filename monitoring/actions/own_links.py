"""Mailing people the link to their own page."""

from __future__ import annotations

from django.utils import timezone
from django_q.tasks import async_task

from accounts.models import Person
from monitoring.actions.letters import person_link_mail
from monitoring.jobs.doorbell import MAIN

SEND = "monitoring.actions.own_links.person_links_send"


def person_link_ask(address: str) -> None:
    """Have whoever is known under the address mailed a link to their own page.

    Whether anybody is known is looked up by a worker, so that neither the answer nor the time it
    takes tells who asks.
    """
    async_task(SEND, address, cluster=MAIN)


def person_links_send(address: str) -> None:
    """Mail a link to everybody with that address: one person in each organization. A queue task."""
    now = timezone.now()
    for person in Person.objects.filter(email=address.lower()).select_related("organization"):
        person_link_mail(person, now)
