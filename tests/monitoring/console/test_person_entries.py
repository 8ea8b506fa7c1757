from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from monitoring.console.attempts import RESULTS, AttemptRow
from monitoring.console.person_entries import QUIET_RUNS, Entry, drawn_together, is_quiet
from monitoring.console.rows import past
from tests.factories import NOW
from tests.monitoring.health.makers import make_id

HOUR = timedelta(hours=1)


def run(number: int, result: str = "success", deeds: str = "") -> Entry:
    at = past(NOW - number * HOUR, NOW, NOW.tzinfo)
    problem = "" if result == "success" else "It broke"
    attempt = AttemptRow(make_id(), at, "on schedule", RESULTS[result], deeds, problem, "")
    return Entry("run", at, attempt.look.word, attempt.look, attempt=attempt)


def change(number: int) -> Entry:
    return Entry("change", past(NOW - number * HOUR, NOW, NOW.tzinfo), "Syncing again")


entries = st.lists(
    st.one_of(
        st.builds(run, st.integers(0, 30)),
        st.builds(run, st.integers(0, 30), st.just("failure")),
        st.builds(run, st.integers(0, 30), st.just("success"), st.just("1 created in Google")),
        st.builds(change, st.integers(0, 30)),
    ),
    max_size=30,
)


def test_many_quiet_runs_are_one_line_from_the_oldest_to_the_newest() -> None:
    (drawn,) = drawn_together([run(1), run(2), run(3)])
    assert drawn.sentence == "3 runs got through; nothing had changed"
    assert (drawn.at.said, drawn.more) == ("1 h ago", "Since 3 h ago")


@given(entries)
def test_only_quiet_runs_in_a_row_are_drawn_together(told: list[Entry]) -> None:
    drawn = drawn_together(told)
    loud = [entry for entry in told if not is_quiet(entry)]
    assert [entry for entry in drawn if entry in loud] == loud
    counted = [1 if entry.kind != "runs" else int(entry.sentence.split()[0]) for entry in drawn]
    assert sum(counted) == len(told)
    assert all(number == 1 or number >= QUIET_RUNS for number in counted)


@given(entries)
def test_no_two_lines_in_a_row_could_be_drawn_together_further(told: list[Entry]) -> None:
    drawn = drawn_together(told)
    for first, second in pairwise(drawn):
        assert not (first.kind == second.kind == "runs")
