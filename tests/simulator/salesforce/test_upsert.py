from __future__ import annotations

import pytest
from simple_salesforce.exceptions import SalesforceMoreThanOneRecord

from tests.simulator.conftest import ADA, BEN
from tests.simulator.salesforce.conftest import KEY, TIMED


def test_an_upsert_creates_then_changes(table, world):
    first = table.upsert(f"{KEY}/abc", TIMED, raw_response=True)
    assert first.status_code == 201
    assert first.json()["created"] is True
    second = table.upsert(f"{KEY}/abc", {"Subject": "Other"}, raw_response=True)
    assert second.status_code == 200
    assert second.json() == {
        "id": first.json()["id"],
        "success": True,
        "errors": [],
        "created": False,
    }
    row = world.salesforce_events(ADA)[0]
    assert (row["Subject"], row[KEY]) == ("Other", "abc")


def test_an_old_version_of_the_api_answers_204_without_a_body(salesforce_of):
    table = salesforce_of(ADA, version="45.0").Event
    assert table.upsert(f"{KEY}/abc", TIMED) == 201
    assert table.upsert(f"{KEY}/abc", TIMED) == 204


def test_if_unmodified_since_guards_an_upsert(table, world, refusal):
    table.upsert(f"{KEY}/abc", TIMED)
    headers = {"If-Unmodified-Since": "Mon, 01 Jun 2020 00:00:00 GMT"}
    assert refusal(table.upsert, f"{KEY}/abc", {"Subject": "x"}, headers=headers)[0] == 412
    assert world.salesforce_events(ADA)[0]["Subject"] == "Planning"


def test_a_key_may_hold_any_sign(table, world):
    table.upsert(f"{KEY}/a%2Fb%3Fc", TIMED)
    assert world.salesforce_events(ADA)[0][KEY] == "a/b?c"
    assert table.get_by_custom_id(KEY, "a/b?c")["Subject"] == "Planning"


def test_a_key_ignores_case(table, world):
    table.upsert(f"{KEY}/abc", TIMED)
    table.upsert(f"{KEY}/ABC", TIMED)
    assert len(world.salesforce_events(ADA)) == 1


def test_several_with_one_key_are_a_choice(table, world):
    table.upsert(f"{KEY}/abc", TIMED)
    copy = world.salesforce_events(ADA)[0]
    world.salesforce_create(
        ADA,
        Subject="Copy",
        **{KEY: "abc", "StartDateTime": copy["StartDateTime"], "DurationInMinutes": 5},
    )
    with pytest.raises(SalesforceMoreThanOneRecord) as caught:
        table.upsert(f"{KEY}/abc", TIMED)
    assert len(caught.value.content) == 2
    with pytest.raises(SalesforceMoreThanOneRecord):
        table.get_by_custom_id(KEY, "abc")


def test_a_deleted_event_frees_its_key(table, world):
    table.upsert(f"{KEY}/abc", TIMED)
    world.salesforce_delete(ADA, world.salesforce_events(ADA)[0]["Id"])
    assert table.upsert(f"{KEY}/abc", TIMED) == 201


def test_a_changed_key_is_found_anew(table, world, refusal):
    table.upsert(f"{KEY}/abc", TIMED)
    world.salesforce_edit(ADA, world.salesforce_events(ADA)[0]["Id"], **{KEY: "xyz"})
    assert refusal(table.get_by_custom_id, KEY, "abc") == (404, "NOT_FOUND")
    assert table.get_by_custom_id(KEY, "xyz")["Subject"] == "Planning"


def test_the_key_must_not_be_in_the_body(table, refusal):
    assert refusal(table.upsert, f"{KEY}/abc", {**TIMED, KEY: "abc"}) == (400, "INVALID_FIELD")


def test_a_field_that_is_no_key_is_a_404(table, refusal):
    assert refusal(table.upsert, "Subject/abc", TIMED) == (404, "NOT_FOUND")


def test_a_bad_upsert_leaves_nothing(table, refusal, world):
    assert refusal(table.upsert, f"{KEY}/abc", {"Subject": "No time"})[0] == 400
    assert world.salesforce_events(ADA) == []


def test_anothers_key_is_not_found(salesforce_of, world):
    salesforce_of(BEN).Event.upsert(f"{KEY}/abc", TIMED)
    assert salesforce_of(ADA).Event.upsert(f"{KEY}/abc", TIMED) == 201
    assert len(world.salesforce_events(ADA)) == len(world.salesforce_events(BEN)) == 1


def test_where_keys_are_unique_a_second_one_is_refused(salesforce_of, world, refusal):
    world.organization("acme").unique_key = True
    salesforce_of(BEN).Event.upsert(f"{KEY}/abc", TIMED)
    ada = salesforce_of(ADA).Event
    assert refusal(ada.upsert, f"{KEY}/abc", TIMED) == (400, "DUPLICATE_VALUE")
    own = ada.create({**TIMED, KEY: "mine"})["id"]
    ada.update(own, {KEY: "mine", "Subject": "Same key again"})
    assert refusal(ada.update, own, {KEY: "abc"}) == (400, "DUPLICATE_VALUE")


def test_an_event_can_be_deleted_by_key(table, world, refusal):
    table.upsert(f"{KEY}/abc", TIMED)
    assert table.delete(f"{KEY}/abc") == 204
    assert world.salesforce_events(ADA) == []
    assert refusal(table.delete, f"{KEY}/abc") == (404, "NOT_FOUND")
