from __future__ import annotations

import json
import stat

import pytest

from simulator.worldfile import WorldFileError, keep_world, read_world, save_world, world_from
from tests.simulator import clients
from tests.simulator.conftest import ADA, BEN, nine

DESCRIPTION = {
    "organizations": [
        {"slug": "acme", "domain": "acme.example", "limits": {"multiday_events": True}}
    ],
    "people": [
        {
            "organization": "acme",
            "name": "Ada Lovelace",
            "email": ADA,
            "time_zone": "Europe/Zurich",
            "google_events": [
                {"summary": "Day", "start": {"date": "2026-06-01"}, "end": {"date": "2026-06-02"}}
            ],
            "salesforce_events": [
                {
                    "Subject": "Fair",
                    "IsAllDayEvent": True,
                    "ActivityDate": "2026-06-01",
                    "DurationInMinutes": 2880,
                }
            ],
        },
        {"organization": "acme", "name": "Ben Bitdiddle", "salesforce": False},
    ],
}


def test_a_description_becomes_a_world(tmp_path):
    path = tmp_path / "world.json"
    path.write_text(json.dumps(DESCRIPTION))
    world = read_world(path)
    assert world.google_events(ADA)[0]["summary"] == "Day"
    assert world.salesforce_events(ADA)[0]["DurationInMinutes"] == 2880
    assert world.person("ben.bitdiddle@acme.example").salesforce is None


@pytest.mark.parametrize(
    "data",
    [
        [],
        {},
        {"organizations": [{"name": "No slug"}]},
        {"organizations": [], "people": [{"organization": "x", "name": "X"}]},
        {"organizations": [], "colour": "red"},
        {"organizations": [{"slug": "acme", "height": 5}]},
        {"organizations": [{"slug": "acme", "limits": {"query_page_size": "many"}}]},
        {"kept": {}},
    ],
)
def test_what_describes_no_world_is_told(data, tmp_path):
    path = tmp_path / "world.json"
    path.write_text(json.dumps(data))
    with pytest.raises(WorldFileError, match=r"."):
        read_world(path)


def test_an_event_that_cannot_be_is_told():
    broken = json.loads(json.dumps(DESCRIPTION))
    broken["people"][0]["google_events"][0]["end"] = {"date": "2026-05-01"}
    with pytest.raises(WorldFileError, match="time range is empty"):
        world_from(broken)


@pytest.mark.parametrize("text", ["", "{", "nothing"])
def test_a_file_that_is_no_json_is_told(text, tmp_path):
    path = tmp_path / "world.json"
    path.write_text(text)
    with pytest.raises(WorldFileError, match=r"world\.json"):
        read_world(path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(WorldFileError, match="No such file"):
        read_world(tmp_path / "nothing.json")


@pytest.fixture
def lived_in(world):
    """A world in which something has happened."""
    for day in (1, 2, 3):
        world.google_create(ADA, summary=str(day), start=nine(day))
        row = {"StartDateTime": nine(day), "DurationInMinutes": 5, "SyncCenter_Key__c": f"k{day}"}
        world.salesforce_create(ADA, Subject=str(day), **row)
    world.google_delete(ADA, world.google_events(ADA)[0]["id"])
    world.salesforce_delete(ADA, world.salesforce_events(ADA)[0]["Id"])
    world.google_revoke(BEN)
    world.salesforce_set_user(BEN, active=False)
    world.set_limits("acme", query_page_size=7)
    world.salesforce_set_usage("acme", 42)
    world.salesforce_purge_deleted_log("acme")
    return world


def test_a_kept_world_comes_back_whole(lived_in, tmp_path):
    path = tmp_path / "world.json"
    save_world(lived_in, path)
    again = read_world(path)
    assert keep_world(again) == keep_world(lived_in)
    assert again.google_events(ADA, deleted=True) == lived_in.google_events(ADA, deleted=True)
    shown = lived_in.salesforce_events(ADA, deleted=True)
    assert again.salesforce_events(ADA, deleted=True) == shown
    assert again.client_settings("acme") == lived_in.client_settings("acme")


def test_a_kept_world_lets_nobody_else_read_its_keys(lived_in, tmp_path):
    path = tmp_path / "world.json"
    save_world(lived_in, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_clients_go_on_after_a_restart(lived_in, simulator, ada_calendar, raw):
    events = ada_calendar.events()
    token = events.list(calendarId="primary").execute()["nextSyncToken"]
    kept = raw.get(simulator.base_url + "/control/world").json()
    raw.put(simulator.base_url + "/control/world", json=kept).raise_for_status()
    assert simulator.world is not lived_in
    event = simulator.world.google_create(ADA, summary="After", start=nine(9))
    fresh = events.list(calendarId="primary", syncToken=token).execute()
    assert [item["id"] for item in fresh["items"]] == [event["id"]]
    row = simulator.world.salesforce_create(
        ADA, Subject="After", StartDateTime=nine(9), DurationInMinutes=5
    )
    assert row["Id"] not in {each["Id"] for each in lived_in.salesforce_events(ADA, deleted=True)}
    client = clients.salesforce_client(simulator, ADA)
    assert client.Event.get_by_custom_id("SyncCenter_Key__c", "k2")["Subject"] == "2"
    client.session.close()
