"""What the provider's own status page says, to stand beside our evidence. Never a gate. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from monitoring.console.rows import Moment, recent
from monitoring.console.wording import Look
from monitoring.incidents.models import Incident, IncidentEvent, Kind
from monitoring.incidents.polling import HAS_A_PAGE


@dataclass(frozen=True, slots=True)
class ProviderSays:
    """What the provider's status page says; `look` is quiet where nothing is known."""

    sentence: str
    look: Look
    told_at: Moment | None
    asked_at: Moment | None
    address: str


KNOWN = {
    "ok": Look("No trouble reported", "healthy", "success"),
    "trouble": Look("Trouble reported", "stalled", "error"),
    "maintenance": Look("Maintenance reported", "degraded", "warning"),
}
UNKNOWN = Look("Not known", "never_connected", "neutral")


def provider_says(
    incident: Incident, event: IncidentEvent | None, now: datetime, zone: tzinfo
) -> ProviderSays | None:
    """Return what the page says by its latest event; None where the provider has no page."""
    if incident.kind != Kind.FAILURES or incident.provider not in HAS_A_PAGE:
        return None
    asked = recent(incident.status_asked_at, now, zone)
    if event is None:
        why = "No answer has come yet." if asked else ""
        return ProviderSays(why, UNKNOWN, None, asked, "")
    state, _, said = event.text.partition(": ")
    sentence = said or ("" if state in KNOWN else "The page says nothing that can be read.")
    return ProviderSays(
        sentence,
        KNOWN.get(state, UNKNOWN),
        recent(event.at, now, zone),
        asked,
        event.address if event.address.startswith("https://") else "",
    )
