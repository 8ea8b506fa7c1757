from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import comb

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monitoring.incidents.detection import (
    MIXED,
    Course,
    Finding,
    Thresholds,
    Usual,
    Window,
    find_incident,
    is_over,
    is_too_many,
    tail_probability,
)

THRESHOLDS = Thresholds()
LENGTHS = (THRESHOLDS.window, *THRESHOLDS.windows_small)
BUSY, LOGIN, QUOTA = "salesforce 503 busy", "salesforce 500 login", "google 403 quota"
SIGNATURES = (BUSY, LOGIN, QUOTA)
SHARES = st.fractions(Fraction(1, 1_000), Fraction(999, 1_000), max_denominator=1_000)


def windows(tried: int, **failing: int) -> dict[int, Window]:
    """Return windows that all hold the same, failing counted by the names below."""
    names = {"busy": BUSY, "login": LOGIN, "quota": QUOTA}
    window = Window(tried, {names[name]: people for name, people in failing.items()})
    return dict.fromkeys(LENGTHS, window)


def found(tried: int, usual: Usual | None = None, **failing: int) -> Finding | None:
    return find_incident(windows(tried, **failing), usual or Usual(), THRESHOLDS)


@st.composite
def drawn_windows(draw: st.DrawFn) -> dict[int, Window]:
    """Draw windows of growing length, each holding what the shorter ones do."""
    tried, failing, drawn = 0, dict.fromkeys(SIGNATURES, 0), {}
    for length in LENGTHS:
        more = {name: draw(st.integers(0, 30)) for name in SIGNATURES}
        tried += draw(st.integers(0, 60)) + sum(more.values())
        failing = {name: failing[name] + more[name] for name in SIGNATURES}
        drawn[length] = Window(tried, {name: n for name, n in failing.items() if n})
    return drawn


USUALS = st.builds(
    Usual,
    st.integers(0, 5_000),
    st.dictionaries(st.sampled_from(SIGNATURES), st.integers(0, 500)),
)


def test_many_failing_alike_are_one_incident() -> None:
    assert found(54, busy=20) == Finding("salesforce", BUSY, 20, 54, 900)


def test_different_errors_of_one_provider_are_found_together() -> None:
    assert found(54, busy=10, login=10) == Finding(
        "salesforce", f"salesforce - {MIXED}", 20, 54, 900
    )


def test_an_error_that_most_share_names_what_is_found_together() -> None:
    assert found(54, busy=12, login=8) == Finding("salesforce", BUSY, 20, 54, 900)


@pytest.mark.parametrize(("tried", "busy"), [(54, 16), (20, 4), (12, 2), (10, 4)])
def test_few_are_not_one_cause(tried: int, busy: int) -> None:
    assert found(tried, busy=busy) is None


@pytest.mark.parametrize("tried", [8, 19, 20, 26])
def test_so_many_are_one_cause_among_however_few_tried(tried: int) -> None:
    assert found(tried, busy=8) is not None


def test_a_small_organization_is_looked_at_for_longer() -> None:
    few = Window(2, {BUSY: 2})
    some = Window(5, {BUSY: 4})
    looked_at = {900: few, 1_800: few, 3_600: some, 7_200: Window(20, {BUSY: 4})}
    finding = find_incident(looked_at, Usual(), THRESHOLDS)
    assert finding == Finding("salesforce", BUSY, 4, 5, 3_600)


def test_what_always_fails_so_is_no_incident() -> None:
    often = Usual(10_000, {BUSY: 3_500})
    assert found(54, busy=20) is not None
    assert found(54, often, busy=20) is None


def test_an_open_incident_hides_no_other_one() -> None:
    both = Window(60, {BUSY: 50, QUOTA: 8})
    assert both.without({"salesforce"}) == Window(10, {QUOTA: 8})
    assert both.without(()) == both
    beside = dict.fromkeys(LENGTHS, both.without({"salesforce"}))
    assert find_incident(beside, Usual(), THRESHOLDS) == Finding("google", QUOTA, 8, 10, 900)


@given(drawn_windows(), st.sets(st.sampled_from(("google", "salesforce"))))
def test_leaving_a_provider_out_leaves_the_others_as_they_are(
    drawn: dict[int, Window], providers: set[str]
) -> None:
    window = drawn[900]
    rest = window.without(providers)
    for provider in ("google", "salesforce"):
        expected = 0 if provider in providers else window.of_provider(provider)
        assert rest.of_provider(provider) == expected
    assert window.tried - rest.tried == sum(map(window.of_provider, providers))


@given(drawn_windows(), USUALS, st.sampled_from(SIGNATURES), st.integers(1, 20))
def test_more_failing_never_unfinds_an_incident(
    drawn: dict[int, Window], usual: Usual, name: str, more: int
) -> None:
    assume(find_incident(drawn, usual, THRESHOLDS) is not None)
    worse = {}
    for length, window in drawn.items():
        healthy = window.tried - sum(window.failing.values())
        failing = dict(window.failing) | {
            name: window.failing.get(name, 0) + min(more, healthy),
        }
        worse[length] = replace(window, failing=failing)
    assert find_incident(worse, usual, THRESHOLDS) is not None


@given(drawn_windows(), USUALS, st.integers(1, 50))
def test_more_who_got_through_never_make_an_incident(
    drawn: dict[int, Window], usual: Usual, more: int
) -> None:
    assume(find_incident(drawn, usual, THRESHOLDS) is None)
    better = {n: replace(window, tried=window.tried + more) for n, window in drawn.items()}
    assert find_incident(better, usual, THRESHOLDS) is None


@given(drawn_windows(), USUALS)
def test_whatever_is_found_is_enough_people_and_far_from_usual(
    drawn: dict[int, Window], usual: Usual
) -> None:
    finding = find_incident(drawn, usual, THRESHOLDS)
    if finding is None:
        return
    few = finding.tried < THRESHOLDS.few_tried
    share = finding.people / finding.tried
    many = finding.people >= THRESHOLDS.people and share >= THRESHOLDS.share
    most = finding.people >= THRESHOLDS.small_people and share >= THRESHOLDS.small_share
    assert many or (few and most)
    assert finding.people <= drawn[finding.window].of_provider(finding.provider)
    assert finding.signature.startswith(finding.provider)


@given(st.integers(0, 60), st.integers(0, 60), SHARES)
def test_the_tail_is_that_of_an_exact_sum(least: int, tried: int, share: Fraction) -> None:
    exact = sum(
        comb(tried, failed) * share**failed * (1 - share) ** (tried - failed)
        for failed in range(least, tried + 1)
    )
    told = tail_probability(least, tried, float(share))
    if least <= tried * share:
        # At or below the mean it is taken for certain: it never is small there.
        assert told == 1.0
        assert least == 0 or exact > Fraction(1, 4)
    else:
        assert told == pytest.approx(float(exact), rel=1e-6)


@given(st.integers(0, 400), st.integers(0, 400), st.floats(0, 1))
def test_a_tail_is_a_probability_and_falls_with_the_number(
    least: int, tried: int, share: float
) -> None:
    tail = tail_probability(least, tried, share)
    assert 0.0 <= tail <= 1.0
    assert tail_probability(least + 1, tried, share) <= tail * (1 + 1e-9)


@given(st.integers(0, 300), st.integers(0, 300), st.floats(0.002, 0.9), st.floats(0, 0.1))
def test_what_is_usual_for_more_is_never_more_unusual(
    people: int, tried: int, usual: float, more: float
) -> None:
    if not is_too_many(people, tried, usual, THRESHOLDS):
        assert not is_too_many(people, tried, usual + more, THRESHOLDS)


def test_usual_is_never_taken_for_nothing() -> None:
    for usual in (Usual(), Usual(10**6, {})):
        assert usual.share(BUSY, THRESHOLDS) >= THRESHOLDS.least_baseline
        assert usual.provider_share("google", THRESHOLDS) >= THRESHOLDS.least_baseline


@given(USUALS)
def test_a_provider_usually_fails_at_least_as_often_as_any_of_its_errors(usual: Usual) -> None:
    for name in (BUSY, LOGIN):
        whole = usual.provider_share("salesforce", THRESHOLDS)
        assert usual.share(name, THRESHOLDS) <= whole


def course(hit: int, good: int, tried: int, busy: int, *, off: int = 0) -> Course:
    return Course("salesforce", hit, good, off, Window(tried, {BUSY: busy} if busy else {}))


@pytest.mark.parametrize(
    ("stands", "over"),
    [
        (course(400, 2, 54, 0), False),
        (course(400, 3, 54, 8), True),
        (course(400, 3, 54, 9), False),
        (course(2, 2, 10, 3), True),
        (course(2, 1, 10, 3), True),
        (course(2, 0, 10, 0), False),
        (course(6, 2, 10, 0), False),
        (course(400, 399, 0, 0), False),
        (course(400, 400, 0, 0), True),
        (course(5, 2, 10, 0, off=3), True),
        (course(5, 0, 10, 0, off=5), True),
    ],
)
def test_an_incident_is_over_when_different_people_got_through_and_few_fail(
    stands: Course, over: bool
) -> None:
    assert is_over(stands, THRESHOLDS) is over


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 80), st.integers(0, 80))
def test_more_failing_never_ends_an_incident(hit: int, good: int, tried: int, busy: int) -> None:
    stands = course(hit, min(good, hit), max(tried, busy), busy)
    worse = course(hit, min(good, hit), max(tried, busy + 1), busy + 1)
    if stands.window.tried == worse.window.tried and not is_over(stands, THRESHOLDS):
        assert not is_over(worse, THRESHOLDS)


@given(st.integers(1, 50), st.integers(0, 80))
def test_failures_against_another_provider_do_not_keep_it_open(hit: int, quota: int) -> None:
    window = Window(quota + 1, {QUOTA: quota} if quota else {})
    assert is_over(Course("salesforce", hit, hit, 0, window), THRESHOLDS)


@given(st.integers(1, 500), st.integers(1, 500), st.integers(0, 500))
def test_what_is_over_is_not_found_again_by_the_same_window(
    good: int, tried: int, busy: int
) -> None:
    busy = min(busy, tried)
    if is_over(course(500, good, tried, busy), THRESHOLDS):
        assert found(tried, busy=busy) is None
