"""What the vendors' own people write on their status pages."""

from __future__ import annotations

from datetime import datetime

from simulator.directory import Directory, locked
from simulator.identifiers import stable_token
from simulator.status.board import StatusIncident, StatusMaintenance, StatusUpdate
from simulator.times import parse_instant

USUAL_IMPACT = {"google": "SERVICE_DISRUPTION", "salesforce": "MINOR_INCIDENT_CORE"}
CALENDAR = "Google Calendar"
SUMMARY = "We are investigating a report of an issue."
RESOLVED = "The issue has been resolved."


class StatusEdits(Directory):
    """Incidents go by the id that opening them returned. Times are aware or ISO 8601 texts.

    An `impact` is the vendor's own word, such as SERVICE_OUTAGE or MAJOR_INCIDENT_CORE; any
    other is shown as it is, as a vendor would that has a new one.
    """

    @locked
    def status_incident_open(
        self,
        provider: str,
        *,
        summary: str = SUMMARY,
        impact: str | None = None,
        product: str = CALENDAR,
        organization: str | None = None,
        began: datetime | str | None = None,
    ) -> str:
        """A new incident of `google` or `salesforce`; returns its id.

        `product` is Google's; `organization` narrows one of Salesforce's to its instance.
        """
        if provider not in USUAL_IMPACT:
            raise ValueError(f"there is no status page of {provider}")
        if organization is not None:
            assert provider == "salesforce", "Google's status page knows no organizations"
            self.organization(organization)
        number, now = self.status.next_number(), self.now()
        incident = StatusIncident(
            id=str(number) if provider == "salesforce" else google_status_id(f"incident {number}"),
            number=number,
            provider=provider,
            organization=organization,
            product=product,
            summary=summary,
            began=instant(began) if began else now,
            created=now,
            updates=[StatusUpdate(now, summary, impact or USUAL_IMPACT[provider])],
        )
        self.status.incidents[incident.id] = incident
        return incident.id

    @locked
    def status_incident_update(
        self, incident_id: str, *, text: str, impact: str | None = None
    ) -> None:
        """Add a message; the impact stays what it is unless told."""
        incident = self.status.incidents[incident_id]
        incident.updates.append(StatusUpdate(self.now(), text, impact or incident.impact))

    @locked
    def status_incident_end(self, incident_id: str, *, text: str = RESOLVED) -> None:
        """End it now; it stays on the page as a past one."""
        self.status_incident_update(incident_id, text=text)
        self.status.incidents[incident_id].ended = self.now()

    @locked
    def status_maintenance_plan(
        self,
        *,
        name: str,
        starts: datetime | str,
        ends: datetime | str,
        organization: str | None = None,
        core: bool = True,
    ) -> int:
        """Plan a maintenance at Salesforce; returns its id. It begins and ends by the clock."""
        if organization is not None:
            self.organization(organization)
        begin, end = instant(starts), instant(ends)
        if end <= begin:
            raise ValueError("a maintenance must end after it starts")
        number = self.status.next_number()
        self.status.maintenances.append(
            StatusMaintenance(number, organization, name, core, self.now(), begin, end)
        )
        return number


def google_status_id(text: str) -> str:
    return stable_token("", f"status {text}", 20)


def instant(value: datetime | str) -> datetime:
    """An aware time; raises ValueError for a text that is none or has no offset."""
    read = parse_instant(value if isinstance(value, str) else value.isoformat())
    if read is None:
        raise ValueError(f"{value} is no time with an offset")
    return read
