from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitoring.console.figures import GROUPS, Figures
from monitoring.console.summaries import coverage_of, share_said


@given(st.integers(1, 10**6), st.integers(0, 10**6))
def test_coverage_is_of_all_who_are_known_and_full_only_when_it_is(
    connected: int, never: int
) -> None:
    found = coverage_of(
        Figures({("healthy", ""): connected, ("never_connected", "never_connected"): never})
    )
    assert found is not None
    assert (found.known, found.connected, found.never) == (connected + never, connected, never)
    assert (found.percent == 100) == (never == 0)


def test_coverage_reads_as_a_sentence() -> None:
    figures = Figures({("healthy", ""): 411, ("never_connected", "never_connected"): 19})
    coverage = coverage_of(figures)
    assert coverage is not None
    assert coverage.sentence == "411 of 430 people known in Salesforce are connected (95\xa0%)."
    assert coverage_of(Figures(dict.fromkeys(((group, "") for group in GROUPS), 0))) is None


def test_a_share_is_never_said_to_be_nothing() -> None:
    assert [share_said(share) for share in (0.001, 0.01, 0.494, 1)] == [
        "under 1\xa0%",
        "1\xa0%",
        "49\xa0%",
        "100\xa0%",
    ]
