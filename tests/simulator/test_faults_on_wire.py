"""What planned faults look like to the vendors' real clients."""

from __future__ import annotations

import socket
import time

import google.auth.exceptions
import google.auth.transport.requests
import pytest
import requests
from googleapiclient.errors import HttpError
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceGeneralError,
    SalesforceMalformedRequest,
    SalesforceRefusedRequest,
)

from simulator.faults import Subject
from simulator.running import SimulatorServer
from tests.simulator import clients
from tests.simulator.conftest import ADA, BEN, wait_until

DAY = {"summary": "Day", "start": {"date": "2026-06-01"}, "end": {"date": "2026-06-02"}}
TIMED = {"Subject": "x", "StartDateTime": "2026-06-01T09:00:00Z", "DurationInMinutes": 5}
CALENDAR = "/calendar/v3/calendars/primary/events"


@pytest.fixture
def token(simulator):
    """A header with a good access token of Ada's."""
    credentials = clients.google_user_credentials(simulator, ADA)
    with requests.Session() as session:
        credentials.refresh(google.auth.transport.requests.Request(session=session))
    return {"Authorization": f"Bearer {credentials.token}"}


@pytest.fixture
def insert(simulator, raw, token):
    """Insert an event by a bare client, which repeats nothing by itself."""

    def post(timeout=10):
        url = simulator.base_url + CALENDAR
        return raw.post(url, json=DAY, headers=token, timeout=timeout)

    return post


def events(simulator):
    return simulator.world.google_events(ADA)


def test_a_status_answers_in_place_of_the_work(simulator, insert):
    simulator.plan_fault(status=503, body='{"error": 1}', headers={"Retry-After": "30"})
    answer = insert()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert answer.headers["Content-Type"].startswith("application/json")
    assert events(simulator) == []
    assert (simulator.requests[-1].status, simulator.requests[-1].fault) == (503, "fault-1")


def test_a_status_after_the_work_is_a_lie(simulator, insert):
    simulator.plan_fault(status=500, commit=True)
    assert insert().status_code == 500
    assert len(events(simulator)) == 1


def test_a_delay_comes_before_the_work(simulator, insert):
    simulator.plan_fault(delay=0.2)
    began = time.monotonic()
    assert insert().status_code == 200
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize(("commit", "kept"), [(False, 0), (True, 1)])
def test_a_hang_lasts_until_the_client_gives_up(commit, kept, simulator, insert):
    simulator.plan_fault(hang=True, commit=commit)
    with pytest.raises(requests.ReadTimeout):
        insert(timeout=0.2)
    assert len(events(simulator)) == kept
    assert simulator.requests[-1].status is None


@pytest.mark.parametrize(
    ("name", "text"), [("reset", "reset by peer"), ("closed", "without response")]
)
def test_a_connection_may_break_without_an_answer(name, text, simulator, insert):
    simulator.plan_fault(name)
    with pytest.raises(requests.ConnectionError, match=text):
        insert()
    assert events(simulator) == []


def test_an_answer_may_be_lost_after_the_work(simulator, insert):
    simulator.plan_fault("lost-answer")
    with pytest.raises(requests.ConnectionError):
        insert()
    assert len(events(simulator)) == 1


def test_a_body_may_be_cut(simulator, insert):
    simulator.plan_fault(cut=20)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="20 bytes read"):
        insert()
    assert len(events(simulator)) == 1


def test_a_planned_body_may_be_cut_too(simulator, insert):
    simulator.plan_fault(cut=2, status=500, body="never whole")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="2 bytes read"):
        insert()
    assert events(simulator) == []


def test_a_user_may_edit_right_before_the_work(simulator, ada_calendar, world):
    event = world.google_create(ADA, **DAY)
    arguments = {"email": ADA, "event_id": event["id"], "summary": "By hand"}
    simulator.plan_fault(
        operation="google.events.patch",
        count=1,
        edit={"operation": "google_edit", "arguments": arguments},
    )
    patch = ada_calendar.events().patch(calendarId="primary", eventId=event["id"], body={})
    patch.headers["If-Match"] = event["etag"]
    with pytest.raises(HttpError) as caught:
        patch.execute()
    assert caught.value.status_code == 412
    assert events(simulator)[0]["summary"] == "By hand"


def test_the_server_works_on_while_others_hang(simulator, insert, raw):
    simulator.plan_fault(hang=True, operation="google.events.insert")
    with pytest.raises(requests.ReadTimeout):
        insert(timeout=0.1)
    simulator.clear_faults()
    assert insert().status_code == 200


@pytest.mark.parametrize(("effect", "values"), [("hang", {}), ("slow", {"delay": 60})])
def test_a_server_with_waiting_clients_stops_at_once(effect, values, world):
    with SimulatorServer.running(world) as simulator:
        simulator.plan_fault(effect, **values)
        host, _, port = simulator.base_url.removeprefix("http://").partition(":")
        client = socket.create_connection((host, int(port)))
        client.sendall(b"GET /anything HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: len(simulator.requests) == 1)
        began = time.monotonic()
    assert time.monotonic() - began < 2
    with client:
        assert client.recv(1) == b""


def test_a_fault_hits_whom_it_is_planned_for(simulator, calendar_of):
    simulator.plan_fault("google-rate-limit", person=BEN)
    calendar_of(ADA).events().list(calendarId="primary").execute()
    with pytest.raises(HttpError) as caught:
        calendar_of(BEN).events().list(calendarId="primary").execute()
    assert caught.value.error_details[0]["reason"] == "rateLimitExceeded"


def test_a_fault_begins_and_ends_by_the_worlds_clock(simulator, insert, world):
    begin = world.now().replace(microsecond=0)
    simulator.plan_fault(
        status=500,
        starts=begin.replace(year=begin.year + 1).isoformat(),
        ends=begin.replace(year=begin.year + 2).isoformat(),
    )
    assert insert().status_code == 200


def test_a_revoked_grant_looks_real(simulator, ada_calendar):
    simulator.plan_fault("google-revoked")
    with pytest.raises(google.auth.exceptions.RefreshError) as caught:
        ada_calendar.events().list(calendarId="primary").execute()
    assert caught.value.args[1]["error_description"] == "Token has been expired or revoked."


def test_an_html_page_at_the_token_endpoint_looks_real(simulator, ada_calendar):
    simulator.plan_fault("google-token-502")
    with pytest.raises(google.auth.exceptions.RefreshError, match="Error 502"):
        ada_calendar.events().list(calendarId="primary").execute()


def test_html_with_status_200_comes_back_as_text(simulator, ada_calendar):
    ada_calendar.events().list(calendarId="primary").execute()
    simulator.plan_fault("html-200")
    answer = ada_calendar.events().list(calendarId="primary").execute()
    assert isinstance(answer, str)


@pytest.mark.parametrize(
    ("name", "error", "code"),
    [
        ("salesforce-maintenance", SalesforceGeneralError, None),
        ("salesforce-row-lock", SalesforceMalformedRequest, "UNABLE_TO_LOCK_ROW"),
        ("salesforce-trigger", SalesforceMalformedRequest, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"),
        ("salesforce-request-limit", SalesforceRefusedRequest, "REQUEST_LIMIT_EXCEEDED"),
        ("salesforce-api-disabled", SalesforceRefusedRequest, "API_DISABLED_FOR_ORG"),
        ("salesforce-read-only", SalesforceExpiredSession, "INVALID_SESSION_ID"),
        ("salesforce-unknown-exception", SalesforceGeneralError, "UNKNOWN_EXCEPTION"),
    ],
)
def test_salesforce_faults_look_real(name, error, code, simulator, ada_salesforce, world):
    simulator.plan_fault(name)
    with pytest.raises(error) as caught:
        ada_salesforce.Event.create(TIMED)
    if code:
        assert caught.value.content[0]["errorCode"] == code
    assert world.salesforce_events(ADA) == []


@pytest.mark.parametrize(
    ("name", "spared"),
    [
        ("salesforce-row-lock", ["salesforce.query", "salesforce.token", "salesforce.event.get"]),
        ("salesforce-request-limit", ["salesforce.token"]),
        ("salesforce-inactive-user", ["salesforce.query"]),
        ("google-quota", ["google.token", "google.calendars.list"]),
    ],
)
def test_ready_faults_spare_what_they_are_not_about(name, spared, simulator):
    simulator.plan_fault(name)
    for operation in spared:
        subject = Subject(
            operation.partition(".")[0], operation, "acme", ADA, simulator.world.now()
        )
        assert simulator.faults.choose(subject) is None


def test_a_fault_hits_a_login_before_anything_is_checked(simulator, raw):
    simulator.plan_fault("salesforce-maintenance", person=ADA)
    with pytest.raises(requests.HTTPError, match="503"):
        clients.salesforce_tokens(simulator, ADA)
    assert simulator.requests[-1].person == ADA
    clients.salesforce_tokens(simulator, BEN)
