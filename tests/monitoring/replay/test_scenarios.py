from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from monitoring.alerts.plan_facts import Phase
from monitoring.replay.scenarios import BEGAN, SCENARIOS
from monitoring.replay.simulation import Played
from tests.monitoring.replay.makers import (
    SEEDS,
    messages,
    personal_messages,
    played,
    stalled_for_longer,
    statuses_ever,
)

HOURS = timedelta(hours=1)
RECIPIENTS = ("admin", "support")


def seeds(name: str) -> Any:
    """Give a test the story of that name, once a seed."""
    return pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{name}-{seed}")


def incident_messages(story: Played) -> dict[tuple[str, str], int]:
    """Count the messages about incidents by recipient and phase."""
    return {
        (recipient, phase): count
        for (kind, _, recipient, phase), count in messages(story).items()
        if kind == "incident"
    }


def one_each(*phases: str) -> dict[tuple[str, str], int]:
    return {(recipient, phase): 1 for recipient in RECIPIENTS for phase in phases}


@pytest.mark.parametrize("name", SCENARIOS)
def test_nobody_is_ever_disabled(name: str) -> None:
    story = played(name)
    assert "disabled" not in statuses_ever(story)
    assert all(hour.holds == 0 for hour in story.stage.hours())


@pytest.mark.parametrize("name", SCENARIOS)
def test_after_trouble_no_provider_sees_more_than_five_requests_a_second(name: str) -> None:
    assert played(name).max_requests_per_second <= 5


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_key_is_told_once(name: str) -> None:
    keys = [sent.message.key for sent in played(name).stage.sent]
    assert len(keys) == len(set(keys))


@seeds("brownout")
def test_a_fifth_of_all_attempts_failing_asks_nobody_to_act(seed: int) -> None:
    story = played("brownout", seed)
    assert len(story.stage.incidents) <= 1
    assert len(story.stage.sent) <= 4
    assert personal_messages(story) == []
    assert "stalled" not in statuses_ever(story)


@seeds("brownout")
def test_after_a_brownout_nobody_waits_longer_than_the_interval_they_were_slowed_to(
    seed: int,
) -> None:
    story = played("brownout", seed)
    slowed = max(max(hour.intervals) for hour in story.stage.hours())
    minutes = story.minutes_to_all_healthy
    assert minutes is not None
    assert minutes <= slowed * 1.05 / 60 + 2
    assert story.stage.people.statuses["healthy"] == 430


@seeds("brownout-people")
def test_a_fifth_of_the_people_failing_for_days_is_one_incident_and_soon_over(seed: int) -> None:
    story = played("brownout-people", seed)
    (incident,) = story.stage.incidents
    assert (len(incident.everybody), incident.flaps) == (86, 0)
    assert incident_messages(story) == one_each("opened", "reminder", "over")
    assert personal_messages(story) == []
    assert story.minutes_to_all_healthy is not None
    assert story.minutes_to_all_healthy <= 30


@seeds("brownout-people")
def test_who_does_not_fail_keeps_their_schedule(seed: int) -> None:
    stage = played("brownout-people", seed).stage
    (incident,) = stage.incidents
    others = stage.people.known.keys() - incident.everybody
    assert len(others) == 344
    assert not any(stage.transitions(person_id) for person_id in others)


@seeds("revoked-app")
def test_a_revoked_app_is_one_incident_and_nobodys_own_trouble(seed: int) -> None:
    story = played("revoked-app", seed)
    (incident,) = story.stage.incidents
    assert len(incident.everybody) == 430
    assert incident_messages(story) == one_each("opened", "over")
    assert personal_messages(story) == []
    assert stalled_for_longer(story, timedelta()) == set()


@seeds("revoked-app")
def test_after_the_repair_of_an_app_everybody_is_soon_well(seed: int) -> None:
    story = played("revoked-app", seed)
    assert story.minutes_to_all_healthy is not None
    assert story.minutes_to_all_healthy <= 90


@seeds("revoked-in-outage")
def test_a_grant_revoked_in_an_outage_is_found_soon_after_it(seed: int) -> None:
    story = played("revoked-in-outage", seed)
    assert story.scenario.trouble is not None
    (person,) = story.scenario.alone
    stalled = [
        change for change in story.stage.transitions(person) if change.after.status == "stalled"
    ]
    assert [change.after.cause for change in stalled] == ["salesforce-access-revoked"]
    waited = stalled[0].at - story.scenario.trouble[1]
    assert timedelta(0) < waited < HOURS
    assert story.stage.people.status(person) == "stalled"


@seeds("revoked-in-outage")
def test_a_grant_revoked_in_an_outage_is_told_once_and_of_nobody_else(seed: int) -> None:
    story = played("revoked-in-outage", seed)
    assert sorted(personal_messages(story)) == [
        ("salesforce-access-revoked", recipient) for recipient in RECIPIENTS
    ]
    assert "stalled" not in statuses_ever(story, without=story.scenario.alone)
    assert len(story.stage.incidents) == 1
    assert incident_messages(story) == one_each("opened", "over")
    assert +story.stage.people.statuses == {"healthy": 429, "stalled": 1}


# Of the one a third of the runs fail at first, and half of three times the people an hour later.
@pytest.mark.parametrize(
    ("name", "phases"),
    [("flapping", ("opened", "grown", "over")), ("flapping-slowly", ("opened", "over"))],
)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_flapping_provider_is_one_incident_told_once(
    name: str, phases: tuple[str, ...], seed: int
) -> None:
    story = played(name, seed)
    (incident,) = story.stage.incidents
    assert incident.flaps >= 5
    assert incident_messages(story) == one_each(*phases)
    assert personal_messages(story) == []
    assert stalled_for_longer(story, timedelta()) == set()
    assert story.minutes_to_all_healthy is not None
    assert story.minutes_to_all_healthy <= 90


@seeds("newcomer")
def test_a_newcomer_who_never_succeeds_is_told_of_once_a_day_for_the_right_cause(seed: int) -> None:
    story = played("newcomer", seed)
    told = [("salesforce-api-off-for-user", recipient) for recipient in RECIPIENTS]
    for phase in (Phase.OPENED, Phase.REMINDER):
        assert sorted(personal_messages(story, phase)) == told
    assert len(story.stage.sent) == 2 * len(RECIPIENTS)
    assert story.stage.incidents == []


@seeds("newcomer")
def test_a_newcomer_touches_nobody_else(seed: int) -> None:
    story = played("newcomer", seed)
    assert statuses_ever(story, without=story.scenario.alone) == set()


@seeds("newcomer")
def test_a_newcomer_is_still_tried_once_a_day(seed: int) -> None:
    story = played("newcomer", seed)
    (person,) = story.scenario.newcomers
    runs = story.stage.people.runs(person)
    assert runs.interval == 86_400
    assert runs.recent == "fff"


@seeds("clock-jump")
def test_a_clock_that_jumps_an_hour_stalls_nobody_and_tells_nothing(seed: int) -> None:
    story = played("clock-jump", seed)
    assert statuses_ever(story) <= {"healthy", "degraded"}
    assert story.stage.sent == []
    assert story.stage.incidents == []
    assert story.stage.people.statuses["healthy"] == 430


@seeds("clock-jump")
def test_after_the_clock_is_right_again_everybody_runs_at_their_interval(seed: int) -> None:
    story = played("clock-jump", seed)
    after = [hour for hour in story.stage.hours() if hour.start >= BEGAN + 4 * HOURS]
    assert sum(hour.runs for hour in after[:4]) >= 2 * 400
    assert all(set(hour.intervals) == {7_200} for hour in story.stage.hours())
