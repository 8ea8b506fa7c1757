from __future__ import annotations

from datetime import UTC, datetime

import pytest
from simple_salesforce import format_soql

from tests.simulator.conftest import ADA, BEN, EVE, ROOT
from tests.simulator.salesforce.conftest import KEY, TIMED


@pytest.fixture
def frozen(world):
    """A clock that stands still, so that stamps are equal."""
    world.clock = lambda: datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def five(world, frozen):
    """Five events of Ada's with one stamp; their ids."""
    return [world.salesforce_create(ADA, **TIMED | {"Subject": f"E{n}"})["Id"] for n in range(5)]


def subjects(answer):
    return [row["Subject"] for row in answer["records"]]


def test_a_record_has_its_address_and_the_fields_asked_for(ada_salesforce, five):
    answer = ada_salesforce.query("SELECT id, subject FROM event LIMIT 1")
    assert answer == {
        "totalSize": 1,
        "done": True,
        "records": [
            {
                "attributes": {
                    "type": "Event",
                    "url": f"/services/data/v59.0/sobjects/Event/{five[0]}",
                },
                "Id": five[0],
                "Subject": "E0",
            }
        ],
    }


def test_the_query_of_an_incremental_sync_reads_ties_again(ada_salesforce, five, world):
    query = "SELECT Id, Subject FROM Event WHERE SystemModstamp >= {} ORDER BY SystemModstamp, Id"
    mark = datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert len(subjects(ada_salesforce.query(format_soql(query, mark)))) == 5
    later = format_soql(query.replace(">=", ">"), mark)
    assert subjects(ada_salesforce.query(later)) == []
    world.set_clock_offset(1)
    world.salesforce_edit(ADA, five[3], Subject="Changed")
    assert subjects(ada_salesforce.query(later)) == ["Changed"]


def test_pages_follow_by_their_address(ada_salesforce, five, world):
    world.set_limits("acme", query_page_size=2)
    first = ada_salesforce.query("SELECT Subject FROM Event ORDER BY Id")
    assert (first["totalSize"], first["done"], len(first["records"])) == (5, False, 2)
    rest = ada_salesforce.query_all("SELECT Subject FROM Event ORDER BY Id DESC")
    assert subjects(rest) == ["E4", "E3", "E2", "E1", "E0"]
    second = ada_salesforce.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    assert subjects(second) == ["E2", "E3"]


def test_a_client_may_ask_for_smaller_pages(ada_salesforce, five):
    ada_salesforce.headers["Sforce-Query-Options"] = "batchSize=3"
    assert len(ada_salesforce.query("SELECT Id FROM Event")["records"]) == 3


def test_an_unknown_page_is_refused(ada_salesforce, refusal):
    assert refusal(ada_salesforce.query_more, "01g000") == (400, "INVALID_QUERY_LOCATOR")


def test_only_the_latest_cursors_are_kept(ada_salesforce, five, world, refusal):
    world.set_limits("acme", query_page_size=1)
    first = ada_salesforce.query("SELECT Id FROM Event")["nextRecordsUrl"]
    for _ in range(200):
        ada_salesforce.query("SELECT Id FROM Event")
    code = (400, "INVALID_QUERY_LOCATOR")
    assert refusal(ada_salesforce.query_more, first, identifier_is_url=True) == code


def test_rows_are_counted(ada_salesforce, five):
    answer = ada_salesforce.query("SELECT COUNT() FROM Event WHERE Subject > 'E2'")
    assert (answer["totalSize"], answer["records"]) == (2, [])


def test_limit_and_offset_cut_the_ordered_rows(ada_salesforce, five):
    query = "SELECT Subject FROM Event ORDER BY Subject DESC LIMIT 2 OFFSET 1"
    assert subjects(ada_salesforce.query(query)) == ["E3", "E2"]


def test_the_owners_name_comes_along(ada_salesforce, five):
    row = ada_salesforce.query("SELECT Owner.Name, LastModifiedBy.Email FROM Event")["records"][0]
    assert row["Owner"]["Name"] == "Ada Lovelace"
    assert row["LastModifiedBy"]["Email"] == ADA


def test_each_sees_their_own_and_the_admin_all(salesforce_of, five, world):
    world.salesforce_create(BEN, **TIMED)
    world.salesforce_create(EVE, **TIMED)
    query = "SELECT Id FROM Event"
    seen = {email: salesforce_of(email).query(query)["totalSize"] for email in (ADA, BEN, ROOT)}
    assert seen == {ADA: 5, BEN: 1, ROOT: 6}
    own = f"{query} WHERE OwnerId = '{world.person(BEN).salesforce.id[:15]}'"
    assert salesforce_of(ROOT).query(own)["totalSize"] == 1
    assert salesforce_of(ADA).query(own)["totalSize"] == 0


def test_shared_calendars_can_be_queried_but_for_private_rows(salesforce_of, five, world):
    world.organization("acme").calendar_sharing = "read"
    world.salesforce_edit(ADA, five[0], IsPrivate=True)
    assert salesforce_of(BEN).query("SELECT Id FROM Event")["totalSize"] == 4


def test_deleted_rows_are_for_query_all(ada_salesforce, five, world):
    world.salesforce_delete(ADA, five[0])
    query = "SELECT Subject, IsDeleted FROM Event ORDER BY Id"
    assert ada_salesforce.query(query)["totalSize"] == 4
    everything = ada_salesforce.query(query, include_deleted=True)["records"]
    assert [row["IsDeleted"] for row in everything] == [True, False, False, False, False]


def test_rows_are_found_by_key(ada_salesforce, world):
    for key in ("abc", "xyz", None):
        world.salesforce_create(ADA, **TIMED, **{KEY: key})
    query = f"SELECT {KEY} FROM Event WHERE {KEY} IN ('ABC', 'nothing')"
    assert [row[KEY] for row in ada_salesforce.query(query)["records"]] == ["abc"]
    query = f"SELECT Id FROM Event WHERE {KEY} != null"
    assert ada_salesforce.query(query)["totalSize"] == 2


def test_users_of_the_organization_can_be_queried(ada_salesforce, world):
    world.salesforce_set_user(BEN, active=False)
    query = "SELECT Id, Email, IsActive FROM User WHERE IsActive = true ORDER BY Email"
    assert [row["Email"] for row in ada_salesforce.query(query)["records"]] == [ADA, ROOT]


@pytest.mark.parametrize("where", ["Id = '{id}'", "Id = '{id15}'", "Username = '{name}'"])
def test_one_user_is_found_by_id_or_name(where, ada_salesforce, world):
    for email, count in ((BEN, 1), (EVE, 0)):
        user = world.person(email).salesforce
        text = where.format(id=user.id, id15=user.id[:15], name=user.username.upper())
        found = ada_salesforce.query(f"SELECT Email FROM User WHERE {text} AND IsActive = true")
        assert [row["Email"] for row in found["records"]] == [BEN][:count]


def test_frozen_users_are_in_user_login(salesforce_of, world):
    world.salesforce_set_user(BEN, frozen=True)
    query = "SELECT UserId FROM UserLogin WHERE IsFrozen = true"
    found = salesforce_of(ROOT).query(query)["records"]
    assert [row["UserId"] for row in found] == [world.person(BEN).salesforce.id]
    assert salesforce_of(ADA).query(query)["totalSize"] == 0


def test_the_organization_tells_about_itself(ada_salesforce, world):
    row = ada_salesforce.query("SELECT Id, Name, IsSandbox FROM Organization")["records"][0]
    assert (row["Id"], row["Name"]) == (world.organization("acme").salesforce_id, "Acme")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT", "MALFORMED_QUERY"),
        ("SELECT Id FROM Event WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Event WHERE Subject = 'open", "MALFORMED_QUERY"),
        ("SELECT Id FROM Event WHERE Subject ~ 'x'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Event LIMIT many", "MALFORMED_QUERY"),
        ("SELECT Id FROM Event LIMIT 1 WHERE Id = null", "MALFORMED_QUERY"),
        (
            "SELECT Id FROM Event WHERE IsPrivate = true AND IsChild = true OR Id = null",
            "MALFORMED_QUERY",
        ),
        ("SELECT Id FROM Event WHERE SystemModstamp > 2026-06-01T12:00:00", "MALFORMED_QUERY"),
        ("SELECT Id FROM Event WHERE SystemModstamp > 2026-13-01T12:00:00Z", "MALFORMED_QUERY"),
        ("SELECT Colour FROM Event", "INVALID_FIELD"),
        ("SELECT Id FROM Event WHERE Colour = 'red'", "INVALID_FIELD"),
        ("SELECT Id FROM Event ORDER BY Colour", "INVALID_FIELD"),
        ("SELECT Owner.Colour FROM Event", "INVALID_FIELD"),
        ("SELECT Id FROM Event WHERE SystemModstamp > '2026-06-01T12:00:00Z'", "INVALID_FIELD"),
        ("SELECT Id FROM Event WHERE Subject = 5", "INVALID_FIELD"),
        ("SELECT Id FROM Event WHERE IsPrivate = 'true'", "INVALID_FIELD"),
        ("SELECT Id FROM Event WHERE Description = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM Event WHERE DurationInMinutes LIKE '5%'", "INVALID_FIELD"),
        ("SELECT Id FROM Task", "INVALID_TYPE"),
    ],
)
def test_a_query_salesforce_refuses_is_a_400(query, code, ada_salesforce, refusal, five):
    assert refusal(ada_salesforce.query, query) == (400, code)


def test_an_empty_query_is_a_400(ada_salesforce, refusal):
    assert refusal(ada_salesforce.restful, "query/") == (400, "MALFORMED_QUERY")


def test_a_plus_sign_must_be_quoted_in_the_address(ada_salesforce, refusal, five):
    path = "query/?q=SELECT+Id+FROM+Event+WHERE+SystemModstamp+>+2026-06-01T00:00:00+00:00"
    assert refusal(ada_salesforce.restful, path) == (400, "MALFORMED_QUERY")
    found = ada_salesforce.restful(path.replace("+00:00", "%2B00:00"))
    assert found["totalSize"] == 5
