from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.requestlog import Entry, RequestLog, masked
from tests.simulator import clients
from tests.simulator.conftest import ADA, BEN, unhurried

AT = datetime(2026, 6, 1, tzinfo=UTC)
DAY = {"summary": "Day", "start": {"date": "2026-06-01"}, "end": {"date": "2026-06-02"}}


def entry(operation="google.events.list", method="GET", person=ADA):
    return Entry(0, AT, "google", "acme", person, operation, method, "/", "", "")


def test_an_entry_tells_who_asked_what(simulator, ada_calendar):
    ada_calendar.events().insert(calendarId="primary", body=DAY).execute()
    token, insert = simulator.requests
    assert (token.operation, token.provider, token.person) == ("google.token", "google", ADA)
    assert (insert.number, insert.organization, insert.method) == (2, "acme", "POST")
    assert insert.path == "/calendar/v3/calendars/primary/events"
    assert insert.query == "alt=json"
    assert '"summary": "Day"' in insert.body
    assert (insert.status, insert.fault) == (200, None)


def test_no_token_or_secret_stays_in_the_log(simulator, ada_calendar, ada_salesforce, raw):
    ada_calendar.events().list(calendarId="primary").execute()
    ada_salesforce.query("SELECT Id FROM Event")
    credentials = clients.google_delegated_credentials(simulator, ADA)
    service = clients.calendar_service(simulator, credentials)
    service.events().list(calendarId="primary").execute()
    service.close()
    world = simulator.world
    settings = world.client_settings("acme")
    granted = [grant.token for grant in world.tokens.matching()]
    assert len(granted) == 3
    for token in granted:
        raw.post(simulator.base_url + "/revoke", params={"token": token})
        raw.get(simulator.base_url + "/x", params={"access_token": token})
        raw.post(simulator.base_url + "/x", json={"anything": token})
    secrets = [
        *granted,
        settings["google"]["client_secret"],
        settings["salesforce"]["consumer_secret"],
        *(person["google_refresh_token"] for person in settings["people"]),
        *(person["salesforce_refresh_token"] for person in settings["people"]),
    ]
    shown = repr(simulator.requests)
    assert [secret for secret in secrets if secret in shown] == []
    assert "eyJ" not in shown


@unhurried
@given(
    st.sampled_from(["refresh_token", "client_secret", "assertion", "token"]),
    st.text("abc%.-_", min_size=9),
)
def test_secret_fields_are_starred_out(name, value):
    text = masked(f"a=1&{name}={value}&b=2")
    assert text == f"a=1&{name}=***&b=2"


@pytest.mark.parametrize("text", ["maxResults=5&pageToken=abc", '{"summary": "token=? no"}', ""])
def test_plain_text_stays(text):
    assert masked(text) == text


def test_the_log_keeps_the_newest_and_counts_all():
    log = RequestLog(size=3)
    for _ in range(5):
        log.add(entry())
    assert [each.number for each in log.entries()] == [3, 4, 5]
    assert log.total == log.counts["google.events.list"] == 5
    log.clear()
    assert (len(log), log.total) == (0, 0)
    assert log.add(entry()).number == 6


def test_the_log_can_be_narrowed():
    log = RequestLog()
    for operation, method, person in [
        ("google.events.list", "GET", ADA),
        ("google.events.insert", "POST", ADA),
        ("google.token", "POST", BEN),
        ("google.batch", "POST", ADA),
        ("salesforce.collection.create", "POST", BEN),
        ("salesforce.query", "GET", BEN),
    ]:
        log.add(entry(operation, method, person))
    assert len(log.entries(operation="google.events.*")) == 2
    assert len(log.entries(person=BEN)) == 3
    assert log.entries(organization="globex") == []
    assert [each.operation for each in log.writes()] == [
        "google.events.insert",
        "salesforce.collection.create",
    ]


def test_a_long_get_sent_as_a_post_is_logged_as_what_it_is(simulator, ada_calendar):
    ada_calendar.events().list(calendarId="primary", q="x" * 3000).execute()
    logged = simulator.requests[-1]
    assert (logged.operation, logged.method) == ("google.events.list", "GET")
    assert "x" * 3000 in logged.query
