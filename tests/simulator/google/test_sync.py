"""Incremental sync held against the full list, after edits at random moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from simulator.google.listing import list_events
from simulator.keys import KeyPair
from simulator.messages import Call, Refusal
from simulator.world import World
from tests.simulator import discovery
from tests.simulator.conftest import ADA, nine, unhurried

KEYS = KeyPair("none", "none")
SIZES = st.integers(1, 4)


def as_seen(items):
    """What a client knows after a list: live items by id; cancelled ones are gone.

    A cancelled exception of a living series stays, because it takes an instance away.
    """
    return {
        item["id"]: item
        for item in items
        if item["status"] != "cancelled" or "recurringEventId" in item
    }


class SyncMachine(RuleBasedStateMachine):
    """One calendar, its user, and a client that reads pages of any size at any time."""

    @initialize()
    def begin(self):
        self.at = datetime(2026, 6, 1, tzinfo=UTC)
        self.world = World(clock=lambda: self.at, key_pair=KEYS)
        self.world.add_organization("acme")
        self.world.add_person("acme", "Ada Lovelace", ADA)
        self.known = {}
        self.sync_token = None
        self.page_token = None
        self.fetched = []

    @property
    def calendar(self):
        return self.world.calendar(ADA)

    def list(self, **parameters):
        target = f"/calendar/v3/calendars/primary/events?{urlencode(parameters)}"
        call = Call("GET", "127.0.0.1", target, {})
        answer = list_events(self.calendar, call, self.at, 2500)
        discovery.check("Events", answer)
        return answer

    def pick(self, data):
        ids = sorted(self.calendar.events, key=lambda each: self.calendar.events[each].serial)
        return data.draw(st.sampled_from(ids)) if ids else None

    @rule(seconds=st.sampled_from([0, 0.0004, 1, -5]))
    def time_passes(self, seconds):
        self.at += timedelta(seconds=seconds)

    @rule(weekly=st.booleans())
    def create(self, weekly):
        end = {"dateTime": "2026-06-01T10:00:00Z", "timeZone": "UTC"}
        start = {**end, "dateTime": "2026-06-01T09:00:00Z"}
        more = {"recurrence": ["RRULE:FREQ=WEEKLY"]} if weekly else {}
        self.world.google_create(ADA, summary="New", start=start, end=end, **more)

    @rule(data=st.data(), text=st.sampled_from(["one", "two"]))
    def edit(self, data, text):
        if event_id := self.pick(data):
            self.world.google_edit(ADA, event_id, summary=text)

    @rule(data=st.data(), week=st.integers(0, 2))
    def edit_instance(self, data, week):
        event_id = self.pick(data)
        if event_id and self.calendar.events[event_id].repeats:
            origin = f"{nine() + timedelta(weeks=week):%Y%m%dT%H%M%SZ}"
            self.world.google_edit(ADA, f"{event_id}_{origin}", summary="Special")

    @rule(data=st.data())
    def delete(self, data):
        if event_id := self.pick(data):
            self.world.google_delete(ADA, event_id)

    @rule(data=st.data())
    def restore(self, data):
        if event_id := self.pick(data):
            self.world.google_edit(ADA, event_id, status="confirmed")

    @rule()
    def forget_sync_tokens(self):
        self.world.expire_sync_tokens()

    @rule(count=st.integers(0, 2))
    def plan_empty_pages(self, count):
        self.world.google_plan_empty_pages(ADA, count)

    @rule(size=SIZES)
    def read_a_page(self, size):
        """Read on; on the last page take everything over, after a refusal begin afresh."""
        parameters = {"maxResults": size}
        if self.sync_token:
            parameters["syncToken"] = self.sync_token
        if self.page_token:
            parameters["pageToken"] = self.page_token
        try:
            answer = self.list(**parameters)
        except Refusal as refusal:
            if refusal.answer.status not in (400, 410):
                raise
            self.sync_token, self.page_token, self.fetched = None, None, []
            return
        self.fetched += answer["items"]
        self.page_token = answer.get("nextPageToken")
        if self.page_token is None:
            self.take_over(answer["nextSyncToken"])

    def take_over(self, token):
        if self.sync_token is None:
            self.known = {}
        for item in self.fetched:
            self.known.pop(item["id"], None)
            self.known |= as_seen([item])
        self.sync_token, self.fetched = token, []

    @invariant()
    def catching_up_equals_a_full_list(self):
        if not hasattr(self, "known") or self.sync_token is None or self.page_token:
            return
        self.calendar.empty_pages = 0
        try:
            changes = self.list(syncToken=self.sync_token)["items"]
        except Refusal as refusal:
            if refusal.answer.status == 410:
                return
            raise
        mine = dict(self.known)
        for item in changes:
            mine.pop(item["id"], None)
            mine |= as_seen([item])
        masters = {key for key, item in mine.items() if item["status"] != "cancelled"}
        mine = {
            key: item
            for key, item in mine.items()
            if item["status"] != "cancelled" or item["recurringEventId"] in masters
        }
        assert mine == as_seen(self.list()["items"])


SyncMachine.TestCase.settings = settings(unhurried, max_examples=60, stateful_step_count=30)
test_incremental_lists_equal_a_full_one = SyncMachine.TestCase


@pytest.mark.parametrize("size", [1, 2, 3, 250])
def test_the_real_client_ends_with_the_same_events(size, events, world):
    ids = [world.google_create(ADA, summary=str(n), start=nine())["id"] for n in range(5)]
    token, known = None, {}
    for step in range(3):
        page, parameters = None, {"syncToken": token} if token else {}
        while page is None or "nextPageToken" in page:
            more = {"pageToken": page["nextPageToken"]} if page else {}
            page = events.list(maxResults=size, **parameters, **more)
            for item in page["items"]:
                known[item["id"]] = item
        token = page["nextSyncToken"]
        world.google_edit(ADA, ids[step], summary="Edited")
        world.google_delete(ADA, ids[4 - step])
    page = events.list(syncToken=token)
    known |= {item["id"]: item for item in page["items"]}
    alive = {key: item for key, item in known.items() if item["status"] != "cancelled"}
    assert alive == {item["id"]: item for item in world.google_events(ADA)}
