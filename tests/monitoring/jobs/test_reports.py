from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from monitoring.jobs.reports import broken, deadline_passed, describe, outcome_of
from syncing.reports import PassCounts, PassReport, PassResult, RawError, SideCounts
from tests.factories import NOW
from tests.monitoring.jobs.makers import SUCCESS, make_claim

moments = st.datetimes(timezones=st.just(UTC))
numbers = st.integers(0, 10**6)
sides = st.builds(SideCounts, created=numbers, updated=numbers, deleted=numbers)
errors = st.builds(
    RawError,
    provider=st.sampled_from(["google", "salesforce", "network"]),
    channel=st.sampled_from(["http-json", "exception-text"]),
    status=st.none() | st.integers(100, 599),
    headers=st.dictionaries(st.text(), st.text()),
    body=st.text(),
    operation=st.text(),
)
reports = st.builds(
    PassReport,
    result=st.sampled_from(PassResult),
    error=st.none() | errors,
    counts=st.builds(
        PassCounts, google=sides, salesforce=sides, skipped=numbers, conflicts=numbers
    ),
)


@given(report=reports, started=moments, finished=moments)
def test_an_outcome_tells_what_the_pass_reported(
    report: PassReport, started: datetime, finished: datetime
) -> None:
    claim = make_claim(trigger="admin")
    outcome = outcome_of(claim, report, started_at=started, finished_at=finished)

    assert (outcome.attempt_id, outcome.trigger) == (claim.attempt_id, "admin")
    assert outcome.result == report.result
    assert outcome.started_at <= outcome.finished_at
    assert outcome.counts is not None
    assert outcome.counts["google"]["created"] == report.counts.google.created
    assert outcome.counts["conflicts"] == report.counts.conflicts
    if report.error is None:
        assert outcome.error is None
    else:
        assert RawError(**outcome.error or {}) == report.error


def test_an_outcome_of_a_clock_set_back_takes_no_time() -> None:
    earlier = datetime(2026, 1, 1, tzinfo=UTC)
    outcome = outcome_of(make_claim(), SUCCESS, started_at=NOW, finished_at=earlier)
    assert outcome.finished_at == NOW


def test_the_deadline_is_named_in_the_failure() -> None:
    report = deadline_passed(45.0)
    assert report.result == PassResult.FAILURE
    assert report.error is not None
    assert report.error.body.startswith("synccenter.DeadlineReached: the deadline of 45 s passed")


def test_an_exception_is_described_by_types_and_place_and_never_by_its_words() -> None:
    try:
        try:
            raise OSError("https://example.org/?access_token=secret")
        except OSError as cause:
            raise KeyError("secret") from cause
    except KeyError as error:
        described = describe(error)
        report = broken(error)
    assert described.startswith("KeyError from OSError in test_reports.py:")
    assert report.error is not None
    assert "secret" not in report.error.body


def test_an_exception_that_causes_itself_is_described_too() -> None:
    error = ValueError()
    error.__context__ = error
    assert describe(error) == "ValueError from ValueError from ValueError from ValueError"
