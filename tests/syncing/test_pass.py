"""One pass over one person, against the simulator."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from syncing.models import EventLink, SyncCursor
from syncing.reports import PassResult
from syncing.store import load_work
from tests.syncing.interference import at_request
from tests.syncing.rig import ADA, BEN, Rig, at


def a_linked_event(rig: Rig, **content: Any) -> tuple[str, str]:
    """An event made in Google and synced; its ids on both sides."""
    values = {"summary": "Board", "start": at(24), "end": at(24, 10)} | content
    event = rig.world.google_create(ADA, **values)
    rig.settle()
    (record,) = rig.world.salesforce_events(ADA)
    return event["id"], record["Id"]


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
    assert record["OwnerId"] == rig.people[ADA].salesforce_user_id


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
    rig.simulator.log.clear()
    with CaptureQueriesContext(connection) as queries:
        report = rig.sync()
    assert report.result is PassResult.SUCCESS
    assert sorted(rig.operations()) == [
        "google.events.list",
        "salesforce.event.deleted",
        "salesforce.queryall",
    ]
    assert len(queries) == 4, "only the work is loaded"


def test_edits_flow_both_ways_and_touch_nothing_else(rig: Rig) -> None:
    google_id, salesforce_id = a_linked_event(
        rig, attendees=[{"email": "guest@other.example"}], colorId="3"
    )
    rig.world.salesforce_edit(ADA, salesforce_id, WhatId="001000000000001AAA")
    rig.world.google_edit(ADA, google_id, summary="Board meeting")
    rig.world.salesforce_edit(ADA, salesforce_id, Location="Room 2", Description="a < b")
    report = rig.sync()
    assert (report.counts.google.updated, report.counts.salesforce.updated) == (1, 1)
    (event,), (record,) = rig.world.google_events(ADA), rig.world.salesforce_events(ADA)
    assert (event["summary"], event["location"]) == ("Board meeting", "Room 2")
    assert (record["Subject"], record["Location"]) == ("Board meeting", "Room 2")
    assert (event["colorId"], event["attendees"][0]["email"]) == ("3", "guest@other.example")
    assert record["WhatId"] == "001000000000001AAA"
    assert not rig.world.outbox


def test_a_conflict_is_counted_and_google_is_kept(rig: Rig) -> None:
    google_id, salesforce_id = a_linked_event(rig)
    rig.world.google_edit(ADA, google_id, summary="Google")
    rig.world.salesforce_edit(ADA, salesforce_id, Subject="Salesforce")
    assert rig.sync().counts.conflicts == 1
    assert rig.world.salesforce_events(ADA)[0]["Subject"] == "Google"
    assert rig.settle()[-1].counts.conflicts == 0


def test_timed_becomes_all_day_and_back(rig: Rig) -> None:
    google_id, salesforce_id = a_linked_event(rig)
    rig.world.google_edit(ADA, google_id, start={"date": "2026-11-26"}, end={"date": "2026-11-27"})
    rig.settle()
    (record,) = rig.world.salesforce_events(ADA)
    assert (record["IsAllDayEvent"], record["ActivityDate"]) == (True, "2026-11-26")
    rig.world.salesforce_edit(
        ADA,
        salesforce_id,
        IsAllDayEvent=False,
        StartDateTime="2026-11-27T10:00:00Z",
        DurationInMinutes=30,
    )
    rig.settle()
    (event,) = rig.world.google_events(ADA)
    assert event["start"] == {"dateTime": "2026-11-27T11:00:00+01:00", "timeZone": "Europe/Zurich"}


def test_stamps_that_move_alone_cause_no_write(rig: Rig) -> None:
    google_id, salesforce_id = a_linked_event(rig)
    rig.world.google_touch(ADA, google_id)
    rig.world.salesforce_touch(ADA, salesforce_id)
    rig.simulator.log.clear()
    assert rig.sync().result is PassResult.SUCCESS
    assert not rig.writes()


def test_equal_events_on_both_sides_are_linked_and_not_doubled(rig: Rig) -> None:
    rig.world.google_create(ADA, summary="Same", start=at(24), end=at(24, 10))
    rig.world.salesforce_create(
        ADA, Subject="Same", StartDateTime="2026-11-24T09:00:00Z", DurationInMinutes=60
    )
    rig.sync()
    assert not rig.writes()
    assert len(rig.links()) == 1


def test_a_long_description_keeps_its_length_where_it_was_written(rig: Rig) -> None:
    html = "<p>" + "Ä" * 8000 + "</p>" + "<b>!</b>"
    _, salesforce_id = a_linked_event(rig, summary="T" * 300, description=html)
    rig.world.salesforce_edit(ADA, salesforce_id, Location="Room 1")
    rig.settle()
    event = rig.world.google_events(ADA)[0]
    assert (event["summary"], event["description"]) == ("T" * 300, html)
    assert event["location"] == "Room 1"


def test_an_event_too_long_for_salesforce_is_reported_and_the_rest_goes_on(rig: Rig) -> None:
    rig.world.google_create(
        ADA, summary="Sabbatical", start=date(2026, 12, 1), end=date(2027, 1, 1)
    )
    rig.world.google_create(ADA, summary="Board", start=at(24))
    report = rig.sync()
    assert report.result is PassResult.PARTIAL
    assert report.error is not None
    assert "EventTooLong" in report.error.body
    assert (report.counts.skipped, report.counts.salesforce.created) == (1, 1)


def test_what_is_out_of_scope_is_counted_and_left_alone(rig: Rig) -> None:
    zone = {"timeZone": "Europe/Zurich"}
    rig.world.google_create(
        ADA,
        summary="Weekly",
        start={"dateTime": "2026-11-24T09:00:00+01:00"} | zone,
        end={"dateTime": "2026-11-24T10:00:00+01:00"} | zone,
        recurrence=["RRULE:FREQ=WEEKLY;COUNT=5"],
    )
    rig.world.google_create(ADA, summary="Focus", eventType="focusTime", start=at(24))
    rig.world.google_create(ADA, summary="Secret", visibility="private", start=at(24))
    start = {"StartDateTime": "2026-11-24T09:00:00Z", "DurationInMinutes": 60}
    rig.world.salesforce_create(ADA, Subject="Series", IsRecurrence2=True, **start)
    rig.world.salesforce_create(ADA, Subject="Private", IsPrivate=True, **start)
    rig.world.salesforce_create(ADA, Subject="Child", IsChild=True, **start)
    report = rig.sync()
    assert report.result is PassResult.SUCCESS
    assert report.counts.skipped == 5
    assert not rig.writes()
    assert not rig.links()


def test_the_first_sync_goes_back_thirty_days(rig: Rig) -> None:
    rig.world.google_create(ADA, summary="Old", start=at(20) - timedelta(days=40))
    rig.world.google_create(ADA, summary="Recent", start=at(20) - timedelta(days=20))
    old = (at(20) - timedelta(days=40)).isoformat()
    rig.world.salesforce_create(ADA, Subject="Old", StartDateTime=old, DurationInMinutes=60)
    rig.sync()
    assert [record["Subject"] for record in rig.world.salesforce_events(ADA)] == ["Old", "Recent"]
    assert [event["summary"] for event in rig.world.google_events(ADA)] == ["Old", "Recent"]


def test_an_old_event_is_taken_up_when_it_moves_into_the_window(rig: Rig) -> None:
    start = (at(20) - timedelta(days=40)).isoformat()
    record = rig.world.salesforce_create(
        ADA, Subject="Old", StartDateTime=start, DurationInMinutes=60
    )
    rig.settle()
    rig.world.salesforce_edit(ADA, record["Id"], Subject="Still old")
    rig.settle()
    assert not rig.world.google_events(ADA)
    rig.world.salesforce_edit(ADA, record["Id"], StartDateTime="2026-12-01T10:00:00Z")
    rig.settle()
    assert [event["summary"] for event in rig.world.google_events(ADA)] == ["Still old"]


def test_many_pages_and_batches_all_arrive(rig: Rig) -> None:
    rig.world.set_limits("acme", google_page_size=7, query_page_size=5)
    rig.world.google_plan_empty_pages(ADA, 1)
    for number in range(60):
        rig.world.google_create(
            ADA, summary=f"G{number:02}", start=at(21) + timedelta(hours=number)
        )
    for number in range(12):
        rig.world.salesforce_create(
            ADA,
            Subject=f"S{number:02}",
            StartDateTime=(at(25) + timedelta(hours=number)).isoformat(),
            DurationInMinutes=60,
        )
    report = rig.sync()
    assert (report.counts.salesforce.created, report.counts.google.created) == (60, 12)
    rig.settle()
    assert rig.google() == rig.salesforce()
    assert len(rig.links()) == 72


def test_ties_at_the_mark_are_read_again_and_recognised(rig: Rig) -> None:
    """A record written in the very second of the last read is not missed."""
    rig.settle()
    report = rig.sync()
    start = {"StartDateTime": "2026-11-24T09:00:00Z", "DurationInMinutes": 60}
    rig.world.salesforce_create(ADA, Subject="One", **start)
    report = rig.sync()
    assert report.counts.google.created == 1
    rig.world.salesforce_create(ADA, Subject="Two", **start)
    assert rig.sync().counts.google.created == 1
    seen = SyncCursor.objects.get(person=rig.people[ADA]).salesforce_seen
    assert len(seen) == 2
    assert rig.sync().counts.google.created == 0


def test_a_person_without_a_connection_is_told_so(rig: Rig) -> None:
    rig.people[ADA].connections.filter(provider="google").delete()
    report = rig.sync()
    assert report.result is PassResult.FAILURE
    assert report.error is not None
    assert (report.error.provider, report.error.channel) == ("google", "exception-text")
    assert "NotConnected" in report.error.body
    assert not rig.operations()


def test_a_pass_touches_only_its_person(rig: Rig) -> None:
    for email in (ADA, BEN):
        rig.world.google_create(email, summary="Own", start=at(24))
    rig.sync(ADA)
    assert {entry.person for entry in rig.simulator.requests} == {ADA}
    assert not rig.world.salesforce_events(BEN)
    rig.sync(BEN)
    assert len(rig.world.salesforce_events(BEN)) == 1


def test_work_is_loaded_in_four_queries_for_any_number(
    rig: Rig, django_assert_num_queries: Any
) -> None:
    rig.sync(ADA)
    for ids in ([rig.people[ADA].pk], [person.pk for person in rig.people.values()]):
        with django_assert_num_queries(4):
            work = load_work(ids)
        assert sorted(work) == sorted(ids)
    assert load_work([0]) == {}


@pytest.mark.parametrize("number", range(1, 7))
def test_an_edit_made_while_we_sync_is_never_overwritten(rig: Rig, number: int) -> None:
    """The user's later words win over ours, wherever in the pass they fall."""
    google_id, salesforce_id = a_linked_event(rig)
    rig.world.google_edit(ADA, google_id, summary="From Google")
    rig.world.salesforce_edit(ADA, salesforce_id, Location="From Salesforce")

    def edit_both() -> None:
        rig.clock.advance(seconds=2)
        rig.world.salesforce_edit(ADA, salesforce_id, Description="Late in Salesforce")
        rig.world.google_edit(ADA, google_id, transparency="transparent")

    with at_request(number, edit_both) as made:
        rig.sync()
    assert made[0] >= number
    rig.settle()
    (event,), (record,) = rig.world.google_events(ADA), rig.world.salesforce_events(ADA)
    assert (event["summary"], event["location"]) == ("From Google", "From Salesforce")
    assert record["Description"] == event["description"] == "Late in Salesforce"
    assert (record["ShowAs"], event["transparency"]) == ("Free", "transparent")
    assert (record["Subject"], record["Location"]) == ("From Google", "From Salesforce")


@pytest.mark.parametrize("late", [{"Subject": "Third"}, {"Subject": "Third", "Location": "Late"}])
def test_a_newer_edit_of_one_side_is_not_undone_by_its_older_one(
    rig: Rig, late: dict[str, str]
) -> None:
    """What we carried from Salesforce to Google is no edit of Google's."""
    for number in count(1):
        google_id, salesforce_id = a_linked_event(rig, summary="First")
        rig.world.google_edit(ADA, google_id, description="From Google")
        rig.world.salesforce_edit(ADA, salesforce_id, Subject="Second")

        def edit(record_id: str = salesforce_id) -> None:
            rig.clock.advance(seconds=2)
            rig.world.salesforce_edit(ADA, record_id, **late)

        with at_request(number, edit) as made:
            rig.sync()
        if made[0] < number:
            break
        rig.settle()
        (event,), (record,) = rig.world.google_events(ADA), rig.world.salesforce_events(ADA)
        assert event["summary"] == record["Subject"] == "Third", f"edited at request {number}"
        assert event.get("location") == record["Location"] == late.get("Location")
        assert event["description"] == record["Description"] == "From Google"
        rig.world.google_delete(ADA, google_id)
        rig.settle()
    assert number > 5


@pytest.mark.parametrize("fault", ["salesforce-maintenance", "salesforce-trigger"])
def test_an_edit_after_a_pass_that_wrote_only_one_side_is_kept(rig: Rig, fault: str) -> None:
    google_id, salesforce_id = a_linked_event(rig, summary="First")
    rig.world.google_edit(ADA, google_id, description="From Google")
    rig.world.salesforce_edit(ADA, salesforce_id, Subject="Second")
    rig.simulator.plan_fault(fault, operation="salesforce.event.update")
    assert rig.sync().result is not PassResult.SUCCESS
    assert rig.world.google_events(ADA)[0]["summary"] == "Second"
    rig.simulator.clear_faults()
    rig.world.salesforce_edit(ADA, salesforce_id, Subject="Third")
    rig.settle()
    (event,), (record,) = rig.world.google_events(ADA), rig.world.salesforce_events(ADA)
    assert event["summary"] == record["Subject"] == "Third"
    assert event["description"] == record["Description"] == "From Google"


def test_a_version_nobody_remembers_is_read_before_it_is_written_over(rig: Rig) -> None:
    google_id, salesforce_id = a_linked_event(rig)
    EventLink.objects.update(google_etag="")
    rig.world.salesforce_edit(ADA, salesforce_id, Subject="From Salesforce")

    def edit() -> None:
        rig.world.google_edit(ADA, google_id, summary="Late")

    # The requests: list, delete log, query, look, write.
    with at_request(5, edit):
        report = rig.sync()
    assert report.counts.conflicts == 1
    assert rig.world.google_events(ADA)[0]["summary"] == "Late"


def test_an_edit_between_our_look_and_our_write_is_seen_as_a_conflict(rig: Rig) -> None:
    google_id, salesforce_id = a_linked_event(rig)
    rig.world.google_edit(ADA, google_id, summary="From Google")

    def edit() -> None:
        rig.clock.advance(seconds=2)
        rig.world.salesforce_edit(ADA, salesforce_id, Subject="Late")

    # The requests: list, delete log, query, look, write.
    with at_request(5, edit) as made:
        report = rig.sync()
    assert made[0] > 5
    assert report.counts.conflicts == 1


@pytest.mark.parametrize("side", ["google", "salesforce"])
def test_an_event_that_keeps_changing_is_told_and_tried_again(rig: Rig, side: str) -> None:
    google_id, salesforce_id = a_linked_event(rig)
    moves = iter(range(100))

    def keep_editing() -> None:
        rig.clock.advance(seconds=2)
        if side == "google":
            rig.world.google_edit(ADA, google_id, location=f"Move {next(moves)}")
        else:
            rig.world.salesforce_edit(ADA, salesforce_id, Location=f"Move {next(moves)}")

    if side == "google":
        rig.world.salesforce_edit(ADA, salesforce_id, Subject="Ours")
    else:
        rig.world.google_edit(ADA, google_id, summary="Ours")
    with ExitStack() as stack:
        for number in range(4, 12):
            stack.enter_context(at_request(number, keep_editing))
        report = rig.sync()
    assert report.result is PassResult.PARTIAL
    assert report.error is not None
    assert report.error.provider == side
    assert "KeepsChanging" in report.error.body
    assert "Move" not in report.error.body
    assert rig.settle()[-1].result is PassResult.SUCCESS
    (event,), (record,) = rig.world.google_events(ADA), rig.world.salesforce_events(ADA)
    assert event["summary"] == record["Subject"] == "Ours"
    assert event["location"] == record["Location"] == f"Move {next(moves) - 1}"


@pytest.mark.parametrize("hours", [-24, 24])
def test_a_vendors_clock_that_is_a_day_off_loses_nothing(rig: Rig, hours: int) -> None:
    rig.world.set_limits("acme", google_token_seconds=10**7, salesforce_session_seconds=10**7)
    rig.sync()
    rig.world.set_clock_offset(hours * 3600)
    google_id, salesforce_id = a_linked_event(rig)
    rig.world.salesforce_edit(ADA, salesforce_id, Location="Here")
    rig.settle()
    rig.world.google_edit(ADA, google_id, summary="There")
    rig.settle()
    assert rig.google() == rig.salesforce()
    assert (rig.google()[0].title, rig.google()[0].location) == ("There", "Here")
    rig.world.salesforce_delete(ADA, salesforce_id)
    rig.settle()
    assert rig.google() == rig.salesforce() == []
