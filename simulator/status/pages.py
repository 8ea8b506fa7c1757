"""The JSON of both status pages, for everybody: no token is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.messages import Answer, Refusal
from simulator.model import Organization
from simulator.routing import Context
from simulator.status.board import StatusIncident, StatusMaintenance, StatusUpdate
from simulator.status.edits import google_status_id
from simulator.times import google_stamp
from simulator.world import World

# From harmless to bad; a word that is not here ranks last.
WORDS = (
    "OK",
    "INFORMATIONAL",
    "MAINTENANCE_NONCORE",
    "MAINTENANCE_CORE",
    "MINOR_INCIDENT_NONCORE",
    "MINOR_INCIDENT_CORE",
    "MAJOR_INCIDENT_NONCORE",
    "UNPLANNED_MAINTENANCE_CORE",
    "MAJOR_INCIDENT_CORE",
)
SERVICE = "salesforceServices"
GOOGLE_SEVERITY = {"SERVICE_OUTAGE": "high", "SERVICE_DISRUPTION": "medium"}


def not_found() -> Refusal:
    return Refusal(Answer.of_json({"message": "Instance not found"}, 404))


def find_organization(world: World, captures: Mapping[str, str]) -> Organization | None:
    """Whose instance is asked for, by instance key or by the name in its My Domain."""
    for organization in world.organizations.values():
        alias = organization.my_domain.partition(".")[0]
        names = {"alias": alias.casefold(), "instance": organization.instance_key.casefold()}
        if any(names.get(kind) == asked.casefold() for kind, asked in captures.items()):
            return organization
    return None


def google_incidents(context: Context) -> Answer:
    """GET incidents.json: open and past ones, newest first."""
    incidents = context.world.status.incidents_of("google")
    return Answer.of_json([google_incident(each) for each in incidents])


def google_incident(incident: StatusIncident) -> dict[str, Any]:
    updates = [google_update(update) for update in reversed(incident.updates)]
    product = {"title": incident.product, "id": google_status_id(incident.product)}
    return {
        "id": incident.id,
        "number": str(incident.number),
        "begin": incident.began.isoformat(timespec="seconds"),
        "created": incident.created.isoformat(timespec="seconds"),
        **({"end": incident.ended.isoformat(timespec="seconds")} if incident.ended else {}),
        "modified": updates[0]["modified"],
        "external_desc": incident.summary,
        "updates": updates,
        "most_recent_update": updates[0],
        "status_impact": incident.impact,
        "severity": GOOGLE_SEVERITY.get(incident.impact, "low"),
        "service_key": product["id"],
        "service_name": incident.product,
        "affected_products": [product],
        "uri": f"incidents/{incident.id}",
        "currently_affected_locations": [],
        "previously_affected_locations": [],
    }


def google_update(update: StatusUpdate) -> dict[str, Any]:
    at = update.at.isoformat(timespec="seconds")
    return {
        "created": at,
        "modified": at,
        "when": at,
        "text": update.text,
        "status": update.impact,
        "affected_locations": [],
    }


def salesforce_instance(context: Context) -> Answer:
    """GET instances/KEY/status and instanceAliases/NAME/status."""
    organization = context.organization
    if organization is None:
        raise not_found()
    board = context.world.status
    incidents = board.incidents_of("salesforce", organization.slug)
    maintenances = [
        each for each in board.maintenances_of(organization.slug) if each.ends > context.now
    ]
    words = [incident.impact for incident in incidents if incident.ended is None]
    words += [maintenance_word(each) for each in maintenances if each.goes_on(context.now)]
    key = organization.instance_key
    body = {
        "key": key,
        "location": "NA",
        "environment": "sandbox" if organization.sandbox else "production",
        "releaseVersion": "Summer '26 Patch 4",
        "releaseNumber": "262.4",
        "status": max(words, key=rank, default="OK"),
        "isActive": True,
        "city": "Frankfurt",
        "maintenanceWindow": "Saturdays 22:00 - Sundays 02:00 UTC",
        "Products": [{"key": "Salesforce_Services", "order": 1, "isActive": True}],
        "Incidents": [salesforce_incident(each, key) for each in incidents],
        "Maintenances": [salesforce_maintenance(each, key) for each in maintenances],
        "Tags": [],
    }
    return Answer.of_json(body)


def rank(word: str) -> int:
    return WORDS.index(word) if word in WORDS else len(WORDS)


def maintenance_word(maintenance: StatusMaintenance) -> str:
    return "MAINTENANCE_CORE" if maintenance.core else "MAINTENANCE_NONCORE"


def salesforce_incident(incident: StatusIncident, key: str) -> dict[str, Any]:
    major = incident.impact.startswith("MAJOR")
    impact = {
        "id": incident.number,
        "startTime": google_stamp(incident.began),
        "endTime": google_stamp(incident.ended) if incident.ended else None,
        "type": "serviceDisruption" if major else "performanceDegradation",
        "severity": "major" if major else "minor",
    }
    return {
        "id": incident.number,
        "externalId": incident.id,
        "message": {"pathToResolution": None, "actionPlan": None, "rootCause": None},
        "additionalInformation": incident.summary,
        "isCore": not incident.impact.endswith("NONCORE"),
        "affectsAll": incident.organization is None,
        "createdAt": google_stamp(incident.created),
        "updatedAt": google_stamp(incident.updates[-1].at),
        "IncidentImpacts": [impact],
        "IncidentEvents": [
            salesforce_event(update, incident.number * 100 + place)
            for place, update in enumerate(incident.updates)
        ],
        "instanceKeys": [key],
        "serviceKeys": [SERVICE],
    }


def salesforce_event(update: StatusUpdate, number: int) -> dict[str, Any]:
    at = google_stamp(update.at)
    return {
        "id": number,
        "type": "investigating",
        "message": update.text,
        "createdAt": at,
        "updatedAt": at,
    }


def salesforce_maintenance(maintenance: StatusMaintenance, key: str) -> dict[str, Any]:
    starts, ends = google_stamp(maintenance.starts), google_stamp(maintenance.ends)
    impact = {
        "id": maintenance.id,
        "startTime": starts,
        "endTime": ends,
        "type": "maintenanceWindow",
        "systemAvailability": "unavailable" if maintenance.core else "available",
    }
    return {
        "id": maintenance.id,
        "externalId": str(maintenance.id),
        "name": maintenance.name,
        "message": {"eventStatus": "scheduled"},
        "externalMaintenanceType": "systemMaintenance",
        "releaseType": None,
        "substrate": "hyperforce",
        "isCore": maintenance.core,
        "affectsAll": maintenance.organization is None,
        "plannedStartTime": starts,
        "plannedEndTime": ends,
        "additionalInformation": None,
        "MaintenanceImpacts": [impact],
        "MaintenanceEvents": [
            {
                "id": maintenance.id * 100,
                "type": "scheduled",
                "message": maintenance.name,
                "createdAt": google_stamp(maintenance.planned),
            }
        ],
        "instanceKeys": [key],
        "serviceKeys": [SERVICE],
    }
