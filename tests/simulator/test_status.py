from __future__ import annotations

from datetime import timedelta

import pytest
import requests

from simulator.times import parse_instant
from simulator.worldfile import keep_world, world_from
from tests.simulator import clients
from tests.simulator.conftest import ADA

GOOGLE = "/appsstatus/dashboard/incidents.json"
ALIAS = "/trust/v1/instanceAliases/{}/status"
GOOGLE_KEYS = {
    *("id", "number", "begin", "created", "modified", "external_desc", "updates", "severity"),
    *("most_recent_update", "status_impact", "service_key", "service_name", "affected_products"),
    *("uri", "currently_affected_locations", "previously_affected_locations"),
}
INSTANCE_KEYS = {
    *("key", "location", "environment", "releaseVersion", "releaseNumber", "status", "isActive"),
    *("city", "maintenanceWindow", "Products", "Incidents", "Maintenances", "Tags"),
}
INCIDENT_KEYS = {
    *("id", "externalId", "message", "additionalInformation", "isCore", "affectsAll", "createdAt"),
    *("updatedAt", "IncidentImpacts", "IncidentEvents", "instanceKeys", "serviceKeys"),
}
MAINTENANCE_KEYS = {
    *("id", "externalId", "name", "message", "externalMaintenanceType", "releaseType", "substrate"),
    *("isCore", "affectsAll", "plannedStartTime", "plannedEndTime", "additionalInformation"),
    *("MaintenanceImpacts", "MaintenanceEvents", "instanceKeys", "serviceKeys"),
}


@pytest.fixture
def google(simulator, raw):
    return lambda: raw.get(simulator.base_url + GOOGLE, timeout=10).json()


@pytest.fixture
def trust(simulator, raw):
    def ask(alias="acme"):
        return raw.get(simulator.base_url + ALIAS.format(alias), timeout=10).json()

    return ask


def test_a_quiet_day_shows_nothing(google, trust):
    assert google() == []
    shown = trust()
    assert set(shown) == INSTANCE_KEYS
    assert (shown["status"], shown["Incidents"], shown["Maintenances"]) == ("OK", [], [])


def test_an_incident_of_google_opens_changes_and_ends(google, world):
    incident_id = world.status_incident_open("google", summary="Events do not load.")
    [shown] = google()
    assert set(shown) == GOOGLE_KEYS
    assert shown["status_impact"] == shown["most_recent_update"]["status"] == "SERVICE_DISRUPTION"
    assert shown["affected_products"][0]["title"] == shown["service_name"] == "Google Calendar"
    assert shown["uri"] == f"incidents/{incident_id}"
    world.status_incident_update(incident_id, text="It is worse.", impact="SERVICE_OUTAGE")
    [shown] = google()
    assert (shown["status_impact"], shown["severity"]) == ("SERVICE_OUTAGE", "high")
    assert [update["text"] for update in shown["updates"]] == [
        "It is worse.",
        "Events do not load.",
    ]
    world.status_incident_end(incident_id)
    [shown] = google()
    assert parse_instant(shown["end"]) >= parse_instant(shown["begin"])
    assert shown["external_desc"] == "Events do not load."


def test_the_newest_incident_of_google_comes_first(google, world):
    ids = [world.status_incident_open("google", product=name) for name in ("Gmail", "Google Meet")]
    assert [shown["id"] for shown in google()] == ids[::-1]


def test_an_incident_of_salesforce_opens_changes_and_ends(trust, world):
    began = world.now() - timedelta(hours=1)
    incident_id = world.status_incident_open("salesforce", summary="Slow.", began=began)
    shown = trust()
    [incident] = shown["Incidents"]
    assert set(incident) == INCIDENT_KEYS
    assert (shown["status"], incident["affectsAll"]) == ("MINOR_INCIDENT_CORE", True)
    assert parse_instant(incident["IncidentImpacts"][0]["startTime"]) <= began
    assert incident["IncidentImpacts"][0]["endTime"] is None
    world.status_incident_update(incident_id, text="Down.", impact="MAJOR_INCIDENT_CORE")
    shown = trust()
    assert shown["status"] == "MAJOR_INCIDENT_CORE"
    assert [event["message"] for event in shown["Incidents"][0]["IncidentEvents"]] == [
        "Slow.",
        "Down.",
    ]
    world.status_incident_end(incident_id)
    shown = trust()
    assert shown["status"] == "OK"
    assert shown["Incidents"][0]["IncidentImpacts"][0]["endTime"]


def test_an_incident_of_one_instance_is_not_anothers(trust, world):
    world.status_incident_open("salesforce", organization="acme")
    assert trust("acme")["status"] == "MINOR_INCIDENT_CORE"
    assert (trust("globex")["status"], trust("globex")["Incidents"]) == ("OK", [])


def test_the_worst_word_is_the_instances(trust, world):
    for impact in ("MAJOR_INCIDENT_CORE", "MINOR_INCIDENT_NONCORE"):
        world.status_incident_open("salesforce", impact=impact)
    assert trust()["status"] == "MAJOR_INCIDENT_CORE"
    world.status_incident_open("salesforce", impact="SOLAR_FLARE")
    assert trust()["status"] == "SOLAR_FLARE"


def test_a_maintenance_begins_and_ends_by_the_clock(trust, world):
    now = world.now()
    world.status_maintenance_plan(
        name="Patch", starts=now + timedelta(days=1), ends=now + timedelta(days=2)
    )
    shown = trust()
    [maintenance] = shown["Maintenances"]
    assert set(maintenance) == MAINTENANCE_KEYS
    assert (shown["status"], maintenance["name"]) == ("OK", "Patch")
    world.set_clock_offset(86400 * 1.5)
    assert trust()["status"] == "MAINTENANCE_CORE"
    world.set_clock_offset(86400 * 2.5)
    assert (trust()["status"], trust()["Maintenances"]) == ("OK", [])


def test_an_instance_is_found_by_alias_and_by_key(simulator, raw, trust, world):
    key = world.organization("globex").instance_key
    by_key = raw.get(f"{simulator.base_url}/trust/v1/instances/{key}/status", timeout=10).json()
    assert by_key == trust("globex") == trust("GLOBEX")
    assert by_key["key"] == key


@pytest.mark.parametrize("path", [ALIAS.format("nobody"), "/trust/v1/x", "/appsstatus/x"])
def test_what_is_not_on_the_pages_is_a_404(path, simulator, raw):
    assert raw.get(simulator.base_url + path, timeout=10).status_code == 404


def test_the_pages_are_edited_by_control(simulator, raw, trust, google):
    def edit(operation, **arguments):
        body = {"operation": operation, "arguments": arguments}
        answer = raw.post(simulator.base_url + "/control/edit", json=body, timeout=10)
        return answer.status_code, answer.json().get("result")

    began = "2026-06-01T09:00:00+02:00"
    status, incident_id = edit("status_incident_open", provider="google", began=began)
    assert status == 200
    assert google()[0]["begin"] == "2026-06-01T07:00:00+00:00"
    assert edit("status_incident_update", incident_id=incident_id, text="Still.")[0] == 200
    assert edit("status_incident_end", incident_id=incident_id)[0] == 200
    assert "end" in google()[0]
    times = {"starts": "2099-06-01T22:00:00Z", "ends": "2099-06-02T02:00:00Z"}
    assert edit("status_maintenance_plan", name="Patch", organization="acme", **times)[0] == 200
    assert trust()["Maintenances"][0]["plannedStartTime"] == "2099-06-01T22:00:00.000Z"
    assert trust("globex")["Maintenances"] == []


@pytest.mark.parametrize(
    ("operation", "arguments", "error"),
    [
        ("status_incident_open", {"provider": "network"}, ValueError),
        ("status_incident_open", {"provider": "google", "organization": "acme"}, AssertionError),
        ("status_incident_open", {"provider": "salesforce", "organization": "x"}, KeyError),
        ("status_incident_open", {"provider": "google", "began": "yesterday"}, ValueError),
        ("status_incident_update", {"incident_id": "1", "text": "x"}, KeyError),
        ("status_incident_end", {"incident_id": "1"}, KeyError),
        (
            "status_maintenance_plan",
            {"name": "x", "starts": "2026-06-02T00:00Z", "ends": "2026-06-01T00:00Z"},
            ValueError,
        ),
        (
            "status_maintenance_plan",
            {"name": "x", "starts": "2026-06-01T00:00", "ends": "2026-06-02T00:00"},
            ValueError,
        ),
    ],
)
def test_a_wrong_edit_changes_nothing(operation, arguments, error, world):
    with pytest.raises(error):
        getattr(world, operation)(**arguments)
    assert (world.status.incidents, world.status.maintenances) == ({}, [])


def test_a_kept_world_keeps_its_status_pages(world):
    world.status_incident_end(world.status_incident_open("google"))
    open_id = world.status_incident_open("salesforce", organization="acme")
    now = world.now()
    world.status_maintenance_plan(name="Patch", starts=now, ends=now + timedelta(days=1))
    kept = keep_world(world)
    again = world_from(kept)
    assert keep_world(again) == kept
    again.status_incident_end(open_id)
    assert again.status_incident_open("salesforce") not in world.status.incidents
    kept["kept"].pop("status")
    assert world_from(kept).status.incidents == {}


def test_faults_hit_the_status_pages(simulator, raw, google, trust):
    simulator.plan_fault("html-502", operation="status.google.*", count=1)
    assert raw.get(simulator.base_url + GOOGLE, timeout=10).text.startswith("<!DOCTYPE html>")
    assert google() == []
    simulator.plan_fault(operation="status.salesforce.alias", organization="acme", status=500)
    assert raw.get(simulator.base_url + ALIAS.format("acme"), timeout=10).status_code == 500
    assert trust("globex")["status"] == "OK"
    simulator.clear_faults()
    simulator.plan_fault("cut", operation="status.*")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        trust()


def test_a_status_page_answers_while_its_provider_is_down(simulator, trust):
    simulator.plan_fault("salesforce-maintenance")
    simulator.plan_fault(provider="google", status=500)
    assert trust()["status"] == "OK"
    with pytest.raises(requests.HTTPError):
        clients.salesforce_tokens(simulator, ADA)
    [entry, _] = simulator.requests
    assert (entry.provider, entry.operation) == ("status", "status.salesforce.alias")
    assert (entry.organization, entry.is_write) == ("acme", False)
