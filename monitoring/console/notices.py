"""The incidents that are open now, for the banner and for the number in the navigation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Q

from monitoring.console.incident_words import notice_sentence
from monitoring.incidents.models import Incident, IncidentQuerySet, Kind

if TYPE_CHECKING:
    from accounts.access import Access

# More than a few at once say no more than these do; the list has them all.
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Notice:
    """One line of the banner; `incident_id` is None for one of the whole service."""

    sentence: str
    incident_id: int | None


@dataclass(frozen=True, slots=True)
class Notices:
    """What a page says of open incidents: `open` counts those of the organization."""

    open: int
    shown: tuple[Notice, ...]

    @property
    def more(self) -> int:
        """How many of the organization's have no line of their own."""
        return self.open - sum(1 for notice in self.shown if notice.incident_id)


def concerning(access: Access) -> IncidentQuerySet:
    """Return an organization's incidents and the open ones of our intake as a whole."""
    own = Q(organization=access.organization.pk)
    everybody = Q(organization=None, kind=Kind.INTAKE, closed_at=None)
    found: IncidentQuerySet = Incident.objects.filter(own | everybody)
    return found


def notices_of(access: Access, now: datetime) -> Notices:
    """Return what is to be told of open incidents, in one statement."""
    return notices_from(access, concerning(access).open().order_by("-id"), now)


def notices_from(access: Access, found: Iterable[Incident], now: datetime) -> Notices:
    """Return what is to be told of the open ones among the incidents found."""
    shown = [
        Notice(
            notice_sentence(incident, now, access.time_zone),
            incident.pk if incident.organization_id else None,
        )
        for incident in found
        if incident.closed_at is None
    ]
    ours = [notice for notice in shown if notice.incident_id]
    service = [notice for notice in shown if not notice.incident_id]
    return Notices(len(ours), (*service, *ours[:SHOWN]))
