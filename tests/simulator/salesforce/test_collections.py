from __future__ import annotations

import pytest

from tests.simulator.conftest import ADA, BEN
from tests.simulator.salesforce.conftest import KEY, TIMED

TYPE = {"attributes": {"type": "Event"}}
PATH = "composite/sobjects"


@pytest.fixture
def many(ada_salesforce):
    """Send a collection; `path` follows `composite/sobjects`."""

    def send(method, records, path="", all_or_none=False):
        body = {"allOrNone": all_or_none, "records": [TYPE | record for record in records]}
        return ada_salesforce.restful(PATH + path, method=method, json=body)

    return send


def codes(results):
    return [result["errors"][0]["statusCode"] if result["errors"] else None for result in results]


def subjects(world):
    return [row["Subject"] for row in world.salesforce_events(ADA)]


def test_each_record_has_a_result_in_order(many, world):
    results = many("POST", [TIMED, {"Subject": "No time"}, {**TIMED, "Subject": "Third"}])
    assert [result["success"] for result in results] == [True, False, True]
    assert codes(results) == [None, "REQUIRED_FIELD_MISSING", None]
    assert results[1]["errors"][0]["fields"] == ["StartDateTime"]
    assert subjects(world) == ["Planning", "Third"]


def test_all_or_none_keeps_nothing_when_one_fails(many, world):
    results = many("POST", [TIMED, {"Subject": "No time"}], all_or_none=True)
    assert codes(results) == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
    assert subjects(world) == []
    assert codes(many("POST", [TIMED, TIMED], all_or_none=True)) == [None, None]


def test_many_are_changed_by_id(many, table, world):
    ids = [table.create(TIMED)["id"] for _ in range(2)]
    changes = [{"id": ids[0], "Subject": "A"}, {"Id": ids[1], "Subject": "B"}, {"Subject": "C"}]
    assert codes(many("PATCH", changes)) == [None, None, "MISSING_ARGUMENT"]
    assert subjects(world) == ["A", "B"]
    unknown = {"id": "00U000000000000AAA", "Subject": "D"}
    assert codes(many("PATCH", [unknown])) == ["NOT_FOUND"]


def test_many_are_upserted_by_key(many, world):
    path = f"/Event/{KEY}"
    first = many("PATCH", [{**TIMED, KEY: "a"}, {**TIMED, KEY: "b"}], path)
    assert [result["created"] for result in first] == [True, True]
    second = many("PATCH", [{KEY: "b", "Subject": "B"}, {**TIMED, KEY: "c"}, TIMED], path)
    assert [result.get("created") for result in second] == [False, True, None]
    assert codes(second) == [None, None, "MISSING_ARGUMENT"]
    assert subjects(world) == ["Planning", "B", "Planning"]


def test_a_key_stands_once_in_a_collection(many, world):
    results = many("PATCH", [{**TIMED, KEY: "a"}, {**TIMED, KEY: "a"}], f"/Event/{KEY}")
    assert codes(results) == [None, "DUPLICATE_VALUE"]
    assert len(subjects(world)) == 1


def test_a_key_of_several_events_is_refused(many, world):
    for _ in range(2):
        world.salesforce_create(ADA, **TIMED, **{KEY: "a"})
    results = many("PATCH", [{**TIMED, KEY: "a"}], f"/Event/{KEY}")
    assert codes(results) == ["DUPLICATE_EXTERNAL_ID"]


def test_many_are_deleted_by_id(ada_salesforce, table, world):
    ids = [table.create(TIMED)["id"] for _ in range(3)]
    table.delete(ids[1])
    params = {"ids": ",".join(ids), "allOrNone": "true"}
    results = ada_salesforce.restful(PATH, method="DELETE", params=params)
    assert codes(results)[1] == "ENTITY_IS_DELETED"
    assert len(world.salesforce_events(ADA)) == 2
    results = ada_salesforce.restful(PATH, method="DELETE", params={"ids": ",".join(ids)})
    assert codes(results) == [None, "ENTITY_IS_DELETED", None]
    assert world.salesforce_events(ADA) == []


def test_others_events_are_out_of_reach(many, world):
    row = world.salesforce_create(BEN, **TIMED)
    assert codes(many("PATCH", [{"id": row["Id"], "Subject": "Mine"}])) == ["NOT_FOUND"]


def test_more_than_two_hundred_are_refused(many, refusal, ada_salesforce):
    assert refusal(many, "POST", [TIMED] * 201)[0] == 400
    assert len(many("POST", [TIMED] * 200)) == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "JSON_PARSER_ERROR"),
        ({"records": [1]}, "JSON_PARSER_ERROR"),
        ({"records": [{"Subject": "No type"}]}, "INVALID_TYPE"),
        ({"records": [{"attributes": {"type": "Task"}}]}, "INVALID_TYPE"),
    ],
)
def test_a_body_that_is_no_collection_is_a_400(body, code, ada_salesforce, refusal):
    assert refusal(ada_salesforce.restful, PATH, method="POST", json=body) == (400, code)


def test_upsert_needs_a_key_field(many, refusal):
    assert refusal(many, "PATCH", [TIMED], "/Event/Subject") == (404, "NOT_FOUND")


def test_deleting_nothing_is_a_400(ada_salesforce, refusal):
    assert refusal(ada_salesforce.restful, PATH, method="DELETE") == (400, "MISSING_ARGUMENT")
