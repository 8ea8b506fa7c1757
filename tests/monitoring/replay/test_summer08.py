from __future__ import annotations

from datetime import timedelta

import pytest

from monitoring.replay.scenarios import BEGAN, SCENARIOS
from monitoring.replay.simulation import Played, play
from tests.monitoring.replay.makers import (
    SEEDS,
    messages,
    personal_messages,
    played,
    statuses_ever,
)


@pytest.fixture(params=SEEDS)
def story(request: pytest.FixtureRequest) -> Played:
    return played("summer08", request.param)


def test_nobody_is_ever_switched_off(story: Played) -> None:
    assert "disabled" not in statuses_ever(story)
    assert all(hour.holds == 0 for hour in story.stage.hours())
    assert story.stage.people.statuses["disabled"] == 0


def test_the_rules_of_2008_would_have_switched_everybody_off(story: Played) -> None:
    assert len(story.disabled_in_2008) == 430
    assert min(story.disabled_in_2008.values()) >= BEGAN
    assert max(story.disabled_in_2008.values()) < BEGAN + timedelta(hours=3)


def test_it_is_one_incident_that_hits_everybody(story: Played) -> None:
    (incident,) = story.stage.incidents
    assert (incident.provider, len(incident.everybody)) == ("salesforce", 430)
    assert timedelta(0) <= incident.began_at - BEGAN < timedelta(minutes=1)
    assert incident.opened_at - BEGAN < timedelta(minutes=10)


def test_each_recipient_is_told_once_of_its_beginning_and_once_of_its_end(story: Played) -> None:
    told = {
        (kind, recipient, phase): count
        for (kind, _, recipient, phase), count in messages(story).items()
    }
    assert told == {
        ("incident", recipient, phase): 1
        for recipient in ("admin", "support")
        for phase in ("opened", "over")
    }


def test_no_mail_asks_a_person_to_act(story: Played) -> None:
    assert personal_messages(story) == []


def test_nobodys_interval_is_raised_while_the_incident_is_open(story: Played) -> None:
    assert all(set(hour.intervals) == {7_200} for hour in story.stage.hours())


def test_everybody_is_well_within_90_minutes_of_the_end(story: Played) -> None:
    minutes = story.minutes_to_all_healthy
    assert minutes is not None
    assert minutes <= 90
    assert story.stage.people.statuses["healthy"] == 430


def test_the_recovering_provider_sees_no_more_than_five_requests_a_second(story: Played) -> None:
    assert 1 <= story.max_requests_per_second <= 5


def test_the_same_seed_tells_the_same_story() -> None:

    first, again = played("summer08"), play(SCENARIOS["summer08"], 1)
    assert again.stage.hours() == first.stage.hours()
    assert again.stage.sent == first.stage.sent
    assert again.requests == first.requests
    assert again.disabled_in_2008 == first.disabled_in_2008
