from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest

from monitoring.errors.interpretation import built_in_rules
from synccenter.demo.cast import HOUSES, LOGINS, Part, players
from synccenter.demo.past import DAYS, LAST_OPENED, OPENED_EVERY, PastRun, moved_at, past_of
from tests.factories import NOW

RULES = built_in_rules()


def past(part: Part, seed: int = 1) -> list[PastRun]:
    return past_of(part, RULES, NOW, Random(seed))


def test_there_are_sixty_people_in_three_organizations_and_every_part_is_played() -> None:
    everybody = [player for house in HOUSES for player in players(house)]
    assert (len(HOUSES), len(everybody)) == (3, 60)
    assert len({player.email for player in everybody}) == 60
    assert {player.part for player in everybody} == set(Part)
    assert all(set(house.parts) <= set(house.people) for house in HOUSES)
    assert all(set(login.roles) <= {house.slug for house in HOUSES} for login in LOGINS)


@pytest.mark.parametrize("part", [part for part in Part if part is not Part.NEVER])
def test_a_past_is_in_order_and_reaches_back_thirty_days(part: Part) -> None:
    runs = past(part)
    assert all(a.finished_at < b.started_at for a, b in pairwise(runs))
    assert runs[0].started_at < NOW - timedelta(days=DAYS - 1)
    assert runs[-1].finished_at <= NOW
    assert len({run.attempt_id for run in runs}) == len(runs) > 200


def test_who_was_never_connected_has_no_past() -> None:
    assert past(Part.NEVER) == []


@pytest.mark.parametrize(
    ("part", "result", "rule_class"),
    [
        (Part.REVOKED, "failure", "needs_user"),
        (Part.DEACTIVATED, "failure", "needs_admin"),
        (Part.TRIGGER, "partial", "needs_admin"),
        (Part.QUOTA, "failure", "transient"),
        (Part.MAINTENANCE, "failure", "transient"),
    ],
)
def test_trouble_lasts_to_this_day_and_is_judged_as_the_story_says(
    part: Part, result: str, rule_class: str
) -> None:
    from monitoring.errors.facts import RawError
    from monitoring.errors.interpretation import interpret

    last = past(part)[-2:]
    assert [run.result for run in last] == [result, result]
    assert interpret(RawError(**last[-1].error), RULES).interpretation == rule_class


@pytest.mark.parametrize("part", [Part.NO_CALENDAR, Part.NO_API])
@pytest.mark.parametrize("hours", [0, 7, 15])
def test_who_was_moved_one_night_fails_from_then_on_until_it_is_mended(
    part: Part, hours: int
) -> None:
    from monitoring.errors.facts import RawError
    from monitoring.errors.interpretation import interpret

    now = NOW + timedelta(hours=hours)
    runs = past_of(part, RULES, now, Random(1))
    lately = [run for run in runs if run.started_at > moved_at(now)]
    failed = [run for run in lately if run.error]
    assert failed[:2] == lately[:2]
    assert interpret(RawError(**failed[1].error), RULES).interpretation == "needs_admin"
    # It is all told in the two mornings: who wants quiet at night is asleep at both.
    assert failed[1].finished_at - moved_at(now) < timedelta(hours=4)
    well = next(run for run in lately if not run.error)
    assert timedelta(hours=23) < well.started_at - moved_at(now) < timedelta(hours=28)


def test_a_laptop_is_heard_of_for_a_day_only_when_it_is_opened() -> None:
    runs = past(Part.LAPTOP)
    assert {run.trigger for run in runs} == {"external"}
    heard = [run.started_at for run in runs[-4:]]
    apart = [(later - sooner) / OPENED_EVERY for sooner, later in pairwise(heard)]
    assert apart == pytest.approx([1, 1, 1], abs=0.01)
    assert NOW - heard[-1] == pytest.approx(LAST_OPENED, abs=timedelta(minutes=1))
    assert heard[0] - runs[-5].started_at > OPENED_EVERY


def test_everybody_recovered_from_the_outage() -> None:
    for seed in range(5):
        runs = past(Part.WELL, seed)
        down = [run for run in runs if run.error and "maintenance" in run.error["body"]]
        assert down
        assert down[-1].finished_at < NOW - timedelta(days=11)
        assert [run.result for run in runs[-12:]].count("success") >= 11
