"""The patterns of rules: what could keep the judging busy is refused, whatever it looks like."""

from __future__ import annotations

import re
from time import process_time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from monitoring.errors.patterns import MAX_PATTERN_TEXT, is_plain, is_quick
from monitoring.errors.rules import MAX_PATTERN, RulesError, check_pattern

PLAIN = ["a", "ab", "x", "could not ", "é", ".", r"\.", r"\w", r"\d", "[ab]", r"[^\W\d]", "[a-z_]"]
PIECES = st.one_of(
    st.sampled_from(PLAIN),
    st.sampled_from(
        ["(?:x|xx)", "(?:.|..)", "(?:a|aa|b)", "(a)", "(?!ab|aa)", "(?=a)", r"\b", "^"]
    ),
    st.sampled_from(["a*", "a+?", "a?", ".{0,80}", r"[\w.]{1,400}", "(?:ab)*", "a{3}", "[ab]*+"]),
    st.sampled_from([r"\1", "(?P=n)", "(?>a)", "(?i:a)", "(?:a|aa){9}", "(?(1)a|b)"]),
)
PATTERNS = st.builds(
    lambda pieces, times, end: (
        "".join(piece * n for piece, n in zip(pieces, times, strict=False)) + end
    ),
    st.lists(PIECES, min_size=1, max_size=6),
    st.lists(st.sampled_from([1, 1, 1, 2, 25]), min_size=6, max_size=6),
    st.sampled_from(["", "~", "y", "$"]),
)
HOSTILE = ("a", "x", "ab", "aab", "could not ", "é", "a.", "\U00010400")
MOST_SECONDS = 0.05


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:.|..)" * 30 + "~",
        "a?" * 30 + "a" * 30,
        "(?:x|xx)" * 30 + "y",
        "(?:a|aa){30}b",
        "(a+)+b",
        "(?:a*)b*",
        "(?:ab)?",
        "(?=a*)b",
        "(?!a{1,9})b",
        "(?<=ab)(?>a)(?:a|aa)(?:b|bb)",
        "(?:a|b*)c",
        "(?:ab|(?:ac|xd)e)",
        r"(a)\1",
        "(?P<n>a)(?P=n)",
        "(a)(?(1)b|c)",
        "(?>a)b",
        "(?:a{2}){2}",
        "a*+b?+",
    ],
)
def test_a_pattern_with_many_ways_to_fit_is_refused(pattern: str) -> None:
    assert not is_plain(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "exclusive [a-z]+s",
        "^could not .* event",
        "could not .* event",
        r"/events/[a-z0-9_%@.-]+",
        "caused by: (?!system\\.(?:dml|query)exception)[\\w.]{1,80}exception: ",
        "(?:quota|limit) exceeded",
        "colou?r",
        r"\bcode [0-9]{3}\b",
        "(user) (name)",
    ],
)
def test_a_pattern_that_people_write_is_accepted(pattern: str) -> None:
    check_pattern("a-rule", pattern)


@pytest.mark.parametrize(
    "pattern",
    ["a*" + "a" * 450 + "b", ".*could not find", "[a-z]*(?:a|aa|aaa|aaaa)b", r"\w{0,900}\w\w\wb"],
)
def test_a_pattern_with_long_work_after_each_way_is_refused(pattern: str) -> None:
    assert is_plain(pattern)
    with pytest.raises(RulesError, match="could take long"):
        check_pattern("a-rule", pattern)


@settings(max_examples=300, deadline=None)
@given(PATTERNS)
def test_an_accepted_pattern_is_quick_on_hostile_text(pattern: str) -> None:
    assume(len(pattern) <= MAX_PATTERN and is_accepted(pattern))
    compiled = re.compile(pattern)

    assert max(seconds(compiled, piece) for piece in HOSTILE) < MOST_SECONDS


def is_accepted(pattern: str) -> bool:
    try:
        check_pattern("a-rule", pattern)
    except RulesError:
        return False
    return True


def seconds(compiled: re.Pattern[str], piece: str) -> float:
    """Return the processor time of one search; of two the shorter, for the machine is shared."""
    text, taken = (piece * MAX_PATTERN_TEXT)[:MAX_PATTERN_TEXT], []
    for _ in range(2):
        began = process_time()
        compiled.search(text)
        taken.append(process_time() - began)
    return min(taken)


@pytest.mark.parametrize("pattern", ["(" * 400 + ")" * 400, "a{99999999999}", "[", "(?:" * 120])
def test_what_does_not_compile_is_told_as_a_bad_pattern(pattern: str) -> None:
    with pytest.raises(RulesError):
        check_pattern("a-rule", pattern)


def test_a_choice_of_plain_texts_is_quick_and_one_of_many_is_counted() -> None:
    assert is_quick("(?:quota|limit) exceeded")
    assert not is_quick("[a-z]*(?:a|ab|abc|abcd|abcde)x")
