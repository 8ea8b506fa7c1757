from __future__ import annotations

import pytest

from tests.simulator.conftest import ADA, BEN
from tests.simulator.google.conftest import TIMED, Events


@pytest.fixture
def shared(world):
    return world.add_calendar(ADA, "team@group.calendar.google.com", summary="Team")


def test_the_calendar_list_has_the_primary_and_every_secondary(ada_calendar, shared):
    items = ada_calendar.calendarList().list().execute()["items"]
    assert [(item["id"], item.get("primary")) for item in items] == [
        (ADA, True),
        (shared.id, None),
    ]
    assert items[0]["accessRole"] == "owner"


def test_a_calendar_can_be_read_by_id(ada_calendar, shared):
    calendar = ada_calendar.calendars().get(calendarId=shared.id).execute()
    assert (calendar["summary"], calendar["timeZone"]) == ("Team", "Europe/Zurich")


def test_calendars_of_one_person_are_apart(ada_calendar, shared):
    team, own = Events(ada_calendar, shared.id), Events(ada_calendar)
    event = team.insert()
    assert own.list()["items"] == []
    assert [item["id"] for item in team.list()["items"]] == [event["id"]]
    assert event["organizer"] == {"email": shared.id, "self": True}


def test_a_calendar_one_may_only_read_refuses_writes(ada_calendar, world, refusal):
    world.add_calendar(ADA, "boss@acme.example", summary="Boss", access_role="reader")
    boss = Events(ada_calendar, "boss@acme.example")
    assert boss.list()["accessRole"] == "reader"
    assert refusal(boss.insert, TIMED) == (403, "requiredAccessLevel")


def test_anothers_calendar_does_not_exist(ada_calendar, refusal):
    request = ada_calendar.calendars().get(calendarId=BEN)
    assert refusal(request.execute) == (404, "notFound")


def test_an_unknown_address_of_the_api_is_a_404(simulator, raw):
    assert raw.get(simulator.base_url + "/calendar/v3/nothing").status_code == 404
    assert simulator.requests[-1].operation == "google.unknown"
