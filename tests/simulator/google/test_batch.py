from __future__ import annotations

import pytest
from googleapiclient.errors import HttpError

from tests.simulator import discovery
from tests.simulator.conftest import ADA, nine
from tests.simulator.google.conftest import TIMED


@pytest.fixture
def run_batch(ada_calendar):
    """Run requests as one batch; answers in order, refusals as their status."""
    # Without a token at hand the batch would fetch one through a connection it never closes.
    ada_calendar.events().list(calendarId="primary").execute()

    def run(*requests):
        answers = {}

        def note(request_id, answer, error):
            answers[int(request_id)] = error.status_code if error else answer

        batch = ada_calendar.new_batch_http_request(callback=note)
        for number, request in enumerate(requests):
            batch.add(request, request_id=str(number))
        batch.execute()
        results = [answers[number] for number in range(len(requests))]
        for result in results:
            if isinstance(result, dict):
                discovery.check("Event", result)
        return results

    return run


def test_the_parts_of_a_batch_are_answered_each(run_batch, events, simulator, world):
    kept = world.google_create(ADA, summary="Grüße", start=nine())
    methods = events.events
    answers = run_batch(
        methods.insert(calendarId="primary", body={**TIMED, "summary": "Café ☕"}),
        methods.get(calendarId="primary", eventId=kept["id"]),
        methods.delete(calendarId="primary", eventId="nosuchevent"),
        methods.delete(calendarId="primary", eventId=kept["id"]),
    )
    assert answers[0]["summary"] == "Café ☕"
    assert answers[1] == kept
    assert answers[2] == 404
    assert answers[3] == ""
    batch, *parts = simulator.requests[-5:]
    assert (batch.operation, batch.status) == ("google.batch", 200)
    assert [part.batch for part in parts] == [batch.number] * 4
    assert [part.status for part in parts] == [200, 200, 404, 204]


def test_if_match_works_inside_a_batch(run_batch, events):
    event = events.insert()
    request = events.events.patch(calendarId="primary", eventId=event["id"], body={"summary": "x"})
    request.headers["If-Match"] = '"0"'
    assert run_batch(request) == [412]


def test_a_fault_may_hit_one_part(run_batch, events, simulator):
    simulator.plan_fault("google-rate-limit", operation="google.events.insert", count=1)
    insert = events.events.insert(calendarId="primary", body=TIMED)
    first, second = run_batch(insert, events.events.insert(calendarId="primary", body=TIMED))
    assert first == 403
    assert second["summary"] == "Planning"
    assert len(simulator.world.google_events(ADA)) == 1


def test_a_fault_of_the_wire_ends_the_batch_where_it_hits(run_batch, events, simulator):
    simulator.plan_fault("reset", operation="google.events.insert", commit=True, count=1)
    inserts = [
        events.events.insert(calendarId="primary", body={**TIMED, "summary": str(number)})
        for number in range(3)
    ]
    with pytest.raises(ConnectionResetError):
        run_batch(*inserts)
    assert [event["summary"] for event in simulator.world.google_events(ADA)] == ["0"]


def test_a_fault_may_hit_the_batch_as_such(run_batch, events, simulator):
    simulator.plan_fault("html-502", operation="google.batch")
    with pytest.raises(HttpError) as caught:
        run_batch(events.events.insert(calendarId="primary", body=TIMED))
    assert caught.value.status_code == 502
    assert simulator.world.google_events(ADA) == []


def test_a_part_needs_a_good_token_of_its_own(simulator, raw):
    body = (
        "--x\r\nContent-Type: application/http\r\nContent-ID: <a + 1>\r\n\r\n"
        "GET /calendar/v3/calendars/primary/events HTTP/1.1\r\n\r\n\r\n--x--"
    )
    answer = raw.post(
        simulator.base_url + "/batch/calendar/v3",
        data=body,
        headers={"Content-Type": "multipart/mixed; boundary=x"},
    )
    assert answer.status_code == 200
    assert "HTTP/1.1 401 Unauthorized" in answer.text
    assert "Content-ID: <response-a + 1>" in answer.text


@pytest.mark.parametrize("body", ["", "--x--", "--x\r\n\r\nnonsense\r\n--x--"])
def test_a_broken_batch_is_a_400(body, simulator, raw):
    headers = {"Content-Type": "multipart/mixed; boundary=x"}
    answer = raw.post(simulator.base_url + "/batch/calendar/v3", data=body, headers=headers)
    assert answer.status_code == 400


def test_a_batch_has_at_most_a_thousand_parts(simulator, raw):
    part = "--x\r\nContent-Type: application/http\r\n\r\nGET /x HTTP/1.1\r\n\r\n\r\n"
    headers = {"Content-Type": "multipart/mixed; boundary=x"}
    url = simulator.base_url + "/batch/calendar/v3"
    answer = raw.post(url, data=part * 1001 + "--x--", headers=headers)
    assert answer.status_code == 400
