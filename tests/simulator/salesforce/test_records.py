from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.simulator.conftest import ADA, BEN, EVE, ROOT, nine
from tests.simulator.salesforce.conftest import ALL_DAY, TIMED


def times(row):
    return {
        name: row[name]
        for name in ("StartDateTime", "EndDateTime", "DurationInMinutes", "ActivityDate")
    }


def test_a_created_event_can_be_read_with_what_salesforce_adds(table, world):
    answer = table.create(TIMED)
    assert answer == {"id": answer["id"], "success": True, "errors": []}
    assert len(answer["id"]) == 18
    row = table.get(answer["id"])
    assert times(row) == {
        "StartDateTime": "2026-06-01T09:00:00.000+0000",
        "EndDateTime": "2026-06-01T10:00:00.000+0000",
        "DurationInMinutes": 60,
        "ActivityDate": "2026-06-01",
    }
    assert row["OwnerId"] == row["CreatedById"] == world.person(ADA).salesforce.id
    assert (row["ShowAs"], row["IsAllDayEvent"], row["IsChild"]) == ("Busy", False, False)
    assert table.get(answer["id"][:15])["Id"] == answer["id"]


def test_chosen_fields_can_be_read(table):
    record_id = table.create(TIMED)["id"]
    row = table.get(record_id, params={"fields": "subject,OwnerId"})
    assert row.keys() == {"attributes", "Subject", "OwnerId"}


def test_a_duration_does_as_well_as_an_end(table):
    body = {"StartDateTime": "2026-06-01T09:00:00Z", "DurationInMinutes": 30}
    row = table.get(table.create(body)["id"])
    assert row["EndDateTime"] == "2026-06-01T09:30:00.000+0000"


def test_an_offset_is_turned_into_utc(table):
    body = {**TIMED, "StartDateTime": "2026-06-01T11:30:00+02:00"}
    row = table.get(table.create(body)["id"])
    assert row["StartDateTime"] == "2026-06-01T09:30:00.000+0000"
    assert row["DurationInMinutes"] == 30


def test_an_all_day_event_is_its_date_and_lasts_a_day(table):
    row = table.get(table.create(ALL_DAY)["id"])
    assert times(row) == {
        "StartDateTime": "2026-06-01T00:00:00.000+0000",
        "EndDateTime": "2026-06-01T00:00:00.000+0000",
        "DurationInMinutes": 1440,
        "ActivityDate": "2026-06-01",
    }
    assert row["ActivityDateTime"] is None


def test_an_all_day_end_names_the_last_day(table, world):
    world.set_limits("acme", multiday_events=True)
    row = table.get(table.create({**ALL_DAY, "EndDateTime": "2026-06-03T00:00:00Z"})["id"])
    assert row["DurationInMinutes"] == 3 * 1440
    assert row["EndDateTime"] == "2026-06-03T00:00:00.000+0000"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"StartDateTime": None}, "REQUIRED_FIELD_MISSING"),
        ({"EndDateTime": None}, "REQUIRED_FIELD_MISSING"),
        ({"IsAllDayEvent": True, "StartDateTime": None}, "REQUIRED_FIELD_MISSING"),
        ({"DurationInMinutes": 59}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"ActivityDate": "2026-06-02"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"EndDateTime": "2026-06-01T08:59:00Z"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"EndDateTime": "2026-06-02T09:01:00Z"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"EndDateTime": None, "DurationInMinutes": -1}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"Subject": "x" * 256}, "STRING_TOO_LONG"),
        ({"Location": "x" * 256}, "STRING_TOO_LONG"),
        ({"Description": "x" * 32001}, "STRING_TOO_LONG"),
        ({"ShowAs": "Maybe"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ({"OwnerId": "005000000000000"}, "INVALID_CROSS_REFERENCE_KEY"),
        ({"OwnerId": "nobody"}, "MALFORMED_ID"),
        ({"Colour": "red"}, "INVALID_FIELD"),
        ({"SystemModstamp": "2026-06-01T09:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"Recurrence2PatternText": "RRULE:FREQ=DAILY"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"StartDateTime": "tomorrow"}, "JSON_PARSER_ERROR"),
        ({"IsPrivate": "perhaps"}, "JSON_PARSER_ERROR"),
        ({"DurationInMinutes": "an hour"}, "JSON_PARSER_ERROR"),
        ({"Subject": ["list"]}, "JSON_PARSER_ERROR"),
    ],
)
def test_a_bad_event_is_a_400_and_leaves_nothing(change, code, table, refusal, world):
    assert refusal(table.create, {**TIMED, **change}) == (400, code)
    assert world.salesforce_events(ADA) == []


def test_the_longest_values_fit(table):
    body = {"Subject": "x" * 255, "Description": "x" * 32000, "ShowAs": "OutOfOffice"}
    row = table.get(table.create({**TIMED, **body})["id"])
    assert (len(row["Subject"]), len(row["Description"])) == (255, 32000)


@pytest.mark.parametrize(("minutes", "fits"), [(0, True), (1440, True), (1441, False)])
def test_a_day_is_the_longest_event(minutes, fits, table, refusal):
    body = {"StartDateTime": "2026-06-01T09:00:00Z", "DurationInMinutes": minutes}
    if fits:
        table.create(body)
    else:
        assert refusal(table.create, body)[1] == "FIELD_INTEGRITY_EXCEPTION"


@pytest.mark.parametrize(("days", "fits"), [(14, True), (15, False)])
def test_with_multiday_events_a_fortnight_is(days, fits, table, refusal, world):
    world.set_limits("acme", multiday_events=True)
    body = {"StartDateTime": "2026-06-01T09:00:00Z", "DurationInMinutes": days * 1440}
    if fits:
        table.create(body)
    else:
        assert refusal(table.create, body)[1] == "FIELD_INTEGRITY_EXCEPTION"


def test_a_start_moved_alone_takes_the_end_along(table):
    record_id = table.create(TIMED)["id"]
    table.update(record_id, {"StartDateTime": "2026-06-02T09:00:00Z"})
    assert table.get(record_id)["EndDateTime"] == "2026-06-02T10:00:00.000+0000"
    table.update(record_id, {"EndDateTime": "2026-06-02T12:00:00Z"})
    assert table.get(record_id)["DurationInMinutes"] == 180


def test_timed_turns_all_day_and_back(table, refusal):
    record_id = table.create(TIMED)["id"]
    table.update(record_id, ALL_DAY)
    assert table.get(record_id)["DurationInMinutes"] == 1440
    assert refusal(table.update, record_id, {"IsAllDayEvent": False})[0] == 400
    table.update(record_id, {**TIMED, "IsAllDayEvent": False})
    assert table.get(record_id)["DurationInMinutes"] == 60


def test_a_change_moves_the_stamps(table, world):
    record_id = table.create(TIMED)["id"]
    world.set_clock_offset(5)
    before = table.get(record_id)
    table.update(record_id, {"Subject": "Other", "Location": ""})
    after = table.get(record_id)
    for name in ("SystemModstamp", "LastModifiedDate"):
        assert after[name] > before[name]
    assert after["CreatedDate"] == before["CreatedDate"]
    assert (after["Subject"], after["Location"]) == ("Other", None)


def test_a_system_change_moves_system_modstamp_only(table, world):
    record_id = table.create(TIMED)["id"]
    before = table.get(record_id)
    world.set_clock_offset(5)
    world.salesforce_touch(ADA, record_id)
    after = table.get(record_id)
    assert after["SystemModstamp"] > before["SystemModstamp"]
    assert after["LastModifiedDate"] == before["LastModifiedDate"]


def test_stamps_of_one_second_are_the_same(table, world):
    second = datetime(2026, 6, 1, 12, tzinfo=UTC)
    ticks = iter(range(1000))
    world.clock = lambda: second + timedelta(milliseconds=next(ticks))
    rows = [world.salesforce_create(ADA, Subject=str(n), **half_hour()) for n in range(3)]
    assert {row["SystemModstamp"] for row in rows} == {"2026-06-01T12:00:00.000+0000"}


def half_hour():
    return {"StartDateTime": nine(), "DurationInMinutes": 30}


def test_a_deleted_event_is_gone_and_says_so(table, refusal, world):
    record_id = table.create(TIMED)["id"]
    assert table.delete(record_id) == 204
    for call in (table.get, table.delete):
        assert refusal(call, record_id) == (404, "ENTITY_IS_DELETED")
    assert refusal(table.update, record_id, {"Subject": "x"}) == (404, "ENTITY_IS_DELETED")
    assert world.salesforce_events(ADA) == []
    assert world.salesforce_events(ADA, deleted=True)[0]["IsDeleted"] is True


def test_an_unknown_event_is_a_404(table, refusal):
    assert refusal(table.get, "00U000000000000AAA") == (404, "NOT_FOUND")


def test_a_user_sees_only_their_own_an_admin_everybodys(salesforce_of, refusal, world):
    record_id = salesforce_of(ADA).Event.create(TIMED)["id"]
    assert refusal(salesforce_of(BEN).Event.get, record_id) == (404, "NOT_FOUND")
    admin = salesforce_of(ROOT).Event
    admin.update(record_id, {"Subject": "By the admin"})
    row = admin.get(record_id)
    assert row["OwnerId"] == world.person(ADA).salesforce.id
    assert row["LastModifiedById"] == world.person(ROOT).salesforce.id


def test_shared_calendars_show_what_is_not_private(salesforce_of, refusal, world):
    world.organization("acme").calendar_sharing = "read"
    ada, ben = salesforce_of(ADA).Event, salesforce_of(BEN).Event
    shared = ada.create(TIMED)["id"]
    private = ada.create({**TIMED, "IsPrivate": True})["id"]
    assert ben.get(shared)["Subject"] == "Planning"
    assert refusal(ben.update, shared, {"Subject": "x"})[1] == "INSUFFICIENT_ACCESS_OR_READONLY"
    assert refusal(ben.delete, shared)[1] == "INSUFFICIENT_ACCESS_OR_READONLY"
    assert refusal(ben.get, private) == (404, "NOT_FOUND")


def test_an_organization_does_not_see_anothers(salesforce_of, refusal):
    record_id = salesforce_of(EVE).Event.create(TIMED)["id"]
    assert refusal(salesforce_of(ROOT).Event.get, record_id) == (404, "NOT_FOUND")


def test_only_an_admin_gives_events_to_others(salesforce_of, refusal, world):
    ben_id = world.person(BEN).salesforce.id
    body = {**TIMED, "OwnerId": ben_id}
    assert refusal(salesforce_of(ADA).Event.create, body)[1] == "INSUFFICIENT_ACCESS_OR_READONLY"
    salesforce_of(ROOT).Event.create(body)
    assert len(world.salesforce_events(BEN)) == 1
    world.salesforce_set_user(BEN, active=False)
    assert refusal(salesforce_of(ROOT).Event.create, body)[1] == "INACTIVE_OWNER_OR_USER"


def test_if_unmodified_since_guards_a_change(table, world, refusal):
    record_id = table.create(TIMED)["id"]
    read_at = {"If-Unmodified-Since": format_datetime(world.now(), usegmt=True)}
    table.update(record_id, {"Subject": "Mine"}, headers=read_at)
    world.set_clock_offset(10)
    world.salesforce_edit(ADA, record_id, Subject="By hand")
    assert refusal(table.update, record_id, {"Subject": "Lost"}, headers=read_at)[0] == 412
    assert world.salesforce_events(ADA)[0]["Subject"] == "By hand"


def test_a_header_that_is_no_date_is_a_400(table, refusal):
    record_id = table.create(TIMED)["id"]
    headers = {"If-Unmodified-Since": "yesterday"}
    assert refusal(table.update, record_id, {"Subject": "x"}, headers=headers)[0] == 400


def test_a_body_that_is_no_object_is_a_400(table, refusal, ada_salesforce):
    path = "sobjects/Event"
    for body in (b"{", b"[]"):
        assert refusal(ada_salesforce.restful, path, method="POST", data=body) == (
            400,
            "JSON_PARSER_ERROR",
        )


def test_a_user_edits_by_hand_what_the_api_only_reads(world):
    row = world.salesforce_create(
        ADA,
        Subject="Series",
        Recurrence2PatternText="RRULE:FREQ=DAILY",
        IsChild=True,
        **half_hour(),
    )
    assert row["Recurrence2PatternText"] == "RRULE:FREQ=DAILY"
    edited = world.salesforce_edit(ADA, row["Id"], by=ROOT, Subject="By the admin")
    assert edited["LastModifiedById"] == world.person(ROOT).salesforce.id
    world.salesforce_delete(ADA, row["Id"])
    assert world.salesforce_events(ADA) == []


def test_a_custom_field_is_there_only_where_it_was_made(table, refusal, world, salesforce_of):
    world.organization("globex").custom_fields = ("Room__c",)
    assert refusal(table.create, {**TIMED, "Room__c": "A"})[1] == "INVALID_FIELD"
    eve = salesforce_of(EVE).Event
    assert eve.get(eve.create({**TIMED, "Room__c": "A"})["id"])["Room__c"] == "A"
    names = {field["name"] for field in eve.describe()["fields"]}
    assert "Room__c" in names
    assert "SyncCenter_Key__c" not in names


def test_a_user_can_be_read(ada_salesforce, world, refusal):
    row = ada_salesforce.User.get(world.person(BEN).salesforce.id)
    assert (row["Email"], row["IsActive"], row["LastName"]) == (BEN, True, "Bitdiddle")
    eve = world.person(EVE).salesforce.id
    assert refusal(ada_salesforce.User.get, eve) == (404, "NOT_FOUND")
