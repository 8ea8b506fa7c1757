from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest

from monitoring.errors.interpretation import built_in_rules
from synccenter.demo.cast import HOUSES, LOGINS, Part, players
from synccenter.demo.past import DAYS, PastRun, past_of
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


def test_everybody_recovered_from_the_outage() -> None:
    for seed in range(5):
        runs = past(Part.WELL, seed)
        down = [run for run in runs if run.error and "maintenance" in run.error["body"]]
        assert down
        assert down[-1].finished_at < NOW - timedelta(days=11)
        assert [run.result for run in runs[-12:]].count("success") >= 11
