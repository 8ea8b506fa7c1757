"""Killed at any request, before it is sent or after it is answered: the end is always the same."""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from typing import Any

import pytest

from syncing.models import EventLink, SyncCursor
from syncing.reports import PassResult
from tests.syncing.interference import Killed, at_request, kill
from tests.syncing.rig import ADA, Rig, at


def build(rig: Rig) -> None:
    """A world in which one pass has to do each kind of thing."""
    world = rig.world
    kept = [
        world.google_create(ADA, summary=f"Kept {n}", start=at(20 + n), end=at(20 + n, 10))["id"]
        for n in range(5)
    ]
    rig.settle()
    records = {row["Subject"]: row["Id"] for row in world.salesforce_events(ADA)}
    world.google_edit(ADA, kept[0], summary="Edited in Google")
    world.salesforce_edit(ADA, records["Kept 1"], Location="Edited in Salesforce")
    world.google_delete(ADA, kept[2])
    world.salesforce_delete(ADA, records["Kept 3"])
    world.google_edit(ADA, kept[4], location="both", summary="both")
    world.salesforce_edit(ADA, records["Kept 4"], ShowAs="Free")
    for n in range(3):
        world.google_create(ADA, summary=f"New {n}", start=at(25, n))
    world.salesforce_create(
        ADA, Subject="New 3", StartDateTime="2026-11-26T09:00:00Z", DurationInMinutes=60
    )


def outcome(rig: Rig) -> Any:
    links = [
        (link.state, link.origin, link.base) for link in EventLink.objects.order_by("base__google")
    ]
    return rig.google(), sorted(links, key=repr)


@pytest.fixture
def expected(rig: Rig) -> Any:
    build(rig)
    rig.settle()
    return outcome(rig)


def restart(rig: Rig) -> None:
    """Clear both calendars and all that we remember of them."""
    EventLink.objects.all().delete()
    SyncCursor.objects.all().delete()
    for event in rig.world.google_events(ADA):
        rig.world.google_delete(ADA, event["id"])
    for record in rig.world.salesforce_events(ADA):
        rig.world.salesforce_delete(ADA, record["Id"])


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_at_any_request_changes_nothing_in_the_end(
    rig: Rig, expected: Any, after: bool
) -> None:
    for number in count(1):
        restart(rig)
        build(rig)
        rig.simulator.log.clear()
        with suppress(Killed), at_request(number, kill, after=after) as made:
            rig.sync()
        rig.settle()
        assert rig.google() == rig.salesforce()
        assert outcome(rig) == expected, f"killed at request {number}"
        if made[0] < number:
            break
    assert number > 12, "the script is too short to say much"
    assert not rig.world.outbox


def test_a_second_pass_in_the_middle_of_the_first_changes_nothing_in_the_end(
    rig: Rig, expected: Any
) -> None:
    """Leases keep two passes of one person apart; where they fail, nothing is doubled or lost."""
    for number in count(1, 3):
        restart(rig)
        build(rig)
        with at_request(number, lambda: rig.sync() and None) as made:
            rig.sync()
        rig.settle()
        assert outcome(rig) == expected, f"second pass at request {number}"
        if made[0] < number:
            break
    assert number > 12


class FailingStore:
    """Lets the database die at the n-th call."""

    def __init__(self, number: int) -> None:
        self.calls, self.number = 0, number

    def run(self, seconds: float, function: Any) -> Any:
        self.calls += 1
        if self.calls == self.number:
            raise Killed
        return function()


def test_a_kill_at_any_database_call_changes_nothing_in_the_end(rig: Rig, expected: Any) -> None:
    for number in count(1):
        restart(rig)
        build(rig)
        failing = FailingStore(number)
        store = type(rig.store)(failing.run)
        with suppress(Killed):
            rig.sync(store=store)
        rig.settle()
        assert outcome(rig) == expected, f"killed at call {number}"
        if failing.calls < number:
            break
    assert number > 4


@pytest.mark.parametrize("operation", ["google.events.insert", "salesforce.*upsert*"])
@pytest.mark.parametrize("fault", ["lost-answer", "html-502"])
def test_a_create_whose_answer_was_lost_is_adopted(rig: Rig, operation: str, fault: str) -> None:
    rig.world.google_create(ADA, summary="From Google", start=at(24))
    rig.world.salesforce_create(
        ADA, Subject="From Salesforce", StartDateTime="2026-11-25T09:00:00Z", DurationInMinutes=60
    )
    rig.simulator.plan_fault(fault, operation=operation, commit=True, count=3)
    for _ in range(3):
        rig.sync()
    rig.simulator.clear_faults()
    rig.settle()
    assert len(rig.world.google_events(ADA)) == len(rig.world.salesforce_events(ADA)) == 2
    assert len(rig.links()) == 2


@pytest.mark.parametrize("side", ["google", "salesforce"])
def test_an_adopted_copy_keeps_what_its_user_changed_meanwhile(rig: Rig, side: str) -> None:
    if side == "google":
        rig.world.salesforce_create(
            ADA, Subject="Visit", StartDateTime="2026-11-25T09:00:00Z", DurationInMinutes=60
        )
    else:
        rig.world.google_create(ADA, summary="Visit", start=at(25), end=at(25, 10))
    operation = "google.events.insert" if side == "google" else "salesforce.*upsert*"
    rig.simulator.plan_fault("html-502", operation=operation, commit=True, count=1)
    assert rig.sync().result is not PassResult.SUCCESS
    if side == "google":
        (event,) = rig.world.google_events(ADA)
        rig.world.google_edit(ADA, event["id"], location="Here")
    else:
        (record,) = rig.world.salesforce_events(ADA)
        rig.world.salesforce_edit(ADA, record["Id"], Location="Here")
    rig.settle()
    (event,), (record,) = rig.world.google_events(ADA), rig.world.salesforce_events(ADA)
    assert event["location"] == record["Location"] == "Here"


def test_links_that_are_lost_are_found_again_and_nothing_is_doubled(rig: Rig) -> None:
    build(rig)
    rig.settle()
    before = rig.google()
    EventLink.objects.all().delete()
    SyncCursor.objects.all().delete()
    rig.settle()
    assert rig.google() == rig.salesforce() == before
    assert len(rig.links()) == len(before)


def test_the_cursor_waits_for_what_it_covers(rig: Rig) -> None:
    """A pass that breaks off in the middle reads the same changes again."""
    for n in range(4):
        rig.world.google_create(ADA, summary=f"E{n}", start=at(24, n))
    rig.world.salesforce_create(
        ADA, Subject="S", StartDateTime="2026-11-25T09:00:00Z", DurationInMinutes=60
    )
    rig.simulator.plan_fault("google-backend-error", operation="google.events.insert", count=1)
    assert rig.sync().result is PassResult.FAILURE
    cursor = SyncCursor.objects.filter(google_sync_token__gt="").first()
    assert cursor is None
    rig.settle()
    assert len(rig.google()) == len(rig.salesforce()) == 5
