from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.simulator.conftest import ADA, nine
from tests.simulator.google.conftest import ALL_DAY, TIMED, WEEKLY


def ids(answer):
    return [item["id"] for item in answer["items"]]


@pytest.fixture
def five(world):
    """Five events of Ada's, one a day; their ids."""
    return [
        world.google_create(ADA, summary=f"Event {day}", start=nine(day))["id"]
        for day in range(1, 6)
    ]


def all_pages(events, **parameters):
    """Every page of a list, the given parameters on each."""
    pages, token = [], None
    while not pages or token:
        pages.append(events.list(**parameters, **({"pageToken": token} if token else {})))
        token = pages[-1].get("nextPageToken")
    return pages


def test_a_list_tells_about_its_calendar(events, five):
    answer = events.list()
    assert answer["summary"] == ADA
    assert answer["timeZone"] == "Europe/Zurich"
    assert answer["accessRole"] == "owner"
    assert ids(answer) == five


def test_pages_carry_either_a_page_or_a_sync_token(events, five):
    pages = all_pages(events, maxResults=2)
    assert [len(page["items"]) for page in pages] == [2, 2, 1]
    for page in pages[:-1]:
        assert "nextSyncToken" not in page
    assert "nextSyncToken" in pages[-1]
    assert "nextPageToken" not in pages[-1]
    assert [each for page in pages for each in ids(page)] == five


def test_a_page_that_is_exactly_full_is_the_last(events, five):
    assert "nextSyncToken" in events.list(maxResults=5)


def test_a_page_may_be_empty_although_more_follow(events, five, world):
    world.google_plan_empty_pages(ADA, 1)
    pages = all_pages(events, maxResults=3)
    assert [len(page["items"]) for page in pages] == [0, 3, 2]


def test_a_page_may_be_empty_although_nothing_follows(events, five, world):
    token = events.list()["nextSyncToken"]
    world.google_plan_empty_pages(ADA, 1)
    pages = all_pages(events, syncToken=token)
    assert [len(page["items"]) for page in pages] == [0, 0]


def test_the_server_may_put_less_on_a_page_than_asked(events, five, world):
    world.set_limits("acme", google_page_size=2)
    assert [len(page["items"]) for page in all_pages(events, maxResults=2500)] == [2, 2, 1]


def test_an_incremental_list_has_just_the_changes(events, five, world):
    token = events.list()["nextSyncToken"]
    quiet = events.list(syncToken=token)
    assert quiet["items"] == []
    world.google_edit(ADA, five[1], summary="Changed")
    world.google_delete(ADA, five[3])
    new = world.google_create(ADA, summary="New", start=nine(9))
    answer = events.list(syncToken=quiet["nextSyncToken"])
    assert ids(answer) == [five[1], five[3], new["id"]]
    assert answer["items"][1].keys() == {"kind", "etag", "id", "status"}
    assert answer["items"][1]["status"] == "cancelled"


def test_a_sync_token_can_be_used_again(events, five, world):
    token = events.list()["nextSyncToken"]
    world.google_edit(ADA, five[1], summary="Changed")
    assert ids(events.list(syncToken=token)) == ids(events.list(syncToken=token)) == [five[1]]


def test_an_incremental_list_is_paged_as_well(events, five, world):
    token = events.list()["nextSyncToken"]
    for event_id in five:
        world.google_touch(ADA, event_id)
    pages = all_pages(events, syncToken=token, maxResults=2)
    assert [each for page in pages for each in ids(page)] == five
    assert events.list(syncToken=pages[-1]["nextSyncToken"])["items"] == []


def test_what_changes_between_pages_comes_with_the_next_sync(events, five, world):
    first = events.list(maxResults=2)
    world.google_edit(ADA, five[0], summary="Already passed")
    world.google_delete(ADA, five[2])
    rest = events.list(pageToken=first["nextPageToken"], maxResults=2)
    assert ids(rest) == five[3:]
    late = events.list(syncToken=rest["nextSyncToken"])
    assert ids(late) == [five[0], five[2]]


def test_a_full_list_has_no_tombstones_unless_asked(events, five, world):
    world.google_delete(ADA, five[0])
    assert ids(events.list()) == five[1:]
    shown = events.list(showDeleted=True)
    assert ids(shown) == five
    assert shown["items"][0]["summary"] == "Event 1"


def test_an_expired_sync_token_asks_for_a_full_sync(events, five, world, refusal):
    token = events.list()["nextSyncToken"]
    assert world.expire_sync_tokens(person=ADA) == 1
    assert refusal(events.list, syncToken=token) == (410, "fullSyncRequired")
    assert ids(events.list()) == five


def test_a_token_of_another_calendar_is_none_of_this(events, world, calendar_of, refusal):
    token = events.list()["nextSyncToken"]
    request = calendar_of("ben@acme.example").events()
    request = request.list(calendarId="primary", syncToken=token)
    assert refusal(request.execute) == (410, "fullSyncRequired")


@pytest.mark.parametrize("token", ["nonsense", "%%%", "c3luYzphOmI", "ÿ"])
def test_a_garbled_token_is_a_400(token, events, refusal):
    assert refusal(events.list, syncToken=token) == (400, "invalid")
    assert refusal(events.list, pageToken=token) == (400, "invalid")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iCalUID", "x@google.com"),
        ("orderBy", "updated"),
        ("privateExtendedProperty", "a=b"),
        ("q", "x"),
        ("sharedExtendedProperty", "a=b"),
        ("timeMin", "2026-01-01T00:00:00Z"),
        ("timeMax", "2026-01-01T00:00:00Z"),
        ("updatedMin", "2026-01-01T00:00:00Z"),
        ("showDeleted", False),
    ],
)
def test_a_sync_token_forbids_other_restrictions(name, value, events, refusal):
    token = events.list()["nextSyncToken"]
    assert refusal(events.list, syncToken=token, **{name: value}) == (400, "invalid")


def test_a_page_token_holds_for_its_own_query_only(events, five, refusal):
    token = events.list(maxResults=2)["nextPageToken"]
    assert refusal(events.list, pageToken=token, q="Event") == (400, "invalid")
    assert ids(events.list(pageToken=token, maxResults=1)) == [five[2]]


def test_a_list_ordered_or_searched_has_no_sync_token(events, five):
    for parameters in ({"orderBy": "updated"}, {"q": "Event"}, {"iCalUID": "x"}):
        assert "nextSyncToken" not in events.list(**parameters)
    assert "nextSyncToken" in events.list(timeMin="2026-01-01T00:00:00Z")


def test_a_time_window_is_open_at_both_ends(events, five):
    window = {"timeMin": "2026-06-02T10:00:00Z", "timeMax": "2026-06-04T09:00:00Z"}
    assert ids(events.list(**window)) == [five[2]]
    window = {"timeMin": "2026-06-02T09:59:59Z", "timeMax": "2026-06-04T09:00:01Z"}
    assert ids(events.list(**window)) == five[1:4]


def test_an_all_day_event_lies_in_the_calendars_zone(events):
    event = events.insert(ALL_DAY)
    assert ids(events.list(timeMax="2026-05-31T22:00:00Z")) == []
    assert ids(events.list(timeMax="2026-05-31T22:00:01Z")) == [event["id"]]


def test_a_series_is_found_in_any_later_window(events):
    event = events.insert(WEEKLY)
    ended = events.insert({**WEEKLY, "recurrence": ["RRULE:FREQ=DAILY;UNTIL=20260801T000000Z"]})
    assert ids(events.list(timeMin="2030-01-01T00:00:00Z")) == [event["id"]]
    assert ids(events.list(timeMin="2026-07-01T00:00:00Z")) == [event["id"], ended["id"]]


def test_an_empty_window_is_a_400(events, refusal):
    window = {"timeMin": "2026-06-02T10:00:00Z", "timeMax": "2026-06-02T10:00:00Z"}
    assert refusal(events.list, **window) == (400, "timeRangeEmpty")
    assert refusal(events.list, timeMin="2026-06-02") == (400, "badRequest")


def test_updated_min_includes_what_was_deleted_since(events, five, world):
    world.set_clock_offset(timedelta(hours=2).total_seconds())
    since = (world.now() - timedelta(hours=1)).isoformat()
    world.google_delete(ADA, five[0])
    world.google_edit(ADA, five[1], summary="Changed")
    assert ids(events.list(updatedMin=since)) == five[:2]


def test_updated_min_reaches_back_four_weeks(events, world, refusal):
    long_ago = (world.now() - timedelta(days=29)).isoformat()
    assert refusal(events.list, updatedMin=long_ago) == (410, "updatedMinTooLongAgo")


def test_events_are_found_by_private_property_type_text_and_uid(events, five):
    marked = events.insert({**TIMED, "extendedProperties": {"private": {"key": "a=b"}}})
    focus = events.insert({**TIMED, "summary": "Deep work", "eventType": "focusTime"})
    assert ids(events.list(privateExtendedProperty="key=a=b")) == [marked["id"]]
    assert ids(events.list(privateExtendedProperty="key=a")) == []
    assert ids(events.list(eventTypes=["focusTime"])) == [focus["id"]]
    assert len(ids(events.list(eventTypes=["focusTime", "default"]))) == 7
    assert ids(events.list(q="deep WORK")) == [focus["id"]]
    assert ids(events.list(iCalUID=marked["iCalUID"])) == [marked["id"]]


def test_events_can_be_ordered_by_their_last_change(events, five, world):
    world.set_clock_offset(1)
    world.google_edit(ADA, five[0], summary="Newest")
    pages = all_pages(events, orderBy="updated", maxResults=2)
    assert [each for page in pages for each in ids(page)] == [*five[1:], five[0]]


@pytest.mark.parametrize(
    "parameters",
    [
        {"singleEvents": True},
        {"orderBy": "startTime"},
        {"maxResults": 0},
        {"privateExtendedProperty": "nothing"},
        {"timeZone": "Mars/Base"},
    ],
)
def test_a_query_google_refuses_is_a_400(parameters, events, five, refusal):
    assert refusal(events.list, **parameters)[0] == 400


def test_times_can_be_listed_in_another_zone(events):
    events.insert()
    shown = events.list(timeZone="UTC")["items"][0]["start"]
    assert shown == {"dateTime": "2026-06-01T09:00:00Z", "timeZone": "Europe/Zurich"}


def test_a_person_with_a_day_and_an_hour(world, events):
    world.google_create(ADA, summary="Day", start=date(2026, 6, 1))
    assert events.list()["items"][0]["start"] == {"date": "2026-06-01"}
