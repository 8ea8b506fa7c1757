from __future__ import annotations

import pytest

from tests.simulator.conftest import ADA

DAY = {"summary": "Day", "start": {"date": "2026-06-01"}, "end": {"date": "2026-06-02"}}


@pytest.fixture
def control(simulator, raw):
    """Send a control request; answers status and decoded body."""

    def send(method, path, body=None, **parameters):
        url = f"{simulator.base_url}/control/{path}"
        answer = raw.request(method, url, json=body, params=parameters)
        return answer.status_code, answer.json()

    return send


@pytest.fixture
def edit(control):
    def send(operation, **arguments):
        return control("POST", "edit", {"operation": operation, "arguments": arguments})

    return send


def test_health_tells_time_and_counts(control, world):
    status, body = control("GET", "health")
    assert status == 200
    assert body["healthy"] is True
    assert (body["organizations"], body["people"], body["requests"]) == (2, 4, 0)


def test_the_world_is_edited_as_by_its_methods(edit, world):
    status, body = edit("google_create", email=ADA, **DAY)
    assert status == 200
    event = body["result"]
    assert world.google_events(ADA) == [event]
    edit("google_edit", email=ADA, event_id=event["id"], summary="Other")
    assert world.google_events(ADA)[0]["summary"] == "Other"
    assert edit("google_delete", email=ADA, event_id=event["id"]) == (200, {"result": None})
    row = {"Subject": "x", "StartDateTime": "2026-06-01T09:00:00Z", "DurationInMinutes": 5}
    created = edit("salesforce_create", email=ADA, **row)[1]["result"]
    assert world.salesforce_events(ADA) == [created]


def test_people_and_organizations_are_added(edit, world):
    assert edit("add_organization", slug="initech") == (200, {"result": {"slug": "initech"}})
    status, body = edit("add_person", organization="initech", name="Peter Gibbons")
    assert status == 200
    assert body["result"]["email"] == "peter.gibbons@initech.example"
    assert world.person("peter.gibbons@initech.example").salesforce.id.startswith("005")


def test_tokens_expire_and_the_clock_moves(edit, control, ada_calendar, world):
    token = ada_calendar.events().list(calendarId="primary").execute()["nextSyncToken"]
    assert token
    assert edit("expire_access_tokens", provider="google") == (200, {"result": 1})
    assert edit("expire_sync_tokens", person=ADA) == (200, {"result": 1})
    before = control("GET", "health")[1]["now"]
    edit("set_clock_offset", seconds=86400)
    assert control("GET", "health")[1]["now"][:10] > before[:10]


@pytest.mark.parametrize(
    ("operation", "arguments", "status"),
    [
        ("drop_tables", {}, 400),
        ("clock", {}, 400),
        ("google_create", {}, 400),
        ("google_create", {"email": ADA}, 400),
        ("google_create", {"email": "nobody@acme.example", **DAY}, 404),
        ("google_edit", {"email": ADA, "event_id": "nosuchevent"}, 404),
        ("add_person", {"organization": "nowhere", "name": "X"}, 404),
        ("add_person", {"organization": "acme", "name": "X", "height": 5}, 400),
        ("set_limits", {"organization": "acme", "height": 5}, 400),
        ("google_set_user", {"email": ADA, "happy": True}, 400),
        ("salesforce_set_user", {"email": ADA, "happy": True}, 400),
        ("salesforce_create", {"email": ADA, "Colour": "red"}, 400),
    ],
)
def test_a_wrong_edit_is_told(operation, arguments, status, edit, world):
    answered, body = edit(operation, **arguments)
    assert answered == status
    assert body["error"]
    assert world.google_events(ADA) == []


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("GET", "nonsense"), ("DELETE", "world"), ("GET", "edit")]
)
def test_what_control_does_not_know_is_a_404(method, path, control):
    assert control(method, path)[0] == 404


def test_faults_are_planned_listed_and_removed(control, raw, simulator):
    status, body = control("POST", "faults", {"ready": "html-502", "count": 1, "id": "mine"})
    assert (status, body) == (200, {"id": "mine"})
    assert raw.get(simulator.base_url + "/x").status_code == 502
    assert raw.get(simulator.base_url + "/x").status_code == 404
    listed = control("GET", "faults")[1]
    assert (listed["faults"][0]["id"], listed["faults"][0]["hits"]) == ("mine", 1)
    assert "google-revoked" in listed["ready"]
    assert {"google.batch", "salesforce.event.upsert"} <= set(listed["operations"])
    assert control("DELETE", "faults/mine")[0] == 200
    assert control("DELETE", "faults/mine")[0] == 404
    control("POST", "faults", {"status": 500})
    control("DELETE", "faults")
    assert control("GET", "faults")[1]["faults"] == []


@pytest.mark.parametrize(
    "body", [{}, {"status": 7}, {"ready": "nonsense"}, {"ready": "slow", "delay": "x"}, []]
)
def test_a_wrong_fault_is_told(body, control):
    status, answer = control("POST", "faults", body)
    assert status == 400
    assert answer["error"]


def test_a_fault_does_not_hit_control(control):
    control("POST", "faults", {"ready": "reset"})
    assert control("GET", "health")[0] == 200


def test_the_request_log_is_read_and_cleared(control, ada_calendar):
    ada_calendar.events().insert(calendarId="primary", body=DAY).execute()
    body = control("GET", "requests")[1]
    assert (body["total"], body["counts"]["google.events.insert"]) == (2, 1)
    writes = control("GET", "requests", writes="true", person=ADA)[1]["requests"]
    assert [entry["operation"] for entry in writes] == ["google.events.insert"]
    assert control("GET", "requests", after=2)[1]["requests"] == []
    assert control("GET", "requests", after="x")[0] == 400
    control("DELETE", "requests")
    assert control("GET", "requests")[1] == {"total": 0, "counts": {}, "requests": []}


def test_the_outbox_is_shown(control, ada_calendar):
    body = {**DAY, "attendees": [{"email": "guest@other.example"}]}
    ada_calendar.events().insert(calendarId="primary", body=body, sendUpdates="all").execute()
    mails = control("GET", "outbox")[1]["mails"]
    assert mails[0]["recipients"] == ["guest@other.example"]


def test_client_settings_point_at_this_server(control, simulator):
    body = control("GET", "settings/acme")[1]
    assert body["google"]["token_url"] == simulator.base_url + "/token"
    assert len(body["people"]) == 3
    assert control("GET", "settings/nowhere")[0] == 404


def test_the_world_is_read_and_replaced(control, simulator):
    kept = control("GET", "world")[1]
    status, health = control("PUT", "world", {"organizations": [{"slug": "new"}], "people": []})
    assert (status, health["organizations"], health["people"]) == (200, 1, 0)
    assert list(simulator.world.organizations) == ["new"]
    control("PUT", "world", kept)
    assert control("GET", "world")[1] == kept
    assert control("PUT", "world", {"nonsense": 1})[0] == 400


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
def test_a_web_page_of_others_cannot_use_control(headers, simulator, raw):
    answer = raw.get(simulator.base_url + "/control/health", headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1", 200),
        ("[::1]:8000", 200),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example:80", 403),
        ("localhost@evil.example", 403),
        ("[2001:db8::1]", 403),
        ("::1.evil.example", 403),
    ],
)
def test_control_answers_to_exact_loopback_names_only(host, status, simulator, raw):
    answer = raw.get(simulator.base_url + "/control/health", headers={"Host": host})
    assert answer.status_code == status
