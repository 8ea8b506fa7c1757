"""The addresses of the status pages."""

from __future__ import annotations

from simulator.messages import Call
from simulator.routing import Route
from simulator.status import pages

TRUST = "trust/v1"

ROUTES = [
    Route(
        "GET",
        "appsstatus/dashboard/incidents.json",
        "status.google.incidents",
        pages.google_incidents,
    ),
    Route(
        "GET",
        TRUST + "/instanceAliases/{alias}/status",
        "status.salesforce.alias",
        pages.salesforce_instance,
    ),
    Route(
        "GET",
        TRUST + "/instances/{instance}/status",
        "status.salesforce.instance",
        pages.salesforce_instance,
    ),
]


def is_status(call: Call) -> bool:
    return call.path.startswith(("/appsstatus/", "/trust/"))
