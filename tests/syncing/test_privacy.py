"""Private events: nothing of them goes where it should not be."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import count
from typing import Any

import pytest

from syncing.models import EventLink, SyncCursor
from syncing.reports import PassResult
from tests.syncing.interference import Killed, at_request, kill
from tests.syncing.rig import ADA, Rig, at

CANARY = "canary-5b1f"
START = {"StartDateTime": "2026-11-24T09:00:00Z", "DurationInMinutes": 60}


def everything_stored() -> str:
    rows = [*EventLink.objects.values(), *SyncCursor.objects.values()]
    return json.dumps(rows, default=str)


def seen_by_salesforce(rig: Rig) -> str:
    asked = [entry.as_dict() for entry in rig.simulator.log.entries(operation="salesforce.*")]
    return json.dumps([asked, rig.world.salesforce_events(ADA)], default=str)


def seen_by_google(rig: Rig) -> str:
    asked = [entry.as_dict() for entry in rig.simulator.log.entries(operation="google.*")]
    return json.dumps([asked, rig.world.google_events(ADA)], default=str)


@pytest.mark.parametrize("visibility", ["private", "confidential"])
def test_a_private_google_event_never_leaves_google(rig: Rig, visibility: str) -> None:
    event = rig.world.google_create(
        ADA, summary=CANARY, description=CANARY, visibility=visibility, start=at(24)
    )
    for change in ({}, {"location": CANARY}, {"start": at(25), "end": at(25, 10)}):
        if change:
            rig.world.google_edit(ADA, event["id"], **change)
        report = rig.sync()
        assert CANARY not in repr(report)
    rig.world.expire_sync_tokens()
    rig.sync()
    assert CANARY not in seen_by_salesforce(rig)
    assert CANARY not in everything_stored()


def test_a_private_salesforce_event_never_leaves_salesforce(rig: Rig) -> None:
    rig.world.salesforce_create(ADA, Subject=CANARY, IsPrivate=True, **START)
    rig.settle()
    assert CANARY not in seen_by_google(rig)
    assert CANARY not in everything_stored()


def test_an_event_that_becomes_private_takes_its_copy_back(rig: Rig) -> None:
    event = rig.world.google_create(ADA, summary=CANARY, start=at(24))
    rig.settle()
    assert CANARY in everything_stored()
    rig.world.google_edit(ADA, event["id"], visibility="private")
    report = rig.sync()
    assert (report.counts.salesforce.deleted, report.counts.skipped) == (1, 1)
    assert not rig.world.salesforce_events(ADA)
    assert CANARY not in everything_stored()
    rig.world.google_edit(ADA, event["id"], visibility="default", summary="Open again")
    rig.settle()
    assert [row["Subject"] for row in rig.world.salesforce_events(ADA)] == ["Open again"]


def in_the_bin(rig: Rig) -> str:
    return json.dumps(rig.world.organization("acme").events.rows, default=str)


def test_a_copy_that_is_taken_back_leaves_no_words_in_the_bin(rig: Rig) -> None:
    words = {"summary": CANARY, "location": CANARY, "description": CANARY}
    event = rig.world.google_create(ADA, start=at(24), **words)
    rig.settle()
    rig.world.google_edit(ADA, event["id"], visibility="private")
    report = rig.sync()
    assert (report.result, report.counts.salesforce.deleted) == (PassResult.SUCCESS, 1)
    assert '"IsDeleted": true' in in_the_bin(rig)
    assert CANARY not in in_the_bin(rig)


def test_a_copy_that_may_not_be_blanked_is_taken_back_all_the_same(rig: Rig) -> None:
    event = rig.world.google_create(ADA, summary=CANARY, start=at(24))
    rig.settle()
    rig.world.google_edit(ADA, event["id"], visibility="private")
    rig.simulator.plan_fault(
        "salesforce-validation-rule", operation="salesforce.event.update", count=1
    )
    report = rig.sync()
    assert (report.result, report.counts.salesforce.deleted) == (PassResult.PARTIAL, 1)
    assert not rig.world.salesforce_events(ADA)
    assert CANARY not in everything_stored()


@pytest.mark.parametrize("after", [False, True])
def test_blanks_of_a_copy_that_was_to_go_never_reach_its_original(rig: Rig, after: bool) -> None:
    """The pass died while it took the copy back, and then the original was opened again."""
    for number in count(1):
        event = rig.world.google_create(ADA, summary=CANARY, location=CANARY, start=at(24))
        rig.settle()
        rig.world.google_edit(ADA, event["id"], visibility="private")
        with suppress(Killed), at_request(number, kill, after=after) as made:
            rig.sync()
        if made[0] < number:
            break
        rig.world.google_edit(ADA, event["id"], visibility="default")
        rig.settle()
        (event,), (record,) = rig.world.google_events(ADA), rig.world.salesforce_events(ADA)
        assert (event["summary"], event["location"]) == (CANARY, CANARY), f"request {number}"
        assert (record["Subject"], record["Location"]) == (CANARY, CANARY)
        rig.world.google_delete(ADA, event["id"])
        rig.settle()
    assert number > 4


def test_a_salesforce_event_that_becomes_private_takes_its_copy_back(rig: Rig) -> None:
    record = rig.world.salesforce_create(ADA, Subject=CANARY, **START)
    rig.settle()
    rig.world.salesforce_edit(ADA, record["Id"], IsPrivate=True)
    assert rig.sync().counts.google.deleted == 1
    assert not rig.world.google_events(ADA)
    assert CANARY not in everything_stored()
    rig.world.salesforce_edit(ADA, record["Id"], IsPrivate=False)
    rig.settle()
    assert [event["summary"] for event in rig.world.google_events(ADA)] == [CANARY]


def test_an_edit_does_not_save_the_copy_of_an_event_that_became_private(rig: Rig) -> None:
    event = rig.world.google_create(ADA, summary=CANARY, start=at(24))
    rig.settle()
    (record,) = rig.world.salesforce_events(ADA)
    rig.world.google_edit(ADA, event["id"], visibility="private")
    rig.world.salesforce_edit(ADA, record["Id"], Location="Here")
    rig.settle()
    assert not rig.world.salesforce_events(ADA)
    assert [event["summary"] for event in rig.world.google_events(ADA)] == [CANARY]


def test_a_copy_that_became_a_series_is_taken_back_too(rig: Rig) -> None:
    record = rig.world.salesforce_create(ADA, Subject=CANARY, **START)
    rig.settle()
    (event,) = rig.world.google_events(ADA)
    rig.world.google_edit(ADA, event["id"], recurrence=["RRULE:FREQ=WEEKLY;COUNT=3"])
    rig.settle()
    rig.world.salesforce_edit(ADA, record["Id"], IsPrivate=True)
    rig.settle()
    assert not rig.world.google_events(ADA)
    assert CANARY not in everything_stored()


def test_taking_back_many_copies_is_not_held_by_the_guard(rig: Rig) -> None:
    events = [rig.world.google_create(ADA, summary=f"E{n}", start=at(24)) for n in range(12)]
    rig.settle()
    for event in events:
        rig.world.google_edit(ADA, event["id"], visibility="private")
    assert rig.sync().counts.salesforce.deleted == 12


@pytest.mark.parametrize("edited", [False, True])
def test_a_copy_made_private_stays_and_is_kept_apart_from_its_original(
    rig: Rig, edited: bool
) -> None:
    record = rig.world.salesforce_create(ADA, Subject="Visit", **START)
    rig.settle()
    (event,) = rig.world.google_events(ADA)
    rig.world.google_edit(ADA, event["id"], visibility="private", description=CANARY)
    rig.settle()
    rig.world.salesforce_edit(ADA, record["Id"], Subject="Visit moved")
    rig.settle()
    assert rig.world.google_events(ADA)[0]["summary"] == "Visit"
    assert CANARY not in seen_by_salesforce(rig)
    assert CANARY not in everything_stored()
    words = "Open" if edited else None
    rig.world.google_edit(ADA, event["id"], visibility="default", description=words)
    rig.settle()
    (event,), (record,) = rig.world.google_events(ADA), rig.world.salesforce_events(ADA)
    assert event["summary"] == record["Subject"] == "Visit moved"
    assert event.get("description") == record["Description"] == words


def test_a_private_copy_that_is_deleted_takes_its_unchanged_original_along(rig: Rig) -> None:
    rig.world.salesforce_create(ADA, Subject="Visit", **START)
    rig.settle()
    (event,) = rig.world.google_events(ADA)
    rig.world.google_edit(ADA, event["id"], visibility="private")
    rig.settle()
    rig.world.google_delete(ADA, event["id"])
    rig.settle()
    assert not rig.world.salesforce_events(ADA)


def test_an_error_does_not_quote_the_event(rig: Rig) -> None:
    rig.world.google_create(ADA, summary=CANARY, start=at(24))
    body: list[dict[str, Any]] = [
        {
            "errorCode": "STRING_TOO_LONG",
            "message": f"Subject: data value too large: {CANARY} (max length=3)",
        }
    ]
    rig.simulator.plan_fault(operation="salesforce.event.upsert", status=400, body=json.dumps(body))
    report = rig.sync()
    assert report.error is not None
    assert "STRING_TOO_LONG" in report.error.body
    assert CANARY not in report.error.body
