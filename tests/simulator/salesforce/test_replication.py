from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.simulator.conftest import ADA, BEN, ROOT
from tests.simulator.salesforce.conftest import TIMED


@pytest.fixture
def window(world):
    """The last hour, up to five minutes ahead."""
    now = world.now()
    return now - timedelta(hours=1), now + timedelta(minutes=5)


def test_deleted_events_are_told_with_their_time(table, window, world):
    kept, gone = table.create(TIMED)["id"], table.create(TIMED)["id"]
    table.delete(gone)
    answer = table.deleted(*window)
    assert [row["id"] for row in answer["deletedRecords"]] == [gone]
    assert answer["latestDateCovered"] <= window[1].isoformat()
    assert answer["earliestDateAvailable"] < answer["latestDateCovered"]
    assert [kept] == table.updated(*window)["ids"]


def test_the_next_window_begins_where_the_last_was_covered(table, window, world):
    gone = table.create(TIMED)["id"]
    now = world.now()
    world.clock = lambda: now
    first = table.deleted(*window)
    world.salesforce_delete(ADA, gone)
    covered = datetime.fromisoformat(first["latestDateCovered"])
    second = table.deleted(covered, covered + timedelta(minutes=10))
    assert [row["id"] for row in second["deletedRecords"]] == [gone]


def test_only_rows_the_session_sees_are_told(salesforce_of, window, world):
    for email in (ADA, BEN):
        row = world.salesforce_create(email, **TIMED)
        world.salesforce_delete(email, row["Id"])
    assert len(salesforce_of(ADA).Event.deleted(*window)["deletedRecords"]) == 1
    assert len(salesforce_of(ROOT).Event.deleted(*window)["deletedRecords"]) == 2


def test_a_purged_log_says_from_when_it_is_complete(table, window, world):
    for _ in range(2):
        table.delete(table.create(TIMED)["id"])
    world.set_clock_offset(60)
    world.salesforce_purge_deleted_log("acme")
    answer = table.deleted(*window)
    assert answer["deletedRecords"] == []
    assert datetime.fromisoformat(answer["earliestDateAvailable"]) > window[0]


def test_a_window_must_be_longer_than_a_minute(table, world, refusal):
    now = world.now()
    for seconds in (-5, 0, 60):
        window = (now, now + timedelta(seconds=seconds))
        assert refusal(table.deleted, *window) == (400, "INVALID_REPLICATION_DATE")
    table.deleted(now, now + timedelta(seconds=62))


def test_the_log_reaches_back_fifteen_days(table, world, refusal):
    now = world.now()
    table.deleted(now - timedelta(days=14), now)
    for call in (table.deleted, table.updated):
        window = (now - timedelta(days=16), now)
        assert refusal(call, *window) == (400, "INVALID_REPLICATION_DATE")


def test_a_window_without_dates_is_a_400(ada_salesforce, refusal):
    path = "sobjects/Event/deleted/"
    for params in ({}, {"start": "yesterday", "end": "today"}):
        assert refusal(ada_salesforce.restful, path, params=params)[0] == 400


def test_query_all_is_the_second_source_of_deletions(ada_salesforce, table):
    gone = table.create(TIMED)["id"]
    table.delete(gone)
    query = "SELECT Id, IsDeleted FROM Event WHERE IsDeleted = true"
    assert ada_salesforce.query(query)["totalSize"] == 0
    found = ada_salesforce.query(query, include_deleted=True)["records"]
    assert [row["Id"] for row in found] == [gone]
