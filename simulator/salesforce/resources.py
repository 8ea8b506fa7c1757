"""What an organization tells about itself: versions, limits, description of Event."""

from __future__ import annotations

from typing import Any

from simulator.messages import Answer
from simulator.routing import Context
from simulator.salesforce.errors import REST_JSON
from simulator.salesforce.schema import Field, event_fields
from simulator.salesforce.sobjects import session

VERSIONS = range(31, 68)
RESOURCES = ("sobjects", "query", "queryAll", "limits", "composite")
SOAP_TYPES = {
    "id": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
}


def versions(context: Context) -> Answer:
    """GET /services/data/: for everybody, no session needed."""
    shown = [
        {
            "label": f"Release {number}",
            "url": f"/services/data/v{number}.0",
            "version": f"{number}.0",
        }
        for number in VERSIONS
    ]
    return Answer.of_json(shown, headers=REST_JSON)


def resources(context: Context) -> Answer:
    base = f"/services/data/{context.captures['version']}"
    return Answer.of_json({name: f"{base}/{name}" for name in RESOURCES}, headers=REST_JSON)


def limits(context: Context) -> Answer:
    """GET limits/."""
    organization, _ = session(context)
    most = organization.limits.api_requests_per_day
    used = organization.usage.current(context.now)
    body = {
        "DailyApiRequests": {"Max": most, "Remaining": max(0, most - used)},
        "DataStorageMB": {"Max": 1024, "Remaining": 1000},
        "FileStorageMB": {"Max": 1024, "Remaining": 1024},
    }
    return Answer.of_json(body, headers=REST_JSON)


def describe_event(context: Context) -> Answer:
    """GET sobjects/Event/describe: the fields a client decides by."""
    organization, _ = session(context)
    fields = event_fields(organization.custom_fields).values()
    body = {
        "name": "Event",
        "label": "Event",
        "keyPrefix": "00U",
        "custom": False,
        "createable": True,
        "updateable": True,
        "deletable": True,
        "queryable": True,
        "replicateable": True,
        "fields": [described(field) for field in fields],
    }
    return Answer.of_json(body, headers=REST_JSON)


def described(field: Field) -> dict[str, Any]:
    choices = [{"value": value, "label": value, "active": True} for value in field.choices]
    return {
        "name": field.name,
        "label": field.label,
        "type": field.kind,
        "soapType": SOAP_TYPES.get(field.kind, "xsd:string"),
        "length": field.length,
        "createable": field.writable,
        "updateable": field.writable,
        "filterable": field.kind != "textarea",
        "nillable": field.default is None,
        "custom": field.name.endswith("__c"),
        "externalId": field.external_id,
        "idLookup": field.external_id or field.name == "Id",
        "unique": False,
        "picklistValues": choices,
    }
