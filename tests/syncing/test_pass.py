"""One pass over one person, against the simulator."""

from __future__ import annotations

from datetime import date

from syncing.reports import PassResult
from tests.syncing.rig import ADA, Rig, at


def test_a_google_event_is_created_in_salesforce(rig: Rig) -> None:
    rig.world.google_create(ADA, summary="Board", location="Room 1", start=at(24), end=at(24, 10))
    report = rig.sync()
    assert report.error is None
    assert report.result is PassResult.SUCCESS
    assert report.counts.salesforce.created == 1
    (record,) = rig.world.salesforce_events(ADA)
    assert (record["Subject"], record["Location"]) == ("Board", "Room 1")
    assert record["StartDateTime"] == "2026-11-24T09:00:00.000+0000"
    assert record["DurationInMinutes"] == 60


def test_a_salesforce_event_is_created_in_google(rig: Rig) -> None:
    rig.world.salesforce_create(
        ADA, Subject="Visit", IsAllDayEvent=True, ActivityDate="2026-11-25", DurationInMinutes=1440
    )
    report = rig.sync()
    assert report.error is None
    assert report.counts.google.created == 1
    (event,) = rig.world.google_events(ADA)
    assert event["summary"] == "Visit"
    assert event["start"] == {"date": "2026-11-25"}
    assert event["end"] == {"date": "2026-11-26"}


def test_an_unchanged_world_costs_one_google_and_two_salesforce_requests(rig: Rig) -> None:
    rig.world.google_create(ADA, summary="Board", start=at(24))
    rig.world.google_create(ADA, summary="Holiday", start=date(2026, 12, 24))
    rig.world.salesforce_create(
        ADA, Subject="Visit", StartDateTime="2026-11-25T08:00:00Z", DurationInMinutes=30
    )
    rig.settle()
    rig.clock.advance(minutes=10)
    rig.sync()
    rig.simulator.log.clear()
    report = rig.sync()
    assert report.result is PassResult.SUCCESS
    assert sorted(rig.operations()) == [
        "google.events.list",
        "salesforce.event.deleted",
        "salesforce.queryall",
    ]
