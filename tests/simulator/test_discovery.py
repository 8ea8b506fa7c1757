from __future__ import annotations

import json

import pytest
from jsonschema import ValidationError

from tests.simulator import discovery

EVENT = {"kind": "calendar#event", "id": "abcde", "start": {"date": "2026-06-01"}}


def test_a_known_event_passes():
    discovery.check("Event", EVENT)


@pytest.mark.parametrize(
    "change",
    [
        {"sumary": "misspelt"},
        {"start": {"day": "2026-06-01"}},
        {"summary": 5},
        {"updated": "yesterday"},
        {"start": {"date": "01.06.2026"}},
        {"attendees": [{"mail": "ada@acme.example"}]},
        {"extendedProperties": {"private": {"key": 1}}},
    ],
)
def test_anything_the_document_does_not_know_is_refused(change):
    with pytest.raises(ValidationError):
        discovery.check("Event", EVENT | change)


def test_answers_are_checked_by_their_address():
    url = "http://127.0.0.1:1/calendar/v3/calendars/primary/events?maxResults=1"
    body = json.dumps({"kind": "calendar#events", "items": [EVENT]}).encode()
    assert discovery.check_answer("GET", url, 200, body) == "Events"
    with pytest.raises(ValidationError):
        discovery.check_answer("GET", url, 200, body.replace(b"items", b"elements"))
