"""Who gets digests, and what there is to tell in them."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from typing import Any

from accounts.models import Organization
from monitoring.alerts.digests import digests_work
from monitoring.alerts.models import Alert, Message, Recipient
from monitoring.alerts.sending import messages_work
from monitoring.health.samples import samples_add
from monitoring.incidents.models import Incident
from tests.factories import NOW, make_organization
from tests.monitoring.alerts.post import Post
from tests.monitoring.alerts.routing_makers import make_recipient
from tests.monitoring.console.makers import make_many_healthy, make_unwell

HOUR = timedelta(hours=1)


def reader(organization: Organization | None, **overrides: Any) -> Recipient:
    """Somebody whose daily digest is due now."""
    return make_recipient(
        organization, **{"digest": "daily", "digest_hour": 12, "digest_at": NOW} | overrides
    )


def sampled(organization: Organization, healthy: int, others: int, days: float = 2) -> None:
    """Note every half hour up to now how people stood."""
    samples_add(
        (organization.pk, NOW - place * HOUR / 2, group, people)
        for place in range(1, int(days * 48) + 1)
        for group, people in (("healthy", healthy), ("stalled", others))
        if people
    )


def acme(days: float = 2) -> Organization:
    """An organization with somebody in need."""
    organization = make_organization(slug="acme", name="Acme")
    make_many_healthy(organization, 9)
    make_unwell(organization, "stalled", "silent", name="Ada Lovelace")
    sampled(organization, 9, 1, days)
    return organization


def incident_of(organization: Organization, **overrides: Any) -> Incident:
    fields = {
        "provider": "salesforce",
        "signature": "salesforce 503",
        "rule": "salesforce-maintenance",
        "began_at": NOW - 5 * HOUR,
        "opened_at": NOW - 5 * HOUR,
        "people_hit": 7,
    }
    return Incident.objects.create(organization=organization, **fields | overrides)


def alert_of(organization: Organization | None, **overrides: Any) -> Alert:
    fields = {
        "kind": "stalled",
        "cause": "silent",
        "severity": 2,
        "people": 1,
        "began_at": NOW - HOUR,
        "changed_at": NOW,
    }
    return Alert.objects.create(organization=organization, **fields | overrides)


def subjects() -> list[str]:
    return list(Message.objects.order_by("id").values_list("subject", flat=True))


def delivered(post: Post) -> EmailMessage:
    """Have the digests written and sent that are due, and return the one mail of them."""
    digests_work()
    messages_work()
    (mail,) = post.mails
    return mail


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")
