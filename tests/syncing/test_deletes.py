"""What is deleted, what is not, and what never comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from syncing.models import SyncCursor
from syncing.reports import PassResult
from tests.syncing.rig import ADA, Rig, at


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
