from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.intake.schema import (
    MAX_BODY,
    MAX_LINE,
    OutcomeLine,
    Refusal,
    read_line,
    split,
    storable,
)
from tests.factories import NOW
from tests.monitoring.intake.makers import as_array, as_lines, make_error, make_line


def read(**overrides: Any) -> OutcomeLine | Refusal:
    return read_line(3, json.dumps(make_line("ada@acme.example", **overrides)).encode(), NOW)


def test_a_whole_outcome_is_read() -> None:
    outcome = read(error=make_error(), result="failure")
    assert isinstance(outcome, OutcomeLine)
    assert (outcome.finished_at, outcome.counts.google.created) == (NOW, 1)
    assert outcome.error.status == 400


def test_error_counts_and_unknown_fields_may_be_left_out_or_added() -> None:
    line = make_line("ada@acme.example", extra="ignored")
    del line["error"], line["counts"]
    assert isinstance(read_line(1, json.dumps(line).encode(), NOW), OutcomeLine)


@pytest.mark.parametrize(
    ("overrides", "field", "reason"),
    [
        ({"person": None}, "person", "Expected `int | str`"),
        ({"person": 1.5}, "person", "got `float`"),
        ({"attempt_id": "x"}, "attempt_id", "Invalid UUID"),
        ({"attempt_id": "ffffffff-ffff-7fff-8fff-ffffffffffff"}, "attempt_id", "future"),
        ({"trigger": "cron"}, "trigger", "Invalid enum value 'cron'"),
        ({"result": "ok"}, "result", "Invalid enum value 'ok'"),
        ({"started_at": "1969-12-31T23:59:59Z"}, "started_at", "before 2000"),
        ({"finished_at": "2999-01-01T00:00:00Z"}, "finished_at", "in the future"),
        ({"finished_at": "2026-11-20T12:00:00"}, "finished_at", "timezone"),
        ({"finished_at": "yesterday"}, "finished_at", "Invalid RFC3339"),
        ({"started_at": 12}, "started_at", "got `int`"),
        ({"finished_at": "2026-11-20T11:00:00Z"}, "finished_at", "ends before it starts"),
        ({"error": {"provider": "google"}}, "error.channel", "missing required field"),
        ({"error": make_error(provider="outlook")}, "error.provider", "Invalid enum value"),
        ({"error": make_error(status="400")}, "error.status", "got `str`"),
        ({"counts": {"google": {"created": -1}}}, "counts.google.created", ">= 0"),
        ({"counts": {"skipped": "2"}}, "counts.skipped", "got `str`"),
    ],
)
def test_a_bad_field_is_named_with_its_reason(
    overrides: dict[str, Any], field: str, reason: str
) -> None:
    refusal = read(**overrides)
    assert isinstance(refusal, Refusal)
    assert (refusal.line, refusal.field) == (3, field)
    assert reason in refusal.reason


@pytest.mark.parametrize(
    "field", ["attempt_id", "person", "trigger", "started_at", "finished_at", "result"]
)
def test_a_missing_field_is_named(field: str) -> None:
    line = make_line("ada@acme.example")
    del line[field]
    refusal = read_line(1, json.dumps(line).encode(), NOW)
    assert refusal == Refusal(1, field, f"Object missing required field `{field}`")


@pytest.mark.parametrize(
    "line",
    [
        b'{"person": "\xff"}',
        b"\xff\xfe",
        b"not json",
        b'{"person": ',
        b"[]",
        b"null",
        b"NaN",
        b'{"a": 1} trailing',
        b'{"person": "\\ud800"}',
        b"[" * 100_000,
        b'{"x": ' + b"[" * 2_000 + b"]" * 2_000 + b"}",
        b'{"person": 1e999}',
    ],
)
def test_what_is_no_json_object_in_utf8_is_refused(line: bytes) -> None:
    assert isinstance(read_line(1, line, NOW), Refusal)


def test_a_line_of_ten_megabytes_is_refused_by_its_size() -> None:
    line = json.dumps(make_line("a@b.example", error=make_error(body="x" * 10**7))).encode()
    refusal = read_line(1, line, NOW)
    assert isinstance(refusal, Refusal)
    assert f"{MAX_LINE:,}" in refusal.reason


def test_a_clock_a_little_ahead_is_forgiven() -> None:
    ahead = (NOW + timedelta(minutes=4)).isoformat()
    assert isinstance(read(finished_at=ahead), OutcomeLine)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_outcome_or_a_refusal(line: bytes) -> None:
    assert isinstance(read_line(1, line, NOW), OutcomeLine | Refusal)
    assert all(isinstance(piece, bytes | Refusal) for _, piece in split(line))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(make_line("a@b.example"))), json_values)
def test_any_value_in_any_field_is_read_or_refused(field: str, value: Any) -> None:
    line = json.dumps(make_line("a@b.example") | {field: value}).encode()
    assert isinstance(read_line(1, line, NOW), OutcomeLine | Refusal)


def test_an_array_and_lines_are_cut_alike() -> None:
    outcomes = [make_line("a@b.example"), make_line("c@d.example")]
    from_array = [read_line(n, line, NOW) for n, line in split(as_array(*outcomes))]
    from_lines = [read_line(n, line, NOW) for n, line in split(as_lines(*outcomes))]
    assert from_array == from_lines
    assert len(from_array) == 2


def test_empty_lines_count_but_are_not_read() -> None:
    assert [number for number, _ in split(b"\n{}\r\n \n{}\n")] == [2, 4]


@pytest.mark.parametrize("body", [b'[{"a": 1}, {"b"', b"[" * 5_000])
def test_a_broken_array_is_one_refusal(body: bytes) -> None:
    ((number, refusal),) = split(body)
    assert number == 1
    assert isinstance(refusal, Refusal)


@given(st.text(), st.text())
def test_what_is_stored_of_an_error_is_bounded_and_has_no_nul(body: str, header: str) -> None:
    error = read(error=make_error(body="x" * 20_000)).error
    assert len(storable(error)["body"]) == MAX_BODY
    line = json.dumps(
        make_line("a@b.example", error=make_error(body=body, headers={header: header}))
    )
    outcome = read_line(1, line.encode(), NOW)
    if isinstance(outcome, OutcomeLine):
        assert "\x00" not in str(storable(outcome.error).values())


SECRET_TEXTS = ["1//0abcdefghijklmnop", "ya29.a0AfH6SMBx", "00D000000000001!AQEAQ.abc_def"]


@pytest.mark.parametrize("secret", SECRET_TEXTS)
def test_a_token_that_was_reported_by_mistake_is_not_stored(secret: str) -> None:
    error = make_error(
        body=json.dumps({"refresh_token": secret, "access_token": secret, "error": "x"}),
        headers={"Authorization": f"Bearer {secret}", "Retry-After": "30"},
    )
    stored = storable(read(error=error).error)
    assert secret not in json.dumps(stored)
    assert stored["headers"] == {"retry-after": "30"}
