"""The canonical content of an event, and its forms at Google and Salesforce."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from syncing.engine.content import (
    FIELDS,
    AllDay,
    Base,
    EventContent,
    ShowAs,
    Timed,
    base_from_json,
    base_to_json,
    clean_text,
    content_from_json,
    content_to_json,
)
from syncing.engine.fitting import (
    GOOGLE_DESCRIPTION,
    SALESFORCE_DESCRIPTION,
    SALESFORCE_TITLE,
    fits_salesforce,
    for_google,
    for_salesforce,
)
from syncing.engine.google_form import google_event, google_observed, google_patch
from syncing.engine.observed import Excluded, Present, Private
from syncing.engine.plain_text import as_markup, as_plain_text
from syncing.engine.salesforce_form import salesforce_observed, salesforce_record
from tests.syncing.strategies import ZONES, contents, instants, plain_texts, tried, whens

OWNER = "005000000000001AAA"
ALL = frozenset(FIELDS)


def stored_by_google(body: dict[str, Any], zone: str) -> dict[str, Any]:
    """What Google shows of an inserted event: times in the calendar's zone, defaults left out."""
    item = {**body, "etag": '"1"', "status": "confirmed", "eventType": "default"}
    for name in ("start", "end"):
        if "dateTime" in body[name]:
            instant = datetime.fromisoformat(body[name]["dateTime"]).astimezone(ZoneInfo(zone))
            item[name] = {"dateTime": instant.isoformat(), "timeZone": zone}
    return item


def stored_by_salesforce(body: dict[str, Any]) -> dict[str, Any]:
    """What Salesforce shows of a created record."""
    record = {
        "Id": "00U000000000001AAA",
        "SystemModstamp": "2026-11-20T12:00:00.000+0000",
        "OwnerId": OWNER,
        **dict.fromkeys(("IsChild", "IsPrivate", "IsRecurrence", "IsRecurrence2"), False),
        **dict.fromkeys(("StartDateTime", "EndDateTime", "ActivityDate")),
        **body,
    }
    if record["IsAllDayEvent"]:
        record["StartDateTime"] = f"{record['ActivityDate']}T00:00:00.000+0000"
    else:
        start = datetime.fromisoformat(record["StartDateTime"])
        end = start + timedelta(minutes=record["DurationInMinutes"])
        record["EndDateTime"] = end.isoformat()[:19] + ".000+0000"
        record["ActivityDate"] = start.date().isoformat()
    return record


def read_google(item: dict[str, Any]) -> EventContent:
    seen = google_observed(item)
    assert isinstance(seen, Present)
    return seen.content


def read_salesforce(record: dict[str, Any]) -> EventContent:
    seen = salesforce_observed(record, OWNER)
    assert isinstance(seen, Present)
    return seen.content


@tried(content=contents(), calendar_zone=ZONES, person_zone=ZONES)
def test_a_content_comes_back_from_google_as_it_was_sent(
    content: EventContent, calendar_zone: str, person_zone: str
) -> None:
    sent = for_google(content)
    body = google_event(sent, event_id="abcde", key="00U", zone=person_zone)
    assert read_google(stored_by_google(body, calendar_zone)) == sent


@tried(content=contents())
def test_a_content_comes_back_from_salesforce_as_it_was_sent(content: EventContent) -> None:
    sent = for_salesforce(content)
    if fits_salesforce(sent):
        assert read_salesforce(stored_by_salesforce(salesforce_record(sent, ALL))) == sent


@tried(content=contents(), zone=ZONES)
def test_salesforce_to_google_and_back_keeps_everything_both_can_hold(
    content: EventContent, zone: str
) -> None:
    origin = for_salesforce(content)
    there = google_event(for_google(origin), event_id="abcde", key="00U", zone=zone)
    back = for_salesforce(read_google(stored_by_google(there, zone)))
    assert back.when == origin.when
    assert (back.title, back.location) == (origin.title, origin.location)
    assert back.description == origin.description
    assert (back.show_as is ShowAs.FREE) == (origin.show_as is ShowAs.FREE)


@tried(content=contents())
def test_what_a_side_can_hold_is_left_as_it_is_the_second_time(content: EventContent) -> None:
    for fit in (for_salesforce, for_google):
        if fit is for_google and "&" in fit(content).description:
            continue  # escaping is undone on the way back, never done twice
        assert fit(fit(content)) == fit(content)


@tried(content=contents())
def test_a_stored_content_is_read_as_it_was(content: EventContent) -> None:
    assert content_from_json(content_to_json(content)) == content
    base = Base(google=content, salesforce=for_salesforce(content))
    assert base_from_json(base_to_json(base)) == base


@tried(text=plain_texts())
def test_plain_text_survives_the_trip_through_markup(text: str) -> None:
    clean = clean_text(text)
    assert as_plain_text(as_markup(clean)) == clean


@tried(start=instants(), zone=ZONES)
def test_a_google_time_with_a_zone_and_no_offset_is_read_in_that_zone(
    start: datetime, zone: str
) -> None:
    local = start.astimezone(ZoneInfo(zone)).replace(fold=0)
    value = {"dateTime": local.replace(tzinfo=None).isoformat(), "timeZone": zone}
    item = {"id": "abcde", "start": value, "end": value}
    assert read_google(item).when == Timed(local.astimezone(UTC), local.astimezone(UTC))


@tried(when=whens(), was=whens(), zone=ZONES)
def test_a_patch_of_the_time_leaves_just_that_time(when: Any, was: Any, zone: str) -> None:
    """Patches merge: what the other kind of time left behind has to be taken away."""
    before = google_event(EventContent(was), event_id="abcde", key="00U", zone=zone)
    patch = google_patch(EventContent(when), frozenset({"when"}), zone=zone, was=was)
    merged = {
        name: {k: v for k, v in (before[name] | patch[name]).items() if v is not None}
        for name in ("start", "end")
    }
    assert ("date" in merged["start"]) != ("dateTime" in merged["start"])
    assert read_google({"id": "abcde", **merged}).when == when


def test_a_timed_event_keeps_its_own_zone_when_it_moves() -> None:
    moved = EventContent(
        Timed(datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 3, 29, 2, tzinfo=UTC))
    )
    patch = google_patch(moved, frozenset({"when"}), zone="Asia/Tokyo", was=moved.when)
    assert patch["start"] == {"dateTime": "2026-03-29T01:00:00Z"}


@pytest.mark.parametrize("zone", ["Pacific/Pago_Pago", "UTC", "Pacific/Kiritimati"])
def test_an_all_day_event_stays_on_its_dates_in_every_zone(zone: str) -> None:
    days = EventContent(AllDay(date(2026, 2, 28), date(2026, 3, 1)))
    body = google_event(days, event_id="abcde", key="00U", zone=zone)
    assert (body["start"], body["end"]) == ({"date": "2026-02-28"}, {"date": "2026-03-02"})
    record = salesforce_record(days, ALL)
    assert (record["ActivityDate"], record["DurationInMinutes"]) == ("2026-02-28", 2880)
    assert read_salesforce(stored_by_salesforce(record)).when == days.when


def test_salesforce_says_all_day_for_one_day_without_a_length() -> None:
    record = stored_by_salesforce(
        salesforce_record(EventContent(AllDay(date(2026, 2, 28), date(2026, 2, 28))), ALL)
    )
    assert read_salesforce(record | {"DurationInMinutes": None}).when == AllDay(
        date(2026, 2, 28), date(2026, 2, 28)
    )


def test_long_texts_are_shortened_by_the_units_the_vendors_count() -> None:
    wide = EventContent(
        AllDay(date(2026, 1, 1), date(2026, 1, 1)), title="𝄞" * 200, description="𝄞" * 20_000
    )
    fitted = for_salesforce(wide)
    assert len(fitted.title.encode("utf-16-le")) // 2 == SALESFORCE_TITLE - 1
    assert len(fitted.description.encode("utf-16-le")) // 2 == SALESFORCE_DESCRIPTION
    assert len(for_google(wide).description.encode("utf-16-le")) // 2 == GOOGLE_DESCRIPTION


def test_html_is_read_as_what_a_person_sees() -> None:
    html = (
        "Agenda:<br><ul><li>One</li><li>Two &amp; three</li></ul>"
        '<a href="https://meet.example/abc">Join</a><script>alert(1)</script>'
    )
    assert as_plain_text(html) == "Agenda:\n\n- One\n- Two & three\nJoin (https://meet.example/abc)"


@pytest.mark.parametrize("visibility", ["private", "confidential"])
def test_a_private_google_event_is_not_read_further(visibility: str) -> None:
    item = {"id": "abcde", "visibility": visibility, "summary": "canary", "etag": '"1"'}
    assert google_observed(item) == Private('"1"')


@pytest.mark.parametrize(
    "more",
    [
        {"recurrence": ["RRULE:FREQ=DAILY"]},
        {"recurringEventId": "master", "status": "cancelled"},
        {"eventType": "focusTime"},
        {"start": {"date": "no date"}},
        {"start": {}},
    ],
)
def test_what_is_not_synced_is_excluded(more: dict[str, Any]) -> None:
    day = {"date": "2026-01-01"}
    assert isinstance(google_observed({"id": "abcde", "start": day, "end": day} | more), Excluded)


@pytest.mark.parametrize(
    "more",
    [
        *({"IsChild": True}, {"IsRecurrence": True}, {"IsRecurrence2": True}),
        *({"OwnerId": "005000000000002AAA"}, {"ActivityDate": "never"}),
    ],
)
def test_a_salesforce_record_of_another_kind_is_excluded(more: dict[str, Any]) -> None:
    day = EventContent(AllDay(date(2026, 1, 1), date(2026, 1, 1)))
    record = stored_by_salesforce(salesforce_record(day, ALL)) | more
    assert isinstance(salesforce_observed(record, OWNER), Excluded)


def test_text_a_database_refuses_is_cleaned() -> None:
    assert clean_text(" a\x00b\ud800c\r\nd\re \n") == "abc\nd\ne"
    assert clean_text(None) == ""
