from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from tests.simulator.conftest import ADA, nine
from tests.simulator.google.conftest import TIMED, WEEKLY

FIRST, SECOND = "20260601T070000Z", "20260608T070000Z"


@pytest.fixture
def series(events):
    return events.insert(WEEKLY)


def test_a_list_shows_the_master_not_its_instances(events, series):
    assert [item["id"] for item in events.list()["items"]] == [series["id"]]
    assert series["recurrence"] == ["RRULE:FREQ=WEEKLY"]


def test_an_untouched_instance_can_be_read(events, series):
    instance = events.get(f"{series['id']}_{SECOND}")
    assert instance["recurringEventId"] == series["id"]
    assert instance["start"]["dateTime"] == "2026-06-08T09:00:00+02:00"
    assert instance["end"]["dateTime"] == "2026-06-08T09:30:00+02:00"
    assert instance["originalStartTime"] == instance["start"]
    assert "recurrence" not in instance


def test_a_moved_instance_becomes_an_exception_that_keeps_its_origin(events, series):
    token = events.list()["nextSyncToken"]
    later = {"start": {"dateTime": "2026-06-09T09:00:00Z"}}
    later["end"] = {"dateTime": "2026-06-09T10:00:00Z"}
    moved = events.patch(f"{series['id']}_{SECOND}", **later)
    assert moved["originalStartTime"]["dateTime"] == "2026-06-08T09:00:00+02:00"
    assert moved["start"]["dateTime"] == "2026-06-09T11:00:00+02:00"
    assert moved["iCalUID"] == series["iCalUID"]
    assert events.list(syncToken=token)["items"] == [moved]
    assert events.list()["items"] == [events.get(series["id"]), moved]


def test_a_cancelled_instance_is_a_bare_item_of_every_list(events, series):
    token = events.list()["nextSyncToken"]
    events.delete(f"{series['id']}_{SECOND}")
    for parameters in ({}, {"syncToken": token}):
        cancelled = events.list(**parameters)["items"][-1]
        assert cancelled.keys() == {
            *("kind", "etag", "id", "status", "recurringEventId", "originalStartTime"),
        }
        assert cancelled["status"] == "cancelled"


def test_deleting_the_master_takes_its_exceptions_along(events, series, world):
    world.google_edit(ADA, f"{series['id']}_{SECOND}", summary="Special")
    world.google_delete(ADA, f"{series['id']}_{FIRST}")
    token = events.list()["nextSyncToken"]
    events.delete(series["id"])
    gone = events.list(syncToken=token)["items"]
    assert {item["id"] for item in gone} == {series["id"], f"{series['id']}_{SECOND}"}
    assert {item["status"] for item in gone} == {"cancelled"}
    assert events.list()["items"] == []


def test_a_restored_master_tells_of_its_exceptions_again(events, series, world):
    world.google_delete(ADA, f"{series['id']}_{FIRST}")
    events.delete(series["id"])
    token = events.list()["nextSyncToken"]
    events.patch(series["id"], status="confirmed")
    told = events.list(syncToken=token)["items"]
    assert {item["id"] for item in told} == {series["id"], f"{series['id']}_{FIRST}"}
    assert told == events.list()["items"]


def test_an_all_day_series_has_dates_in_its_instance_ids(events, world):
    body = {"start": {"date": "2026-06-01"}, "end": {"date": "2026-06-02"}}
    series = events.insert({**body, "recurrence": ["RRULE:FREQ=DAILY"]})
    instance = events.get(f"{series['id']}_20260605")
    assert instance["start"] == instance["originalStartTime"] == {"date": "2026-06-05"}
    assert instance["end"] == {"date": "2026-06-06"}


@pytest.mark.parametrize("suffix", ["20260525T070000Z", "20269901T070000Z", "20260601", "x"])
def test_what_is_no_instance_is_a_404(suffix, events, series, refusal):
    assert refusal(events.get, f"{series['id']}_{suffix}") == (404, "notFound")


def test_a_single_event_has_no_instances(events, refusal):
    event = events.insert(TIMED)
    assert refusal(events.get, f"{event['id']}_{FIRST}") == (404, "notFound")


def test_a_series_by_hand_takes_zoned_datetimes(world, events):
    start = nine().astimezone(ZoneInfo("Europe/Zurich"))
    event = world.google_create(ADA, summary="Round", start=start, recurrence=["RRULE:FREQ=DAILY"])
    assert event["start"] == {
        "dateTime": "2026-06-01T11:00:00+02:00",
        "timeZone": "Europe/Zurich",
    }
