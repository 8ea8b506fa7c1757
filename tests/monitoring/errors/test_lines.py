from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.errors.interpretation import built_in_rules, interpret
from monitoring.errors.lines import Tally, bounded_lines, interpret_stream, judge_lines
from monitoring.errors.management.commands.interpret import Command
from tests.monitoring.errors.samples import raw_of, samples

ROOT = Path(__file__).resolve().parents[3]
GOOD = b'{"id": "a", "provider": "google", "channel": "http-json", "status": 503, "body": ""}'


def judged(*lines: bytes | None) -> tuple[list[dict[str, Any]], Tally]:
    tally = Tally()
    return [json.loads(line) for line in judge_lines(lines, built_in_rules(), tally)], tally


def test_each_error_gets_its_id_class_rule_title_and_next_step() -> None:
    answers, tally = judged(GOOD)

    assert answers == [
        {
            "id": "a",
            "interpretation": "transient",
            "rule": "provider-server-error",
            "title": "The provider has a temporary fault",
            "next_step": "Nothing to do. The sync tries again by itself.",
        }
    ]
    assert (tally.judged, tally.refused, tally.exit_code) == (1, 0, 0)


def test_lines_are_judged_like_single_errors() -> None:
    known = samples()

    answers, _ = judged(*(json.dumps(sample).encode() for sample in known))

    for sample, answer in zip(known, answers, strict=True):
        verdict = interpret(raw_of(sample), built_in_rules())
        assert answer["id"] == sample["id"]
        assert (answer["interpretation"], answer["rule"]) == (
            verdict.interpretation,
            verdict.rule_id,
        )


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"not json", "malformed"),
        (b'{"id": 7, "provider": "zoom"}', "provider: unknown 'zoom'"),
        (b'{"id": 7}', "missing required field `provider`"),
        (b'{"id": 7, "provider": "google", "status": "403"}', "$.status"),
        (b'{"id": 7, "provider": "google", "body": 5}', "$.body"),
        (b'{"id": 7, "provider": "google", "headers": []}', "$.headers"),
        (b'{"id": 7, "provider": "google", "body": "\xff"}', "can't decode"),
        (b"[1, 2]", "Expected `object`"),
        (b'{"provider": "google", "headers": {"a": ' + b"[" * 100_000, "recursion"),
        (None, "longer than"),
    ],
)
def test_a_bad_line_is_named_and_the_rest_go_on(line: bytes | None, complaint: str) -> None:
    answers, tally = judged(GOOD, line, GOOD)

    assert [answer.get("interpretation") for answer in answers] == ["transient", None, "transient"]
    assert complaint in answers[1]["error"]
    assert answers[1]["line"] == 2
    assert answers[1]["id"] == (7 if line and b'"id": 7' in line and b"\xff" not in line else None)
    assert tally.exit_code == 0


def test_headers_of_any_kind_and_missing_fields_are_taken() -> None:
    answers, _ = judged(
        b'{"provider": "google", "headers": {"Retry-After": 5, "x": ["a"]}, "extra": {}}',
        b'{"provider": "google", "headers": null, "body": null, "status": null}',
    )

    assert [answer["interpretation"] for answer in answers] == ["unknown", "unknown"]
    assert answers[0]["rule"] is None


def test_a_mark_at_the_start_and_blank_lines_are_passed_over() -> None:
    answers, tally = judged(b"\xef\xbb\xbf" + GOOD, b"\n", b"  \r\n", GOOD)

    assert len(answers) == 2
    assert tally.refused == 0


@pytest.mark.parametrize(
    ("source", "code"), [(b"", 0), (b"\n\n", 0), (b"x\n", 1), (b"x\n" + GOOD, 0), (GOOD, 0)]
)
def test_the_exit_code_is_1_only_if_no_line_could_be_judged(source: bytes, code: int) -> None:
    target = io.BytesIO()

    assert interpret_stream(io.BytesIO(source), target) == code


def test_an_endless_line_is_passed_over() -> None:
    stream = io.BytesIO(b"ab\n" + b"x" * 50 + b"\nabcdefgh\ncd")

    assert list(bounded_lines(stream, limit=8)) == [b"ab\n", None, b"abcdefgh\n", b"cd"]


def test_lines_are_answered_as_they_come() -> None:
    def source() -> Any:
        yield GOOD
        raise AssertionError("asked for a second line before the first was answered")

    answers = judge_lines(source(), built_in_rules(), Tally())

    assert json.loads(next(answers))["id"] == "a"


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Any) -> None:
    class Closed(io.BytesIO):
        def flush(self) -> None:
            raise BrokenPipeError

    with (tmp_path / "out").open("wb") as standard_output, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", standard_output)
        assert interpret_stream(io.BytesIO(GOOD), Closed()) == 0


def test_the_command_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    target = io.BytesIO()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"x\n")))
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(target))

    with pytest.raises(SystemExit) as left:
        Command().handle()

    assert left.value.code == 1
    assert b'"error"' in target.getvalue()


@pytest.mark.parametrize(
    ("arguments", "started"), [(["interpret"], "False"), (["interpret", "--no-color"], "True")]
)
def test_django_is_started_only_where_it_is_needed(arguments: list[str], started: str) -> None:
    program = (
        "import atexit, sys, manage\n"
        "atexit.register(lambda: print('django' in sys.modules))\n"
        "manage.main()"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        input=GOOD,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        check=True,
    )

    answer, loaded = done.stdout.splitlines()
    assert json.loads(answer)["id"] == "a"
    assert loaded.decode() == started


def test_the_help_tells_form_and_exit_code() -> None:
    text = Command().create_parser("manage.py", "interpret").format_help()

    assert '"interpretation": "transient|needs_user' in text
    assert "Exit code: 0, or 1" in text


@given(st.lists(st.binary(max_size=80), max_size=8))
def test_any_bytes_give_one_answer_a_line(lines: list[bytes]) -> None:
    answers, tally = judged(*lines)

    assert len(answers) == sum(1 for line in lines if line.strip())
    assert tally.judged + tally.refused == len(answers)
