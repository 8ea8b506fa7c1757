"""Read the vendors' public status pages: what they say of themselves, beside our own evidence.

A page corroborates; it never decides. What cannot be read is `unknown`, never `ok`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

__all__ = [
    "MAX_PAYLOAD",
    "PlannedMaintenance",
    "StatusReport",
    "read_google_status",
    "read_salesforce_status",
    "unknown_status",
]

MAX_PAYLOAD = 4 * 1_048_576
MAX_HEADLINE = 200
MAX_WORD = 60
MAX_RAW_TEXT = 2_000
MAX_UPCOMING = 20
AHEAD = timedelta(days=14)

NAMES = {"google": "Google", "salesforce": "Salesforce"}
PAGES = {
    "google": "https://www.google.com/appsstatus/dashboard",
    "salesforce": "https://status.salesforce.com",
}
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")
MARKUP = re.compile(r"</?[a-zA-Z][^<>]{0,300}>|\*\*")
# Calendar, and what everybody must pass to reach it.
OURS = re.compile(
    r"\bcalendar|\bidentity|\bsign[ -]?(?:in|on)\b|\blog[ -]?in\b|\bauthenticat|\boauth\b",
    re.IGNORECASE,
)

GOOGLE_WORDS = {
    "SERVICE_OUTAGE": "service outage",
    "SERVICE_DISRUPTION": "service disruption",
    "SERVICE_INFORMATION": "information",
    "AVAILABLE": "available",
}
GOOGLE_HARMLESS = frozenset({"AVAILABLE", "SERVICE_INFORMATION"})
SALESFORCE_WORDS = {
    "MINOR_INCIDENT_CORE": "Minor incident",
    "MAJOR_INCIDENT_CORE": "Major incident",
    "MINOR_INCIDENT_NONCORE": "Minor incident beside the core service",
    "MAJOR_INCIDENT_NONCORE": "Major incident beside the core service",
    "MAINTENANCE_CORE": "Maintenance",
    "MAINTENANCE_NONCORE": "Maintenance beside the core service",
    "UNPLANNED_MAINTENANCE_CORE": "Unplanned maintenance",
}
SALESFORCE_FINE = frozenset({"OK", "INFORMATIONAL", "INFORMATIONAL_CORE", "INFORMATIONAL_NONCORE"})
SALESFORCE_MAINTENANCE = frozenset({"MAINTENANCE_CORE", "MAINTENANCE_NONCORE"})


@dataclass(frozen=True, slots=True)
class PlannedMaintenance:
    """A maintenance the vendor has announced; times are UTC. `identifier` is its page's, or ""."""

    name: str
    start: datetime
    end: datetime
    identifier: str = ""


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What a status page says.

    provider  google or salesforce
    state     ok, trouble, maintenance, or unknown where the page says nothing that can be read
    headline  the page's own words in plain text, at most MAX_HEADLINE characters; "" if none
    since     when the trouble or maintenance began, as the page says
    until     the planned end of a maintenance
    address   a page for people
    upcoming  maintenances that go on or begin within 14 days, soonest first
    instance  what the vendor calls the machine it is about, where the page is of one
    """

    provider: str
    state: str
    headline: str
    since: datetime | None
    until: datetime | None
    address: str
    upcoming: tuple[PlannedMaintenance, ...] = ()
    instance: str = ""


def unknown_status(provider: str, why: str) -> StatusReport:
    """Return the report of a page that told nothing; `why` becomes the headline."""
    return StatusReport(provider, "unknown", headline_of(why), None, None, PAGES.get(provider, ""))


def unreadable(provider: str) -> StatusReport:
    why = f"{NAMES[provider]}'s status page answered with something that cannot be read."
    return unknown_status(provider, why)


def read_google_status(payload: bytes, now: datetime) -> StatusReport:
    """Read incidents.json: open incidents of Calendar and of signing in. Total."""
    items = decoded(payload)
    if not isinstance(items, list):
        return unreadable("google")
    still_open = [item for item in items if not isinstance(item, dict) or is_open(item)]
    ours = [item for item in still_open if isinstance(item, dict) and is_ours(item)]
    troubles = [item for item in ours if text_of(item, "status_impact") not in GOOGLE_HARMLESS]
    if troubles:
        return google_report(min(troubles, key=google_rank), "trouble", now)
    if any(not service_names(item) for item in still_open):
        # It may be Calendar's: then all is not well.
        return unreadable("google")
    if ours:
        return google_report(ours[0], "ok", now)
    return StatusReport("google", "ok", "", None, None, PAGES["google"])


def is_open(incident: Mapping[str, Any]) -> bool:
    return not text_of(incident, "end")


def service_names(incident: Any) -> list[str]:
    """The products an incident is about; empty when it does not say."""
    if not isinstance(incident, dict):
        return []
    products = [text_of(product, "title") for product in dicts_in(incident, "affected_products")]
    return [name for name in (text_of(incident, "service_name"), *products) if name]


def is_ours(incident: Mapping[str, Any]) -> bool:
    return any(OURS.search(name[:MAX_RAW_TEXT]) for name in service_names(incident))


def google_rank(incident: Mapping[str, Any]) -> int:
    """Order troubles, the worst first; a word we do not know stands after a disruption."""
    words = [*GOOGLE_WORDS]
    word = text_of(incident, "status_impact")
    return words.index(word) if word in words else len(words)


def google_report(incident: Mapping[str, Any], state: str, now: datetime) -> StatusReport:
    service = next(name for name in service_names(incident) if OURS.search(name[:MAX_RAW_TEXT]))
    word = text_of(incident, "status_impact")
    newest = incident.get("most_recent_update")
    told = text_of(incident, "external_desc") or text_of(newest, "text")
    said = GOOGLE_WORDS.get(word) or quoted(word) or "incident"
    identifier = identifier_of(incident)
    return StatusReport(
        provider="google",
        state=state,
        headline=headline_of(f"{plain(service)[:MAX_WORD]}, {said}", told),
        since=past(time_of(incident, "begin") or time_of(incident, "created"), now),
        until=None,
        address=f"{PAGES['google']}/incidents/{identifier}" if identifier else PAGES["google"],
    )


def read_salesforce_status(payload: bytes, now: datetime) -> StatusReport:
    """Read an instance of Salesforce Trust: its status word, incidents and maintenances. Total."""
    instance = decoded(payload)
    word = text_of(instance, "status")
    if not plain(word):
        return unreadable("salesforce")
    announced = announced_maintenances(instance, now)
    fine = StatusReport(
        provider="salesforce",
        state="ok",
        headline="",
        since=None,
        until=None,
        address=instance_page(instance),
        upcoming=tuple(announced[:MAX_UPCOMING]),
        instance=instance_name(instance),
    )
    if word in SALESFORCE_FINE:
        return fine
    said = SALESFORCE_WORDS.get(word) or f"Status {quoted(word)}"
    if word in SALESFORCE_MAINTENANCE:
        return maintenance_report(fine, said, announced, now)
    return trouble_report(fine, said, open_incidents(instance), now)


def trouble_report(
    fine: StatusReport, said: str, incidents: list[Mapping[str, Any]], now: datetime
) -> StatusReport:
    """Turn the report of a good day into that of the incident that began first, if it is named."""
    first = min(incidents, key=lambda each: past(incident_start(each), now) or now, default={})
    return replace(
        fine,
        state="trouble",
        headline=headline_of(said, incident_text(first)),
        since=past(incident_start(first), now),
        address=salesforce_page("incidents", identifier_of(first)) or fine.address,
    )


def maintenance_report(
    fine: StatusReport, said: str, announced: list[PlannedMaintenance], now: datetime
) -> StatusReport:
    """Turn the report of a good day into that of the maintenance going on, if it is named."""
    current = next((each for each in announced if each.start <= now), None)
    if current is None:
        return replace(fine, state="maintenance", headline=said)
    return replace(
        fine,
        state="maintenance",
        headline=headline_of(said, current.name),
        since=current.start,
        until=current.end,
        address=salesforce_page("maintenances", current.identifier) or fine.address,
    )


def salesforce_page(kind: str, identifier: str) -> str:
    return f"{PAGES['salesforce']}/{kind}/{identifier}" if identifier else ""


def instance_page(instance: Mapping[str, Any]) -> str:
    return salesforce_page("instances", instance_name(instance)) or PAGES["salesforce"]


def instance_name(instance: Mapping[str, Any]) -> str:
    key = text_of(instance, "key")
    return key if IDENTIFIER.fullmatch(key) else ""


def open_incidents(instance: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Incidents some impact of which has no end; one that tells no impact counts as open."""
    found = []
    for incident in dicts_in(instance, "Incidents"):
        impacts = dicts_in(incident, "IncidentImpacts")
        if not impacts or any(not text_of(impact, "endTime") for impact in impacts):
            found.append(incident)
    return found


def incident_start(incident: Mapping[str, Any]) -> datetime | None:
    impacts = dicts_in(incident, "IncidentImpacts")
    starts = [start for impact in impacts if (start := time_of(impact, "startTime"))]
    return min(starts, default=None) or time_of(incident, "createdAt")


def incident_text(incident: Mapping[str, Any]) -> str:
    """The newest message; where there is none, what is said beside it."""
    told = [
        (time_of(event, "createdAt") or datetime.min.replace(tzinfo=UTC), place, message)
        for place, event in enumerate(dicts_in(incident, "IncidentEvents"))
        if (message := text_of(event, "message"))
    ]
    if told:
        return max(told)[2]
    beside = incident.get("message")
    texts = [text_of(incident, "additionalInformation")]
    texts += [text_of(beside, name) for name in ("actionPlan", "pathToResolution", "rootCause")]
    return next((text for text in texts if text), "")


def announced_maintenances(instance: Mapping[str, Any], now: datetime) -> list[PlannedMaintenance]:
    """Maintenances that go on or begin within AHEAD, soonest first."""
    found = []
    for item in dicts_in(instance, "Maintenances"):
        start, end = time_of(item, "plannedStartTime"), time_of(item, "plannedEndTime")
        if start is None or end is None or is_called_off(item):
            continue
        if start < end and now < end and start - now <= AHEAD:
            name = shortened(plain(text_of(item, "name"))) or "Maintenance"
            found.append(PlannedMaintenance(name, start, end, identifier_of(item)))
    return sorted(found, key=lambda each: (each.start, each.end, each.name))


def is_called_off(maintenance: Mapping[str, Any]) -> bool:
    """Whether an event says that it was cancelled or is over already."""
    kinds = [
        text_of(event, "type").casefold() for event in dicts_in(maintenance, "MaintenanceEvents")
    ]
    return any("cancel" in kind or "complete" in kind for kind in kinds)


def decoded(payload: bytes) -> Any:
    """Return the JSON value; None where there is none, or more than MAX_PAYLOAD of it."""
    if len(payload) > MAX_PAYLOAD:
        return None
    try:
        return msgspec.json.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def text_of(value: Any, name: str) -> str:
    """A text under that name, or ""."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def dicts_in(value: Any, name: str) -> list[Mapping[str, Any]]:
    """The objects of a list under that name, or none."""
    found = value.get(name) if isinstance(value, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def identifier_of(value: Mapping[str, Any]) -> str:
    """An id that may stand in an address, or ""."""
    found = value.get("id")
    if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 2**63:
        return str(found)
    return found if isinstance(found, str) and IDENTIFIER.fullmatch(found) else ""


def time_of(value: Mapping[str, Any], name: str) -> datetime | None:
    """A time with an offset, as UTC; None for anything else."""
    text = text_of(value, name)
    try:
        read = datetime.fromisoformat(text) if len(text) <= 40 else None
        return read.astimezone(UTC) if read and read.tzinfo else None
    except (ValueError, OverflowError):
        return None


def past(moment: datetime | None, now: datetime) -> datetime | None:
    """The moment, unless it has not come: nothing can have lasted since tomorrow."""
    return moment if moment is not None and moment <= now else None


def plain(text: str) -> str:
    """One line without markup and without signs that cannot be seen."""
    text = html.unescape(MARKUP.sub(" ", text[:MAX_RAW_TEXT]))
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def shortened(text: str, limit: int = MAX_HEADLINE) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def quoted(word: str) -> str:
    """A word of the vendor's that we do not know, in quotation marks; "" for none."""
    seen = shortened(plain(word), MAX_WORD)
    return f"“{seen}”" if seen else ""


def headline_of(*parts: str) -> str:
    """Parts that say something, with a colon between."""
    return shortened(": ".join(part for part in map(plain, parts) if part))
