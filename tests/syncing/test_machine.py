"""Random edits, faults, crashes and clock jumps: both sides agree in the end, nothing is lost."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from simulator.keys import KeyPair
from simulator.running import SimulatorServer
from syncing.models import EventLink
from tests.syncing.interference import Killed, at_request, kill
from tests.syncing.rig import ADA, MovableClock, Rig, at, make_rig, make_world

FAULTS = [
    *("google-rate-limit", "google-backend-error", "google-invalid-credentials"),
    *("google-full-sync-required", "google-empty-list", "google-token-502", "google-conflict"),
    *("salesforce-maintenance", "salesforce-session-expired", "salesforce-row-lock"),
    *("salesforce-trigger", "salesforce-request-limit", "salesforce-query-timeout"),
    *("html-200", "html-502", "reset", "closed", "cut", "lost-answer"),
]
starts = st.one_of(
    st.integers(0, 400).map(lambda quarters: at(20) + timedelta(minutes=15 * quarters)),
    st.integers(0, 20).map(lambda days: date(2026, 11, 20) + timedelta(days=days)),
)
lengths = st.sampled_from([0, 15, 60, 90, 600])
words = st.sampled_from(["", "Plan", "Ärger & <b>mehr</b>", "a < b", "x" * 300, "line\r\nbreak  "])
picks = st.integers(0, 10_000)


def google_times(start: date, minutes: int) -> dict[str, Any]:
    if isinstance(start, datetime):
        return {"start": start, "end": start + timedelta(minutes=minutes)}
    return {"start": start, "end": start + timedelta(days=1)}


def zoned(times: dict[str, Any]) -> dict[str, Any]:
    """A series has to say in which zone it repeats."""
    return {
        name: {"dateTime": value.isoformat(), "timeZone": "Europe/Zurich"}
        if isinstance(value, datetime)
        else {"date": value.isoformat()}
        for name, value in times.items()
    }


def salesforce_times(start: date, minutes: int) -> dict[str, Any]:
    if isinstance(start, datetime):
        begin = start.isoformat().replace("+00:00", "Z")
        return {"IsAllDayEvent": False, "StartDateTime": begin, "DurationInMinutes": minutes}
    return {
        "IsAllDayEvent": True,
        "ActivityDate": start.isoformat(),
        "DurationInMinutes": 1440,
    }


class SyncMachine(RuleBasedStateMachine):
    """Two users' hands, bad luck, and passes in between. Every event carries a token of its own."""

    key_pair: KeyPair

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.number = 0
        self.made: dict[str, str] = {}
        self.deleted: set[str] = set()

    @initialize()
    def begin(self) -> None:
        self.stack.enter_context(transaction.atomic())
        self.stack.callback(transaction.set_rollback, True)
        clock = MovableClock()
        world = make_world(clock, self.key_pair)
        simulator = self.stack.enter_context(SimulatorServer.running(world))
        self.rig: Rig = make_rig(simulator, clock)
        self.stack.callback(self.rig.providers.close)

    def teardown(self) -> None:
        try:
            if hasattr(self, "rig"):
                self.check_end()
        finally:
            self.stack.close()

    # What users do

    def token(self, side: str) -> str:
        self.number += 1
        name = f"token{self.number:04d}"
        self.made[name] = side
        return name

    def google_event(self, pick: int) -> dict[str, Any] | None:
        events = [e for e in self.rig.world.google_events(ADA) if "recurrence" not in e]
        return events[pick % len(events)] if events else None

    def record(self, pick: int) -> dict[str, Any] | None:
        records = self.rig.world.salesforce_events(ADA)
        return records[pick % len(records)] if records else None

    @rule(start=starts, minutes=lengths, word=words)
    def create_in_google(self, start: date, minutes: int, word: str) -> None:
        self.rig.world.google_create(
            ADA, summary=word, description=self.token("google"), **google_times(start, minutes)
        )

    @rule(start=starts, minutes=lengths, word=words)
    def create_in_salesforce(self, start: date, minutes: int, word: str) -> None:
        self.rig.world.salesforce_create(
            ADA,
            Subject=word[:255],
            Description=self.token("salesforce"),
            **salesforce_times(start, minutes),
        )

    @rule(start=starts)
    def create_out_of_scope(self, start: date) -> None:
        self.rig.world.google_create(
            ADA,
            summary="Series",
            recurrence=["RRULE:FREQ=DAILY;COUNT=3"],
            description=self.token("google"),
            **zoned(google_times(start, 30)),
        )
        self.rig.world.salesforce_create(
            ADA,
            Subject="Private",
            IsPrivate=True,
            Description=self.token("salesforce"),
            **salesforce_times(start, 30),
        )

    @rule(pick=picks, word=words)
    def edit_title_in_google(self, pick: int, word: str) -> None:
        if event := self.google_event(pick):
            self.rig.world.google_edit(ADA, event["id"], summary=word)

    @rule(pick=picks, word=words)
    def edit_place_in_salesforce(self, pick: int, word: str) -> None:
        if record := self.record(pick):
            self.rig.world.salesforce_edit(ADA, record["Id"], Location=word[:255])

    @rule(pick=picks, start=starts, minutes=lengths)
    def move_in_google(self, pick: int, start: date, minutes: int) -> None:
        if event := self.google_event(pick):
            self.rig.world.google_edit(ADA, event["id"], **google_times(start, minutes))

    @rule(pick=picks, start=starts, minutes=lengths)
    def move_in_salesforce(self, pick: int, start: date, minutes: int) -> None:
        if record := self.record(pick):
            self.rig.world.salesforce_edit(ADA, record["Id"], **salesforce_times(start, minutes))

    @rule(pick=picks, shown=st.sampled_from(["Busy", "Free", "OutOfOffice"]))
    def show_in_salesforce(self, pick: int, shown: str) -> None:
        if record := self.record(pick):
            self.rig.world.salesforce_edit(ADA, record["Id"], ShowAs=shown)

    @rule(pick=picks, shown=st.sampled_from(["opaque", "transparent"]))
    def show_in_google(self, pick: int, shown: str) -> None:
        if event := self.google_event(pick):
            self.rig.world.google_edit(ADA, event["id"], transparency=shown)

    @rule(pick=picks)
    def delete_in_google(self, pick: int) -> None:
        if event := self.google_event(pick):
            self.rig.world.google_delete(ADA, event["id"])
            self.deleted.add(event["description"])

    @rule(pick=picks)
    def delete_in_salesforce(self, pick: int) -> None:
        if record := self.record(pick):
            self.rig.world.salesforce_delete(ADA, record["Id"])
            self.deleted.add(record["Description"])

    @rule(pick=picks, shown=st.sampled_from(["private", "default"]))
    def change_privacy_in_google(self, pick: int, shown: str) -> None:
        if event := self.google_event(pick):
            self.rig.world.google_edit(ADA, event["id"], visibility=shown)

    @rule(pick=picks, private=st.booleans())
    def change_privacy_in_salesforce(self, pick: int, private: bool) -> None:
        if record := self.record(pick):
            self.rig.world.salesforce_edit(ADA, record["Id"], IsPrivate=private)

    @rule(pick=picks)
    def touch_both(self, pick: int) -> None:
        if event := self.google_event(pick):
            self.rig.world.google_touch(ADA, event["id"])
        if record := self.record(pick):
            self.rig.world.salesforce_touch(ADA, record["Id"])

    # What befalls

    @rule(hours=st.sampled_from([0.01, 1, 5, 30]))
    def time_passes(self, hours: float) -> None:
        self.rig.clock.advance(hours=hours)

    @rule()
    def tokens_expire(self) -> None:
        self.rig.world.expire_access_tokens()

    @rule()
    def cursors_are_lost(self) -> None:
        self.rig.world.expire_sync_tokens()
        self.rig.world.salesforce_purge_deleted_log("acme")

    @rule(name=st.sampled_from(FAULTS), count=st.integers(1, 3))
    def fault(self, name: str, count: int) -> None:
        self.rig.simulator.plan_fault(name, count=count)

    # What we do

    @rule()
    def sync(self) -> None:
        self.rig.sync()

    @rule(number=st.integers(1, 12), after=st.booleans())
    def sync_and_die(self, number: int, after: bool) -> None:
        with suppress(Killed), at_request(number, kill, after=after):
            self.rig.sync()

    @rule(number=st.integers(3, 10), pick=picks, word=words)
    def sync_beside_an_editor(self, number: int, pick: int, word: str) -> None:
        with at_request(number, lambda: self.edit_title_in_google(pick=pick, word=word)):
            self.rig.sync()

    # What must hold

    @invariant()
    def nobody_was_mailed(self) -> None:
        if hasattr(self, "rig"):
            assert not self.rig.world.outbox
            for entry in self.rig.simulator.log.entries(operation="google.events.*", writes=True):
                assert "sendUpdates=none" in entry.query
                assert entry.method != "PUT"

    @invariant()
    def one_to_one(self) -> None:
        if hasattr(self, "rig"):
            keys = [row["SyncCenter_Key__c"] for row in self.rig.world.salesforce_events(ADA)]
            own = [key for key in keys if key]
            assert len(own) == len(set(own))

    def check_end(self) -> None:
        self.rig.simulator.clear_faults()
        # Set-aside events are tried once a day.
        self.rig.clock.advance(days=2)
        self.rig.sync()
        self.rig.clock.advance(days=2)
        self.rig.settle()
        assert self.rig.google() == self.rig.salesforce()
        self.check_links()
        self.check_nothing_lost()

    def check_links(self) -> None:
        active = [link for link in self.rig.links() if link.state == "active"]
        google = {event["id"] for event in self.rig.world.google_events(ADA)}
        salesforce = {record["Id"] for record in self.rig.world.salesforce_events(ADA)}
        assert {link.google_event_id for link in active} <= google
        assert {link.salesforce_event_id for link in active} <= salesforce
        assert len(active) == len(self.rig.google())
        assert not EventLink.objects.filter(state__startswith="creating").exists()

    def check_nothing_lost(self) -> None:
        """What nobody deleted is still where it was made."""
        google = {event.get("description") for event in self.rig.world.google_events(ADA)}
        salesforce = {row["Description"] for row in self.rig.world.salesforce_events(ADA)}
        alive = {"google": google, "salesforce": salesforce}
        for token, side in self.made.items():
            assert token in self.deleted or token in alive[side], token


@pytest.mark.django_db
def test_random_scripts_end_in_agreement(key_pair: KeyPair) -> None:
    SyncMachine.key_pair = key_pair
    run_state_machine_as_test(
        SyncMachine,
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
