"""What is deleted, what is not, and what never comes back."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from unittest import mock

import pytest

from syncing.engine.content import AllDay, EventContent
from syncing.engine.cursors import first_cursor
from syncing.engine.observed import Deleted, Present
from syncing.engine.read import read_salesforce
from syncing.engine.salesforce_form import salesforce_record
from syncing.models import SyncCursor
from syncing.reports import PassResult
from tests.syncing.interference import at_request
from tests.syncing.rig import ADA, BEN, Rig, at
from tests.syncing.test_content import ALL, OWNER, stored_by_salesforce

DAY = date(2026, 11, 24)


def linked_events(rig: Rig, number: int) -> tuple[list[str], list[str]]:
    """So many events made in Google and synced; their ids on both sides, in the same order."""
    google = [
        rig.world.google_create(ADA, summary=f"E{n:02}", start=at(21) + timedelta(hours=n))["id"]
        for n in range(number)
    ]
    rig.settle()
    records = {record["Subject"]: record["Id"] for record in rig.world.salesforce_events(ADA)}
    return google, [records[f"E{n:02}"] for n in range(number)]


def titles(rig: Rig) -> tuple[list[str], list[str]]:
    google = [event["summary"] for event in rig.world.google_events(ADA)]
    salesforce = [record["Subject"] for record in rig.world.salesforce_events(ADA)]
    return sorted(google), sorted(salesforce)


@pytest.mark.parametrize("side", ["google", "salesforce"])
def test_a_deletion_is_carried_over_and_stays(rig: Rig, side: str) -> None:
    google, salesforce = linked_events(rig, 2)
    if side == "google":
        rig.world.google_delete(ADA, google[0])
    else:
        rig.world.salesforce_delete(ADA, salesforce[0])
    report = rig.sync()
    assert report.result is PassResult.SUCCESS
    assert titles(rig) == (["E01"], ["E01"])
    rig.world.expire_sync_tokens()
    rig.world.salesforce_purge_deleted_log("acme")
    rig.settle()
    assert titles(rig) == (["E01"], ["E01"])
    assert len(rig.links()) == 1


@pytest.mark.parametrize("side", ["google", "salesforce"])
def test_an_edit_just_before_our_deletion_survives_it(rig: Rig, side: str) -> None:
    google, salesforce = linked_events(rig, 1)

    def edit() -> None:
        if side == "google":
            rig.world.google_edit(ADA, google[0], location="Here")
        else:
            rig.world.salesforce_edit(ADA, salesforce[0], Location="Here")

    if side == "google":
        rig.world.salesforce_delete(ADA, salesforce[0])
    else:
        rig.world.google_delete(ADA, google[0])
    # Three requests read what changed; the next one belongs to the deletion.
    with at_request(4, edit):
        rig.sync()
    rig.settle()
    (event,), (record,) = rig.world.google_events(ADA), rig.world.salesforce_events(ADA)
    assert event["location"] == record["Location"] == "Here"


def test_a_record_in_the_delete_log_that_is_alive_again_lives() -> None:
    """The log is read first: what a later answer shows alive was taken out of the bin."""
    record = stored_by_salesforce(salesforce_record(EventContent(AllDay(DAY, DAY)), ALL))
    events = mock.Mock()
    events.deleted.return_value = {
        "deletedRecords": [{"id": record["Id"]}, {"id": "00U000000000002AAA"}],
        "earliestDateAvailable": "2026-11-01T00:00:00.000+0000",
        "latestDateCovered": "2026-11-20T12:00:00.000+0000",
    }
    events.query.return_value = [record]
    feed = read_salesforce(events, first_cursor(at(20)), OWNER, at(20))
    assert isinstance(feed.seen[record["Id"]], Present)
    assert feed.seen["00U000000000002AAA"] == Deleted()
    assert [call[0] for call in events.method_calls] == ["deleted", "query"]


def test_what_is_deleted_on_both_sides_needs_no_write(rig: Rig) -> None:
    google, salesforce = linked_events(rig, 1)
    rig.world.google_delete(ADA, google[0])
    rig.world.salesforce_delete(ADA, salesforce[0])
    rig.simulator.log.clear()
    assert rig.sync().result is PassResult.SUCCESS
    assert not rig.writes()
    assert not rig.links()


@pytest.mark.parametrize("edited_first", [True, False])
@pytest.mark.parametrize("side", ["google", "salesforce"])
def test_an_edit_beats_a_deletion_in_every_order(rig: Rig, side: str, edited_first: bool) -> None:
    google, salesforce = linked_events(rig, 1)

    def edit() -> None:
        if side == "google":
            rig.world.google_edit(ADA, google[0], location="Here")
        else:
            rig.world.salesforce_edit(ADA, salesforce[0], Location="Here")

    def delete() -> None:
        if side == "google":
            rig.world.salesforce_delete(ADA, salesforce[0])
        else:
            rig.world.google_delete(ADA, google[0])

    for action in (edit, delete) if edited_first else (delete, edit):
        action()
    rig.settle()
    (event,), (record,) = rig.world.google_events(ADA), rig.world.salesforce_events(ADA)
    assert event["location"] == record["Location"] == "Here"
    assert len(rig.links()) == 1
    rig.world.google_delete(ADA, event["id"])
    rig.settle()
    assert titles(rig) == ([], [])


def test_a_copy_made_anew_is_as_rich_as_the_one_that_was_deleted(rig: Rig) -> None:
    event = rig.world.google_create(ADA, summary="T" * 300, description="<b>x</b>", start=at(24))
    rig.settle()
    rig.world.google_delete(ADA, event["id"])
    (record,) = rig.world.salesforce_events(ADA)
    rig.world.salesforce_edit(ADA, record["Id"], Location="Here")
    rig.settle()
    (anew,) = rig.world.google_events(ADA)
    assert (anew["summary"], anew["description"]) == ("T" * 300, "<b>x</b>")
    assert anew["location"] == "Here"


def test_deletions_in_the_gap_of_a_lost_sync_token_are_found(rig: Rig) -> None:
    google, _ = linked_events(rig, 3)
    rig.world.google_delete(ADA, google[1])
    rig.world.expire_sync_tokens()
    assert rig.sync().result is PassResult.SUCCESS
    assert titles(rig) == (["E00", "E02"], ["E00", "E02"])


def test_deletions_in_the_gap_of_a_purged_delete_log_are_found(rig: Rig) -> None:
    _, salesforce = linked_events(rig, 3)
    rig.world.salesforce_delete(ADA, salesforce[1])
    rig.world.salesforce_edit(ADA, salesforce[2], Location="Here")
    # The mark moves past the deletion as far as changes are concerned.
    SyncCursor.objects.update(salesforce_mark=rig.clock() + timedelta(minutes=5))
    rig.clock.advance(minutes=10)
    rig.world.salesforce_purge_deleted_log("acme")
    assert rig.sync().result is PassResult.SUCCESS
    assert titles(rig) == (["E00", "E02"], ["E00", "E02"])


def test_a_person_not_synced_for_a_month_is_compared_in_full(rig: Rig) -> None:
    _, salesforce = linked_events(rig, 2)
    rig.world.salesforce_delete(ADA, salesforce[0])
    SyncCursor.objects.update(salesforce_mark=rig.clock() + timedelta(minutes=5))
    rig.clock.advance(days=31)
    assert rig.sync().result is PassResult.SUCCESS
    assert titles(rig) == (["E01"], ["E01"])


ABSENCES: list[dict[str, Any]] = [
    {"ready": "google-empty-list"},
    {"operation": "google.events.list", "status": 200, "body": "{}"},
    {"operation": "google.events.list", "status": 404, "body": '{"error": {"code": 404}}'},
    {"operation": "google.events.list", "status": 403, "body": '{"error": {"code": 403}}'},
    {"operation": "google.events.list", "cut": 60},
    {"operation": "salesforce.query*", "status": 200, "body": '{"done": true}'},
    {"operation": "salesforce.query*", "status": 200, "body": '{"records": [], "done": false}'},
    {"operation": "salesforce.query*", "status": 200, "body": "[]"},
    {"operation": "salesforce.query*", "cut": 30},
    {"operation": "salesforce.event.deleted", "status": 200, "body": '{"deletedRecords": []}'},
    {"ready": "salesforce-api-disabled"},
    {"ready": "html-200"},
]


@pytest.mark.parametrize("lost_cursor", [False, True])
@pytest.mark.parametrize("fault", ABSENCES, ids=str)
def test_an_empty_or_broken_answer_deletes_nothing(
    rig: Rig, fault: dict[str, Any], lost_cursor: bool
) -> None:
    linked_events(rig, 3)
    if lost_cursor:
        rig.world.expire_sync_tokens()
        rig.world.salesforce_purge_deleted_log("acme")
    before = titles(rig)
    rig.simulator.plan_fault(**fault)
    rig.simulator.log.clear()
    assert rig.sync().result is PassResult.FAILURE
    assert not rig.writes()
    rig.simulator.clear_faults()
    rig.settle()
    assert titles(rig) == before
    assert len(rig.links()) == 3


def test_a_full_list_that_lacks_everything_deletes_nothing(rig: Rig) -> None:
    """Well-formed, complete and wrong: each missing event is asked for before it is believed."""
    linked_events(rig, 3)
    empty = '{"kind": "calendar#events", "items": [], "nextSyncToken": "x"}'
    rig.world.expire_sync_tokens()
    rig.simulator.plan_fault(operation="google.events.list", status=200, body=empty, count=2)
    SyncCursor.objects.update(google_sync_token="")
    rig.sync()
    assert not [entry for entry in rig.writes() if entry.method == "DELETE"]
    assert titles(rig) == (["E00", "E01", "E02"], ["E00", "E01", "E02"])


@pytest.mark.parametrize("lost_cursor", [False, True])
def test_too_many_deletions_at_once_delete_nothing(rig: Rig, lost_cursor: bool) -> None:
    google, salesforce = linked_events(rig, 16)
    rig.world.salesforce_edit(ADA, salesforce[15], Location="Here")
    for event_id in google[:11]:
        rig.world.google_delete(ADA, event_id)
    if lost_cursor:
        rig.world.expire_sync_tokens()
    for _ in range(2):
        report = rig.sync()
        assert report.result is PassResult.PARTIAL
        assert report.error is not None
        assert "MassDeleteGuard" in report.error.body
        assert report.counts.salesforce.deleted == 0
        assert len(rig.world.salesforce_events(ADA)) == 16
    assert rig.world.google_events(ADA)[-1]["location"] == "Here", "edits still flow"
    assert "google.events.get" not in rig.operations(), "so many are not even asked for"


def test_ten_deletions_and_half_of_many_pass(rig: Rig) -> None:
    google, _ = linked_events(rig, 24)
    for event_id in google[:12]:
        rig.world.google_delete(ADA, event_id)
    assert rig.sync().counts.salesforce.deleted == 12
    for event_id in google[12:22]:
        rig.world.google_delete(ADA, event_id)
    assert rig.sync().counts.salesforce.deleted == 10


def test_deleting_what_is_already_gone_is_success(rig: Rig) -> None:
    """The answer to our delete was lost; its effect was not."""
    google, salesforce = linked_events(rig, 2)
    rig.world.google_delete(ADA, google[0])
    rig.world.salesforce_delete(ADA, salesforce[1])
    rig.simulator.plan_fault("lost-answer", operation="*.event*.delete", count=2)
    for _ in range(3):
        rig.sync()
    assert rig.settle()[-1].result is PassResult.SUCCESS
    assert titles(rig) == ([], [])
    assert not rig.links()


def test_deleting_the_copy_of_what_became_a_series_leaves_the_series(rig: Rig) -> None:
    google, salesforce = linked_events(rig, 2)
    rig.world.google_edit(ADA, google[0], recurrence=["RRULE:FREQ=WEEKLY;COUNT=3"])
    rig.settle()
    rig.world.salesforce_edit(ADA, salesforce[0], Subject="Edited")
    rig.settle()
    rig.world.salesforce_delete(ADA, salesforce[0])
    rig.settle()
    assert titles(rig) == (["E00", "E01"], ["E01"])
    assert len(rig.links()) == 1


def test_deleting_the_copy_of_what_became_a_salesforce_series_leaves_the_series(rig: Rig) -> None:
    start = {"StartDateTime": "2026-11-24T09:00:00Z", "DurationInMinutes": 60}
    record = rig.world.salesforce_create(ADA, Subject="Series", **start)
    rig.settle()
    rig.world.salesforce_edit(ADA, record["Id"], IsRecurrence2=True)
    rig.settle()
    (event,) = rig.world.google_events(ADA)
    rig.world.google_delete(ADA, event["id"])
    rig.settle()
    assert titles(rig) == ([], ["Series"])


def test_a_record_that_was_given_to_somebody_else_is_left_alone(rig: Rig) -> None:
    google, salesforce = linked_events(rig, 1)
    ben = rig.people[BEN].salesforce_user_id
    rig.world.salesforce_edit(ADA, salesforce[0], OwnerId=ben)
    rig.world.google_edit(ADA, google[0], summary="Edited")
    rig.settle()
    assert rig.world.salesforce_events(BEN)[0]["Subject"] == "E00"
    assert rig.world.google_events(ADA)[0]["summary"] == "Edited"


def test_records_purged_from_the_bin_in_a_gap_are_found_unless_they_are_too_many(rig: Rig) -> None:
    """No query shows them; each one's own address has to say that it is gone."""
    _, salesforce = linked_events(rig, 14)
    rows = rig.world.organization("acme").events.rows
    SyncCursor.objects.update(salesforce_mark=rig.clock() + timedelta(minutes=5))
    rig.clock.advance(days=20)
    for record_id in salesforce[:3]:
        rig.world.organization("acme").events.by_owner[rows[record_id]["OwnerId"]].pop(record_id)
        del rows[record_id]
    assert rig.sync().counts.google.deleted == 3
    for record_id in salesforce[3:]:
        rig.world.organization("acme").events.by_owner[rows[record_id]["OwnerId"]].pop(record_id)
        del rows[record_id]
    rig.clock.advance(days=20)
    rig.simulator.log.clear()
    report = rig.sync()
    assert report.error is not None
    assert "MassDeleteGuard: 11 of 11 linked events are missing" in report.error.body
    assert report.error.provider == "salesforce"
    assert "salesforce.event.get" not in rig.operations()
    assert len(rig.world.google_events(ADA)) == 11
