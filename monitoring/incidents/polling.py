"""Asking the vendors' status pages: about open incidents, and what is planned."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from monitoring.incidents.asking import status_ask
from monitoring.incidents.course import event_write
from monitoring.incidents.feeds import StatusReport
from monitoring.incidents.models import EventKind, Incident, IncidentQuerySet, Source
from monitoring.incidents.planning import plans_are_due, plans_note, plans_poll

ASK_EVERY = timedelta(minutes=5)
# Each may take some seconds, and a task has minutes.
PAGES_AT_ONCE = 8
HAS_A_PAGE = (Source.GOOGLE, Source.SALESFORCE)


def pages_are_due(now: datetime) -> bool:
    """Tell whether some page is to be asked something."""
    return statuses_due(now).exists() or plans_are_due(now)


def statuses_due(now: datetime) -> IncidentQuerySet:
    """Return the open incidents whose provider's page was not asked for some minutes."""
    unasked = Q(status_asked_at=None) | Q(status_asked_at__lte=now - ASK_EVERY)
    found: IncidentQuerySet = Incident.objects.of_failures().open().filter(unasked)
    return found.filter(provider__in=HAS_A_PAGE, organization__isnull=False)


def statuses_poll() -> None:
    """Ask the pages that are due. A queue task; several at once share the work."""
    now = timezone.now()
    google = list(statuses_claim(list(statuses_due(now).filter(provider=Source.GOOGLE)), now))
    if google:
        statuses_note(google, status_ask("google", now=now), timezone.now())
    salesforce = statuses_due(now).filter(provider=Source.SALESFORCE).select_related("organization")
    for incident in statuses_claim(list(salesforce.order_by("id")[:PAGES_AT_ONCE]), now):
        organization = incident.organization
        host = organization.salesforce_host if organization else ""
        report = status_ask("salesforce", salesforce_host=host, now=now)
        statuses_note([incident], report, timezone.now())
        if organization is not None:
            plans_note(organization, report, timezone.now())
    plans_poll()


def statuses_claim(incidents: Iterable[Incident], now: datetime) -> Iterable[Incident]:
    """Yield the incidents that are ours to ask about: nobody else has begun to meanwhile."""
    for incident in incidents:
        if statuses_due(now).filter(pk=incident.pk).update(status_asked_at=now):
            yield incident


def statuses_note(incidents: Iterable[Incident], report: StatusReport, now: datetime) -> None:
    """Add what a page says to the timelines, where it is not what it said last."""
    said = f"{report.state}: {report.headline}" if report.headline else report.state
    for incident in incidents:
        before = incident.events.filter(kind=EventKind.STATUS).order_by("-id").first()
        if before is None or before.text != said:
            event_write(incident, EventKind.STATUS, now, None, text=said, address=report.address)
