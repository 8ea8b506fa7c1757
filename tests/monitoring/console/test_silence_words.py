from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from monitoring.alerts.matchers import Matcher
from monitoring.alerts.mutes import Mutes
from monitoring.console.silence_words import (
    in_force,
    mutes_sentence,
    names_sentence,
    people_query,
    placed_sentence,
    plan_sentence,
    reach_sentence,
    stalled_sentence,
    sure_words,
    window,
)
from monitoring.console.summaries import matched
from monitoring.incidents.models import PlannedMaintenance
from tests.factories import NOW

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
MANY = Mutes(people=212, known=430, stalled=3, reach=212, names=("Ada", "Ben"))


def test_a_preview_says_how_many_which_part_and_who() -> None:
    assert mutes_sentence(MANY) == "This mutes 212 people (49\N{NO-BREAK SPACE}%)."
    assert stalled_sentence(MANY) == "3 of them need attention now."
    assert names_sentence(MANY) == "Ada, Ben and 210 more"
    assert reach_sentence(MANY, Matcher(team="Sales")) == ""
    assert sure_words(MANY) == "Yes, I mean to mute up to 212 people (49\N{NO-BREAK SPACE}%)."


@pytest.mark.parametrize(
    ("provider", "fails"),
    [
        ("salesforce", "Salesforce fails"),
        ("network", "the network fails"),
        ("service", "this service fails"),
    ],
)
def test_a_preview_of_a_provider_says_to_how_many_it_may_come(provider: str, fails: str) -> None:
    nobody = Mutes(people=0, known=430, stalled=0, reach=428, names=())
    assert mutes_sentence(nobody) == "This mutes nobody now."
    assert stalled_sentence(nobody) == names_sentence(nobody) == ""
    said = reach_sentence(nobody, Matcher(provider=provider))
    assert said == f"If {fails} for everybody, it mutes 428 people (100\N{NO-BREAK SPACE}%)."


def test_a_preview_of_a_reason_says_that_whoever_comes_to_have_it_is_muted() -> None:
    one = Mutes(people=1, known=402, stalled=1, reach=402, names=("Ada",))
    most = "402 people (100\N{NO-BREAK SPACE}%)"
    said = f"Whoever comes to have this reason is muted as well, up to {most}."
    for matcher in (Matcher(cause="silent"), Matcher("", "silent", "salesforce")):
        assert reach_sentence(one, matcher) == said
    all_of_them = Mutes(people=4, known=4, stalled=4, reach=4, names=())
    assert reach_sentence(all_of_them, Matcher(cause="silent")) == ""


def test_one_person_is_told_of_in_the_singular() -> None:
    one = Mutes(people=1, known=430, stalled=1, reach=1, names=("Ada",))
    assert mutes_sentence(one) == "This mutes 1 person (under 1\N{NO-BREAK SPACE}%)."
    assert stalled_sentence(one) == "1 of them needs attention now."
    assert names_sentence(one) == "Ada"


def test_whom_is_said_with_the_title_of_the_reason_and_linked_to_those_people() -> None:
    matcher = Matcher("R & D", "silent", "google")
    assert matched(matcher, {}) == "“No run for too long” with Google in team R & D"
    assert people_query(matcher) == "team=R+%26+D&cause=silent&provider=google"
    assert (matched(Matcher(), {}), people_query(Matcher())) == ("Everybody", "")


def test_a_window_names_the_day_once_where_it_is_one() -> None:
    start = NOW + 24 * HOUR
    assert window(start, start + 4 * HOUR, NOW, BERLIN) == "Sat 13:00\N{EN DASH}17:00"
    assert window(start, start + 12 * HOUR, NOW, BERLIN) == "Sat 13:00 to Sun 01:00"


def test_what_is_planned_is_said_with_its_machine() -> None:
    plan = PlannedMaintenance(
        provider="salesforce", instance="NA123", starts_at=NOW + 24 * HOUR, ends_at=NOW + 28 * HOUR
    )
    said = plan_sentence(plan, NOW, BERLIN)
    assert said == "Salesforce plans maintenance on NA123: Sat 13:00\N{EN DASH}17:00."
    plan.instance = ""
    assert plan_sentence(plan, NOW, BERLIN).startswith("Salesforce plans maintenance: Sat")


def test_what_came_of_placing_it_says_when_it_holds() -> None:
    assert placed_sentence(NOW, NOW + HOUR, NOW, BERLIN) == (
        "The silence is in force until 14:00, then it is over by itself."
    )
    later = placed_sentence(NOW + HOUR, NOW + 2 * HOUR, NOW, BERLIN)
    assert later == "The silence begins by itself: 14:00\N{EN DASH}15:00."


def test_the_pages_first_sentence_counts_those_in_force() -> None:
    assert in_force(0, 0) == "Nobody is silenced"
    assert in_force(0, 2) == "Nobody is silenced now"
    assert in_force(1, 0) == "1 silence is in force"
    assert in_force(2, 1) == "2 silences are in force"
