"""Methods of a world that may be called by name, as control requests and faults do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.world import World

EDITS = {
    *("add_organization", "add_person", "add_calendar", "client_settings", "set_limits"),
    *("google_create", "google_edit", "google_delete", "google_touch", "google_events"),
    *("google_grant", "google_revoke", "google_set_user", "google_plan_empty_pages"),
    *("salesforce_create", "salesforce_edit", "salesforce_delete", "salesforce_touch"),
    *("salesforce_events", "salesforce_grant", "salesforce_revoke", "salesforce_set_user"),
    *("salesforce_purge_deleted_log", "salesforce_set_usage", "end_sessions"),
    *("expire_access_tokens", "expire_sync_tokens", "set_clock_offset"),
    *("status_incident_open", "status_incident_update", "status_incident_end"),
    "status_maintenance_plan",
}


def check_edit(operation: object) -> str:
    """The name of a method that may be called so; raises ValueError for another."""
    if not isinstance(operation, str) or operation not in EDITS:
        raise ValueError(f"there is no edit {operation}; there are {', '.join(sorted(EDITS))}")
    return operation


def apply_edit(world: World, operation: str, arguments: Mapping[str, Any]) -> Any:
    """Call the method; raises what it raises, and TypeError for wrong arguments."""
    return getattr(world, check_edit(operation))(**arguments)
