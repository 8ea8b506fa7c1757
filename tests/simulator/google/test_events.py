from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from tests.simulator.conftest import ADA, BEN, nine
from tests.simulator.google.conftest import ALL_DAY, TIMED


def test_an_insert_answers_the_event_with_what_google_adds(events, simulator):
    event = events.insert()
    assert event["status"] == "confirmed"
    assert event["eventType"] == "default"
    assert event["sequence"] == 0
    assert event["organizer"] == {"email": ADA, "self": True}
    assert event["iCalUID"] == f"{event['id']}@google.com"
    assert event["created"].endswith(".000Z")
    assert event == events.get(event["id"]) == simulator.world.google_events(ADA)[0]


def test_the_etag_is_twice_the_update_time_in_microseconds(events):
    event = events.insert()
    updated = datetime.fromisoformat(event["updated"])
    assert event["etag"] == f'"{round(updated.timestamp() * 1000) * 2000}"'


def test_times_come_back_in_the_calendars_zone(events):
    event = events.insert()
    assert event["start"] == {
        "dateTime": "2026-06-01T11:00:00+02:00",
        "timeZone": "Europe/Zurich",
    }
    elsewhere = events.get(event["id"], timeZone="Asia/Tokyo")
    assert elsewhere["start"]["dateTime"] == "2026-06-01T18:00:00+09:00"


def test_a_calendar_in_utc_writes_z(calendar_of):
    body = {**TIMED, "start": {"dateTime": "2026-06-01T11:00:00+02:00"}}
    event = calendar_of(BEN).events().insert(calendarId=BEN, body=body).execute()
    assert event["start"] == {"dateTime": "2026-06-01T09:00:00Z", "timeZone": "UTC"}


def test_a_local_time_is_read_in_its_own_zone(events):
    start = {"dateTime": "2026-06-01T09:00:00", "timeZone": "America/New_York"}
    end = {"dateTime": "2026-06-01T10:00:00", "timeZone": "America/New_York"}
    event = events.insert({"start": start, "end": end})
    assert event["start"]["dateTime"] == "2026-06-01T15:00:00+02:00"
    assert event["start"]["timeZone"] == "America/New_York"


def test_an_all_day_event_keeps_its_dates(events):
    assert events.insert(ALL_DAY)["end"] == {"date": "2026-06-03"}


def test_defaults_are_left_out_and_read_only_fields_ignored(events):
    body = {**TIMED, "visibility": "default", "transparency": "opaque", "location": ""}
    event = events.insert({**body, "etag": '"1"', "creator": {"email": BEN}, "nonsense": 1})
    assert not {"visibility", "transparency", "location", "nonsense"} & set(event)
    assert event["creator"]["email"] == ADA


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"start": None}, "required"),
        ({"end": None}, "required"),
        ({"start": {"dateTime": "2026-06-01T09:00:00"}}, "required"),
        ({"start": {"dateTime": "soon"}}, "invalid"),
        ({"start": {"date": "2026-06-01"}}, "invalid"),
        ({"start": {"date": "2026-06-01", "dateTime": "2026-06-01T09:00:00Z"}}, "invalid"),
        ({"start": {"dateTime": "2026-06-01T09:00:00Z", "timeZone": "Mars/Base"}}, "invalid"),
        ({"start": {"dateTime": "2026-06-01T11:00:00Z"}}, "timeRangeEmpty"),
        ({"recurrence": ["RRULE:FREQ=DAILY"]}, "required"),
        ({"summary": 5}, "invalid"),
        ({"status": "maybe"}, "invalid"),
        ({"eventType": "fromGmail"}, "invalid"),
        ({"id": "has-dash"}, "invalid"),
        ({"id": "abcd"}, "invalid"),
        ({"id": "xyzxyz"}, "invalid"),
        ({"attendees": [{"displayName": "No mail"}]}, "required"),
        ({"extendedProperties": {"private": {"k" * 45: "v"}}}, "invalid"),
        ({"extendedProperties": {"private": {"k": "v" * 1025}}}, "invalid"),
    ],
)
def test_a_bad_event_is_a_400(change, reason, events, refusal, simulator):
    assert refusal(events.insert, {**TIMED, **change}) == (400, reason)
    assert simulator.world.google_events(ADA) == []


def test_a_body_that_is_no_json_is_a_400(simulator, raw, events):
    events.list()
    token = next(iter(simulator.world.tokens.matching(provider="google"))).token
    url = simulator.base_url + "/calendar/v3/calendars/primary/events"
    answer = raw.post(url, data=b"{", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["error"]["errors"][0]["reason"] == "parseError"


def test_a_clients_own_id_is_taken_once_and_for_all(events, refusal):
    event = events.insert({**TIMED, "id": "00u123abcv"})
    assert event["id"] == "00u123abcv"
    assert refusal(events.insert, {**TIMED, "id": "00u123abcv"}) == (409, "duplicate")
    events.delete("00u123abcv")
    assert refusal(events.insert, {**TIMED, "id": "00u123abcv"}) == (409, "duplicate")


def test_a_patch_merges_and_null_deletes(events):
    properties = {"private": {"a": "1", "b": "2"}}
    event = events.insert({**TIMED, "location": "Bern", "extendedProperties": properties})
    changed = events.patch(
        event["id"], location=None, extendedProperties={"private": {"b": None, "c": "3"}}
    )
    assert "location" not in changed
    assert changed["summary"] == "Planning"
    assert changed["extendedProperties"] == {"private": {"a": "1", "c": "3"}}


def test_an_update_drops_what_is_not_sent(events):
    event = events.insert({**TIMED, "location": "Bern", "colorId": "3"})
    changed = events.update(event["id"], TIMED)
    assert not {"location", "colorId"} & set(changed)
    assert changed["id"] == event["id"]


def test_turning_timed_into_all_day_needs_the_old_time_deleted(events, refusal):
    event = events.insert()
    day = {"start": {"date": "2026-06-01"}, "end": {"date": "2026-06-02"}}
    assert refusal(events.patch, event["id"], **day) == (400, "invalid")
    for part in day.values():
        part["dateTime"] = None
        part["timeZone"] = None
    assert events.patch(event["id"], **day)["start"] == {"date": "2026-06-01"}


def test_a_new_summary_leaves_the_sequence_a_new_time_raises_it(events):
    event = events.insert()
    assert events.patch(event["id"], summary="Other")["sequence"] == 0
    later = {"dateTime": "2026-06-01T10:30:00Z"}
    assert events.patch(event["id"], end=later)["sequence"] == 1


def test_every_change_has_an_etag_of_its_own(events, world):
    frozen = world.now()
    world.clock = lambda: frozen
    etags = [events.insert()["etag"]]
    event_id = world.google_events(ADA)[0]["id"]
    etags += [events.patch(event_id, summary=str(number))["etag"] for number in range(3)]
    assert len(set(etags)) == 4


def test_an_empty_change_moves_nothing(events):
    event = events.insert()
    assert events.patch(event["id"], summary="Planning")["etag"] == event["etag"]


def test_reminders_do_not_move_the_update_time(events):
    event = events.insert()
    token = events.list()["nextSyncToken"]
    changed = events.patch(event["id"], reminders={"useDefault": False})
    assert changed["updated"] == event["updated"]
    assert events.list(syncToken=token)["items"] == [changed]


def test_if_match_guards_every_write(events, refusal, world):
    event = events.insert()
    world.google_edit(ADA, event["id"], summary="By hand")
    old = event["etag"]
    not_met = (412, "conditionNotMet")
    assert refusal(events.patch, event["id"], match=old, summary="Lost") == not_met
    assert refusal(events.update, event["id"], TIMED, match=old) == not_met
    assert refusal(events.delete, event["id"], match=old) == not_met
    current = world.google_events(ADA)[0]
    assert current["summary"] == "By hand"
    assert events.patch(event["id"], match=current["etag"], summary="Kept")["summary"] == "Kept"


def test_a_deleted_event_answers_410_to_a_second_delete(events, refusal):
    event = events.insert()
    assert events.delete(event["id"]) == ""
    assert refusal(events.delete, event["id"]) == (410, "deleted")


def test_a_deleted_event_can_be_read_and_restored(events):
    event = events.insert()
    events.delete(event["id"])
    assert events.get(event["id"])["status"] == "cancelled"
    assert events.patch(event["id"], status="confirmed")["summary"] == "Planning"
    assert [item["id"] for item in events.list()["items"]] == [event["id"]]


def test_an_unknown_event_is_a_404(events, refusal):
    for call in (events.get, events.delete):
        assert refusal(call, "nosuchevent") == (404, "notFound")
    assert refusal(events.patch, "nosuchevent", summary="x") == (404, "notFound")


def test_the_event_type_cannot_change(events, refusal):
    event = events.insert()
    assert refusal(events.patch, event["id"], eventType="focusTime") == (400, "invalid")


def test_a_guest_changes_only_their_own_side(events, world, refusal):
    event = world.google_create(ADA, summary="Theirs", start=nine(), organizer="host@other.example")
    assert refusal(events.patch, event["id"], summary="Mine") == (403, "forbiddenForNonOrganizer")
    assert events.patch(event["id"], colorId="5")["colorId"] == "5"
    own = {"private": {"key": "value"}}
    assert events.patch(event["id"], extendedProperties=own)["extendedProperties"] == own


def test_a_token_reaches_nobody_elses_calendar(calendar_of, events, refusal):
    event = events.insert()
    ben = calendar_of(BEN).events()
    for calendar_id in (ADA, "nobody@acme.example"):
        request = ben.get(calendarId=calendar_id, eventId=event["id"])
        assert refusal(request.execute) == (404, "notFound")
    assert ben.list(calendarId="primary").execute()["items"] == []


def test_a_user_edits_by_hand(world):
    event = world.google_create(ADA, summary="Trip", start=date(2026, 6, 1))
    assert event["end"] == {"date": "2026-06-02"}
    moved = world.google_edit(ADA, event["id"], start=nine(2), end=nine(3))
    assert moved["start"]["dateTime"] == "2026-06-02T11:00:00+02:00"
    assert moved["sequence"] == 1
    world.google_touch(ADA, event["id"])
    touched = world.google_events(ADA)[0]
    assert touched["etag"] != moved["etag"]
    ignored = ("etag", "updated")
    assert {k: v for k, v in touched.items() if k not in ignored} == {
        k: v for k, v in moved.items() if k not in ignored
    }
    world.google_delete(ADA, event["id"])
    assert world.google_events(ADA) == []
    assert world.google_events(ADA, deleted=True)[0]["status"] == "cancelled"


def test_a_user_cannot_take_an_id_twice_either(world):
    world.google_create(ADA, event_id="abcde", summary="First", start=nine())
    with pytest.raises(ValueError, match="already"):
        world.google_create(ADA, event_id="abcde", summary="Second", start=nine())
    assert world.google_events(ADA)[0]["summary"] == "First"


def test_what_a_world_hands_out_is_a_copy(world):
    event = world.google_create(ADA, summary="Trip", start=nine())
    event["start"]["dateTime"] = "spoilt"
    assert world.google_events(ADA)[0]["start"]["dateTime"] == "2026-06-01T11:00:00+02:00"


def test_the_users_quota_is_a_sliding_minute(events, refusal, world):
    events.list()
    world.set_limits("acme", google_requests_per_minute=2)
    world.set_clock_offset(100)
    events.list()
    events.list()
    assert refusal(events.list) == (403, "rateLimitExceeded")
    world.set_clock_offset(161)
    events.list()


def test_dates_far_away_do_not_break_the_server(events, refusal):
    for start in ({"date": "9999-12-31"}, {"date": "0001-01-01"}):
        assert refusal(events.insert, {"start": start, "end": start}) == (400, "invalid")
    never = {"dateTime": "9999-12-31T23:59:59-12:00"}
    assert refusal(events.insert, {"start": never, "end": never}) == (400, "invalid")
    early = {"start": {"date": "0002-01-01"}, "end": {"date": "0002-01-02"}}
    assert events.insert(early)["start"]["date"] == "0002-01-01"
    assert events.list(timeMin=datetime(2026, 1, 1, tzinfo=UTC).isoformat())["items"] == []
