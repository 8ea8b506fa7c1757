from __future__ import annotations

import pytest

from tests.simulator import clients
from tests.simulator.conftest import ADA


def test_every_answer_tells_the_usage(ada_salesforce):
    ada_salesforce.query("SELECT Id FROM Event")
    used = ada_salesforce.api_usage["api-usage"].used
    ada_salesforce.limits()
    assert ada_salesforce.api_usage["api-usage"].used == used + 1


def test_a_refused_request_tells_it_too(simulator):
    token = clients.salesforce_tokens(simulator, ADA)["access_token"]
    with clients.salesforce_session(simulator) as session:
        session.headers["Authorization"] = f"Bearer {token}"
        base = "https://acme.my.salesforce.com/services/data/v59.0/"
        missing = session.get(base + "sobjects/Event/00U000000000000AAA")
        assert missing.status_code == 404
        assert missing.headers["Sforce-Limit-Info"] == "api-usage=1/100000"
        session.headers["Authorization"] = "Bearer nonsense"
        assert "Sforce-Limit-Info" not in session.get(base + "limits").headers


def test_a_used_up_day_refuses_until_it_is_over(salesforce_of, world, refusal):
    client = salesforce_of(ADA)
    world.salesforce_set_usage("acme", 100_000)
    exceeded = (403, "REQUEST_LIMIT_EXCEEDED")
    assert refusal(client.query, "SELECT Id FROM Event") == exceeded
    assert refusal(client.Event.get, "00U000000000000AAA") == exceeded
    world.set_clock_offset(24 * 3600 + 61)
    assert salesforce_of(ADA).query("SELECT Id FROM Event")["totalSize"] == 0


def test_the_window_of_a_day_slides(world):
    usage = world.organization("acme").usage
    usage.add(world.now(), 5)
    world.set_clock_offset(12 * 3600)
    usage.add(world.now(), 7)
    usage.add(world.now(), 1)
    assert usage.current(world.now()) == 13
    world.set_clock_offset(24 * 3600 + 60)
    assert usage.current(world.now()) == 8
    world.set_clock_offset(48 * 3600)
    assert usage.current(world.now()) == 0


def test_logins_and_other_organizations_do_not_count(salesforce_of, world):
    salesforce_of(ADA)
    salesforce_of("eve@globex.example").limits()
    assert world.organization("acme").usage.total == 0
    assert world.organization("globex").usage.total == 1


def test_limits_say_what_remains(ada_salesforce, world):
    world.set_limits("acme", api_requests_per_day=10)
    assert ada_salesforce.limits()["DailyApiRequests"] == {"Max": 10, "Remaining": 9}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/services/data/", 200),
        ("/services/data", 200),
        ("/services/data/v59.0/limits", 401),
        ("/services/data/v59.0/nothing", 404),
        ("/nothing", 404),
    ],
)
def test_without_a_session_only_the_versions_are_shown(path, status, simulator):
    with clients.salesforce_session(simulator) as session:
        answer = session.get(f"https://acme.my.salesforce.com{path}")
    assert answer.status_code == status
    if status == 200:
        assert {"label", "url", "version"} == answer.json()[-1].keys()


@pytest.mark.parametrize("version", ["30.0", "68.0", "x"])
def test_an_unknown_version_is_a_404(version, salesforce_of, refusal):
    client = salesforce_of(ADA, version=version)
    assert refusal(client.limits) == (404, "NOT_FOUND")


def test_the_resources_and_the_description_of_event_can_be_read(ada_salesforce):
    assert "query" in ada_salesforce.restful("")
    described = ada_salesforce.Event.describe()
    fields = {field["name"]: field for field in described["fields"]}
    assert fields["SyncCenter_Key__c"]["externalId"] is True
    assert fields["Subject"]["length"] == 255
    assert [each["value"] for each in fields["ShowAs"]["picklistValues"]] == [
        *("Busy", "OutOfOffice", "Free"),
    ]
