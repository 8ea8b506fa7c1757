from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.console.back_test_words import (
    Wait,
    alert_row,
    alerts_words,
    found_sentence,
    moved_row,
    over_words,
    progress_words,
    rejudged_sentence,
    reworded_sentence,
    rule_title,
    share_words,
    shift_row,
    span_words,
    standing_words,
    step_words,
)
from monitoring.health.causes import Explanation
from monitoring.replay.findings import (
    AlertShift,
    BackTestResult,
    Moved,
    Shift,
    Span,
    WorstHour,
)
from tests.factories import NOW

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
RULES = {"aisle-blocked": Explanation("The aisle is blocked", "", "")}


def found(**overrides: Any) -> BackTestResult:
    figures = {
        "outcomes": 48_000,
        "outcomes_changed": 31,
        "people": 430,
        "people_moved": 12,
        "alerts_dropped_total": 2,
        "worst_hour": WorstHour(NOW - 71 * HOUR, 9),
    }
    return BackTestResult(version="1.2", days=30, **figures | overrides)


def test_the_first_sentence_says_it_all() -> None:
    assert found_sentence(found(), NOW, BERLIN) == (
        "12 of 430 people (2.8 %) would have had another status or reason to act; "
        "31 of 48,000 outcomes get another verdict; 2 alerts less, none more; "
        "worst hour Tue 14:00 with 9 people."
    )


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            {"people_moved": 0, "outcomes_changed": 0, "alerts_dropped_total": 0},
            (
                "None of 430 people would have had another status or reason to act; "
                "none of 48,000 outcomes gets another verdict; no alert less or more."
            ),
        ),
        (
            {"people": 1, "people_moved": 1, "outcomes": 1, "outcomes_changed": 1},
            (
                "1 of 1 person (100 %) would have had another status or reason to act; "
                "1 of 1 outcome gets another verdict; 2 alerts less, none more."
            ),
        ),
        ({"people": 0}, "Nobody ran in the last 30 days, so nothing can be told."),
    ],
)
def test_small_numbers_read_well_too(overrides: dict[str, Any], sentence: str) -> None:
    said = found_sentence(found(worst_hour=None, **overrides), NOW, BERLIN)
    assert said == sentence


@pytest.mark.parametrize(
    ("fewer", "more", "words"),
    [
        (0, 0, "no alert less or more"),
        (1, 0, "1 alert less, none more"),
        (0, 3, "no alert less, 3 more"),
        (1_200, 1, "1,200 alerts less, 1 more"),
    ],
)
def test_alerts_are_counted_both_ways(fewer: int, more: int, words: str) -> None:
    assert alerts_words(fewer, more) == words


@given(st.integers(1, 10**9), st.data())
def test_a_share_is_never_nothing_and_never_all_unless_it_is(whole: int, data: Any) -> None:
    part = data.draw(st.integers(0, whole))
    words = share_words(part, whole)
    assert (words == "0 %") is (part == 0)
    assert (words == "100 %") is (part == whole)


NUMBERS = st.integers(0, 10**7)


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_every_result_has_a_sentence(
    outcomes: int, changed: int, people: int, moved: int, fewer: int, more: int
) -> None:
    result = found(
        outcomes=outcomes,
        outcomes_changed=min(changed, outcomes),
        people=people,
        people_moved=min(moved, people),
        alerts_dropped_total=fewer,
        alerts_added_total=more,
    )
    for said in (found_sentence(result, NOW, BERLIN), rejudged_sentence(result)):
        assert said.endswith(".")
        assert said.count(".") <= 1 + said.count(".", 0, -1)
        assert "None" not in said[1:]


def test_people_with_another_reason_only_are_told_apart() -> None:
    assert reworded_sentence(found()) == ""
    said = reworded_sentence(found(people_reworded=1))
    assert said == "1 more person would have had another reason for the same status."
    alone = reworded_sentence(found(people_moved=0, people_reworded=2))
    assert alone == "2 people would have had another reason for the same status."


def test_what_judging_again_did_is_said() -> None:
    assert rejudged_sentence(found()) == (
        "31 of 48,000 outcomes were given another verdict beside the first, "
        "and the health of 12 people follows it."
    )
    nothing = rejudged_sentence(found(outcomes_changed=0))
    assert nothing == "None of 48,000 outcomes needed another verdict."


@pytest.mark.parametrize(
    ("state", "done", "total", "words"),
    [
        ("queued", 0, 0, "Waits for a free worker…"),
        ("running", 0, 0, "Looks for outcomes…"),
        ("running", 12_000, 48_000, "12,000 of about 48,000 outcomes…"),
        ("running", 50_000, 48_000, "48,000 of about 48,000 outcomes…"),
    ],
)
def test_progress_is_told_in_outcomes(state: str, done: int, total: int, words: str) -> None:
    assert progress_words(state, done, total) == words


def test_what_is_read_out_is_told_in_tenths_and_at_the_end() -> None:
    assert step_words("running", 29) == "Under way: 20 %."
    assert step_words("queued", 0, Wait.BUSY) == Wait.BUSY.value
    assert over_words("test", "stopped") == "The test was stopped."
    assert over_words("rejudge", "done") == "Judging again is done."
    assert over_words("rejudge", "failed") == "Judging again has failed."


def test_one_that_waits_says_why() -> None:
    assert progress_words("queued", 0, 0, Wait.BUSY).startswith("Another test is under way")
    assert "No worker has been seen" in progress_words("queued", 5, 9, Wait.UNSEEN)
    assert progress_words("running", 5, 9, Wait.UNSEEN) == "5 of about 9 outcomes…"


def test_a_rule_is_named_by_its_title_else_by_its_id() -> None:
    assert rule_title("aisle-blocked", RULES) == "The aisle is blocked"
    assert rule_title("gone-rule", RULES) == "gone-rule"
    assert rule_title("silent", RULES) == "No run for too long"
    assert rule_title(None, RULES) == "An error that is not recognised yet"


def test_a_shift_names_class_and_rule_on_both_sides() -> None:
    row = shift_row(Shift(None, None, "record", "aisle-blocked", 31, 4), {}, RULES)
    assert row.before == ("Not clear what is wrong", "An error that is not recognised yet")
    assert row.after == ("One event only", "The aisle is blocked")
    assert (row.outcomes, row.people) == (31, 4)


def test_a_person_is_told_by_the_first_time_and_how_long_in_all() -> None:
    first = Span(NOW - 5 * HOUR, NOW, "stalled", "aisle-blocked", "healthy", "")
    still = Span(NOW - HOUR, None, "degraded", "", "stalled", "silent")
    row = moved_row(Moved(7, 21_600, (first, still)), RULES, {}, NOW, BERLIN)
    assert (row.person_id, row.length, row.more) == (7, "6 h", 1)
    assert row.when == "08:00 to 13:00"
    assert row.before == "Needs attention · The aisle is blocked"
    assert row.after == "Syncing"
    assert span_words(still, NOW, BERLIN) == "since 12:00"


def test_times_on_different_days_both_name_theirs() -> None:
    times = Span(NOW - 48 * HOUR, NOW - 24 * HOUR, "stalled", "", "healthy", "")
    assert span_words(times, NOW, BERLIN) == "Wed 13:00 to Thu 13:00"
    earlier = Span(NOW - 48 * HOUR, NOW - 46 * HOUR, "stalled", "", "healthy", "")
    assert span_words(earlier, NOW, BERLIN) == "Wed 13:00 to 15:00"


def test_a_status_stands_with_its_reason() -> None:
    assert standing_words("healthy", "", RULES) == "Syncing"
    assert standing_words("degraded", "never_connected", RULES).startswith("Never connected · ")


def test_an_alert_says_what_whom_and_when() -> None:
    row = alert_row(AlertShift("over", "aisle-blocked", 3, NOW, NOW - HOUR), RULES, NOW, BERLIN)
    assert (row.phase, row.cause, row.people) == ("All well again", "The aisle is blocked", 3)
    assert row.at is not None
    assert row.at.said == "1 h ago"
