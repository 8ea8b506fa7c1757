"""What the vendors' status pages know: incidents and planned maintenances."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

FIRST_NUMBER = 20_000_001


@dataclass(slots=True)
class StatusUpdate:
    """One message on an incident; `impact` is the vendor's own word."""

    at: datetime
    text: str
    impact: str


@dataclass(slots=True)
class StatusIncident:
    """A trouble the vendor tells of; without `organization` it hits everybody."""

    id: str
    number: int
    provider: str
    organization: str | None
    product: str
    summary: str
    began: datetime
    created: datetime
    updates: list[StatusUpdate] = field(default_factory=list)
    ended: datetime | None = None

    @property
    def impact(self) -> str:
        return self.updates[-1].impact


@dataclass(slots=True)
class StatusMaintenance:
    """A maintenance of Salesforce's; without `organization` it is on every instance."""

    id: int
    organization: str | None
    name: str
    core: bool
    planned: datetime
    starts: datetime
    ends: datetime

    def goes_on(self, now: datetime) -> bool:
        return self.starts <= now < self.ends


@dataclass(slots=True)
class StatusBoard:
    """Everything on the status pages, ended incidents included."""

    incidents: dict[str, StatusIncident] = field(default_factory=dict)
    maintenances: list[StatusMaintenance] = field(default_factory=list)
    last_number: int = FIRST_NUMBER - 1

    def next_number(self) -> int:
        self.last_number += 1
        return self.last_number

    def incidents_of(self, provider: str, organization: str | None = None) -> list[StatusIncident]:
        """The provider's, of this organization and of everybody, newest first."""
        found = [
            incident
            for incident in self.incidents.values()
            if incident.provider == provider and incident.organization in (None, organization)
        ]
        return found[::-1]

    def maintenances_of(self, organization: str) -> list[StatusMaintenance]:
        return [each for each in self.maintenances if each.organization in (None, organization)]
