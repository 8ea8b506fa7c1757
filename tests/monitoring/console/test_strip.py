from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from monitoring.console.strip import WORDS, strip_html, summary

RECENT = st.text(alphabet="spfl", min_size=1, max_size=24)


@given(RECENT)
def test_there_is_a_bar_a_run_with_its_outcome_in_words_the_latest_at_the_right(
    recent: str,
) -> None:
    html = strip_html(recent)
    bars = re.findall(r'class="run-(.)" d="M(\d+) \d+h.*?<title>([^<]*)</title>', html)
    assert "".join(letter for letter, _, _ in bars) == recent
    assert [int(x) for _, x, _ in bars] == [5 * place for place in range(24 - len(recent), 24)]
    for letter, _, title in bars:
        assert title.endswith(f": {WORDS[letter]}")
    assert bars[-1][2].startswith("Latest run")


@given(RECENT)
def test_who_listens_hears_how_many_of_each_and_the_latest(recent: str) -> None:
    said = summary(recent)
    assert f'aria-label="{said}"' in strip_html(recent)
    numbers = [int(number) for number in re.findall(r"(\d+) (?:synced|failed|lost)", said)]
    assert sum(numbers) == len(recent)
    assert said.endswith(f"the latest {WORDS[recent[-1]]}")


def test_outcomes_differ_in_shape_too() -> None:
    tops = set(re.findall(r'd="M\d+ (\d+)h', strip_html("spfl")))
    assert len(tops) == 4


def test_no_run_is_said_in_words() -> None:
    assert summary("") == "No runs yet"
