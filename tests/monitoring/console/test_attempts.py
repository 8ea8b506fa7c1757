from __future__ import annotations

from datetime import UTC
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.console.attempts import RESULTS, SHOWN_CHARACTERS, attempt_row, problem_of, raw_text
from monitoring.console.evidence import evidence_times, time_in
from monitoring.console.person_entries import change_sentence
from monitoring.console.progress import outcome_sentence
from monitoring.health.causes import Explanation
from monitoring.outcomes.identifiers import attempt_id_at
from monitoring.outcomes.models import Outcome, Result
from tests.factories import NOW
from tests.monitoring.console.makers import HOUR, REVOKED


def test_every_result_has_a_look_of_its_own() -> None:
    assert set(RESULTS) == set(Result.values)
    assert len({look.icon for look in RESULTS.values()}) == len(RESULTS)


def test_the_raw_text_holds_the_facts_and_the_body_laid_out() -> None:
    assert raw_text(REVOKED) == (
        "google · token · HTTP 400 · oauth-json\n\n"
        '{\n  "error": "invalid_grant",\n  "error_description": "Token has been revoked."\n}'
    )


@pytest.mark.parametrize(
    ("result", "problem", "sentence"),
    [
        ("success", "", "Synced. Nothing had changed on either side."),
        ("failure", "No reason was reported", "The sync failed: no reason was reported."),
        ("partial", "No reason was reported", "Synced in part: no reason was reported."),
    ],
)
def test_a_run_that_failed_without_an_error_says_that_no_reason_is_known(
    result: str, problem: str, sentence: str
) -> None:
    outcome = Outcome(result=result, error=None, counts=None)
    assert problem_of(outcome, {}) == problem
    assert outcome_sentence(outcome, {}) == sentence


def test_the_id_of_a_rule_that_is_gone_is_only_in_the_raw_text() -> None:
    outcome = Outcome(
        result="failure", trigger="schedule", finished_at=NOW, error=REVOKED, rule="some-old-rule"
    )
    row = attempt_row(outcome, {}, NOW, UTC)
    assert row.problem == "An error whose rule is gone"
    assert "rule some-old-rule" in row.raw
    known = {"some-old-rule": Explanation("Access was revoked", "", "")}
    assert "some-old-rule" not in attempt_row(outcome, known, NOW, UTC).raw


@pytest.mark.parametrize("nothing", [None, {}])
def test_no_error_has_no_text(nothing: dict[str, object] | None) -> None:
    assert raw_text(nothing) == ""


def test_a_long_body_is_cut_and_says_so() -> None:
    text = raw_text(REVOKED | {"body": "x" * 100_000})
    assert len(text) < SHOWN_CHARACTERS + 100
    assert text.endswith("(cut here)")


@pytest.mark.parametrize(
    "body",
    [
        '{"error": "x", "refresh_token": "SECRET-value"}',
        '{"access_token":"SECRET.value"}',
        "grant_type=refresh_token&client_secret=SECRET-value&x=1",
        "assertion=SECRETvalue",
        "Authorization: Bearer SECRETvalue",
        "the token ya29.SECRETvalue was refused",
        "the token 1//0SECRETvalue was refused",
        r'{"detail": "the token 1\/\/0SECRETvalue was refused"}',
        "the session 00D000000000001AAA!SECRET.value was refused",
        "x" * (SHOWN_CHARACTERS - 8) + " 1//0SECRETvalue",
    ],
)
def test_tokens_are_never_shown(body: str) -> None:
    text = raw_text(REVOKED | {"body": body})
    assert "SE" not in text
    assert "***" in text or "cut here" in text


def test_the_operation_is_masked_too() -> None:
    assert "SECRET" not in raw_text(REVOKED | {"operation": "GET /x?access_token=SECRET"})


def test_a_body_nested_too_deep_to_be_laid_out_is_shown_as_it_is() -> None:
    body = "[" * 100_000
    assert raw_text(REVOKED | {"body": body}).endswith("[\n(cut here)")


@given(
    st.dictionaries(
        st.sampled_from(["provider", "channel", "status", "body", "operation", "headers"]),
        st.one_of(st.none(), st.text(max_size=50), st.integers(), st.just({})),
        min_size=1,
    )
)
def test_any_error_has_a_text(error: dict[str, object]) -> None:
    assert "None" not in raw_text(error).replace(str(error.get("body")), "")


def test_headers_are_not_shown() -> None:
    assert "secret" not in raw_text(REVOKED | {"headers": {"authorization": "secret"}})


def test_evidence_is_dated_by_the_runs_or_else_by_their_ids() -> None:
    known, older, foreign = attempt_id_at(NOW), attempt_id_at(NOW - HOUR), uuid4()
    assert evidence_times([older, known, foreign], {known: NOW + HOUR}) == [NOW - HOUR, NOW + HOUR]


def test_only_ids_that_begin_with_a_time_tell_one() -> None:
    assert time_in(attempt_id_at(NOW)) == NOW
    assert time_in(UUID("5c7f9a3e-1111-4222-8333-944455556666")) is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("degraded", "healthy", "lost", "", 7_200, 7_200), "Syncing again"),
        (
            ("healthy", "degraded", "", "lost", 7_200, 7_200),
            "Delayed: A run ended without a result",
        ),
        (
            ("degraded", "stalled", "lost", "silent", 7_200, 86_400),
            "Needs attention: No run for too long; runs every 24 h instead of 2 h",
        ),
        (("healthy", "healthy", "", "", 14_400, 7_200), "Runs every 2 h instead of 4 h"),
        (("healthy", "healthy", "", "", 7_200, 7_200), "Syncing"),
    ],
)
def test_a_change_is_one_sentence(
    change: tuple[str, str, str, str, int, int], sentence: str
) -> None:
    assert change_sentence(*change, rules={}) == sentence
