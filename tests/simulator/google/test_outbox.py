from __future__ import annotations

import pytest

from tests.simulator.conftest import ADA, BEN, nine
from tests.simulator.google.conftest import TIMED

GUESTS = [{"email": BEN}, {"email": "guest@other.example"}, {"email": ADA}]
MEETING = {**TIMED, "attendees": GUESTS}


def mails(simulator):
    return [(mail.kind, mail.recipients) for mail in simulator.world.outbox]


def test_guests_are_told_of_every_step_when_asked(events, simulator):
    event = events.insert(MEETING, sendUpdates="all")
    events.events.patch(
        calendarId="primary", eventId=event["id"], body={"summary": "x"}, sendUpdates="all"
    ).execute()
    events.delete(event["id"], sendUpdates="all")
    everyone = (BEN, "guest@other.example")
    assert mails(simulator) == [
        ("invitation", everyone),
        ("update", everyone),
        ("cancellation", everyone),
    ]
    assert simulator.world.outbox[0].person == ADA


def test_only_outsiders_are_told_when_asked_so(events, simulator):
    events.insert(MEETING, sendUpdates="externalOnly")
    assert mails(simulator) == [("invitation", ("guest@other.example",))]


def test_the_forerunner_of_send_updates_counts(events, simulator):
    events.insert(MEETING, sendNotifications=True)
    assert len(mails(simulator)) == 1


@pytest.mark.parametrize("parameters", [{}, {"sendUpdates": "none"}])
def test_nobody_is_told_otherwise(parameters, events, simulator):
    events.insert(MEETING, **parameters)
    assert mails(simulator) == []


def test_an_event_without_guests_mails_nobody(events, simulator, world):
    events.insert(TIMED, sendUpdates="all")
    world.google_create(ADA, summary="By hand", start=nine(), attendees=GUESTS)
    assert mails(simulator) == []


def test_a_guest_taken_off_the_list_is_told(events, simulator):
    event = events.insert(MEETING)
    events.events.patch(
        calendarId="primary", eventId=event["id"], body={"attendees": []}, sendUpdates="all"
    ).execute()
    assert mails(simulator) == [("update", (BEN, "guest@other.example"))]
    assert "attendees" not in events.get(event["id"])
