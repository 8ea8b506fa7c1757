"""Judge errors given as JSON lines: what `manage.py interpret` does, without Django."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import msgspec

from monitoring.errors.facts import RawError, extract_facts
from monitoring.errors.interpretation import UNRECOGNISED, built_in_rules
from monitoring.errors.rules import PROVIDERS
from monitoring.errors.ruleset import RuleSet

MAX_LINE = 16 * 1024 * 1024
MARK = b"\xef\xbb\xbf"


class Line(msgspec.Struct):
    """One error of the input. Keys that are not listed here are ignored."""

    provider: str
    id: Any = None
    channel: str = ""
    status: int | None = None
    headers: dict[str, Any] | None = None
    body: str | None = None
    operation: str | None = None


class Answer(msgspec.Struct):
    """One verdict of the output, keyed as the interface says."""

    id: Any
    interpretation: str
    rule: str | None
    title: str
    next_step: str


class Refusal(msgspec.Struct):
    """What is said of a line that can't be judged; `line` counts from 1."""

    id: Any
    line: int
    error: str


@dataclass(slots=True)
class Tally:
    """How many lines were judged and how many refused."""

    judged: int = 0
    refused: int = 0

    @property
    def exit_code(self) -> int:
        """1 where there was input and not one line of it could be judged, else 0."""
        return int(self.refused > 0 and self.judged == 0)


def interpret_stream(source: IO[bytes], target: IO[bytes]) -> int:
    """Judge a stream of lines into another; return the exit code."""
    tally = Tally()
    at_once = target.isatty()
    try:
        for answer in judge_lines(bounded_lines(source), built_in_rules(), tally):
            target.write(answer)
            if at_once:
                target.flush()
        target.flush()
    except BrokenPipeError:
        # The reader has seen enough; without this Python complains once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return tally.exit_code


def judge_lines(lines: Iterable[bytes | None], rules: RuleSet, tally: Tally) -> Iterator[bytes]:
    """Yield one JSON line for each line that is not blank; count them in `tally`.

    None stands for a line that was too long to read. A line that can't be judged gives a line
    with its id, if it has one, and the reason under `error`; the others are judged all the same.
    """
    encode = msgspec.json.Encoder().encode
    decode = msgspec.json.Decoder(Line).decode
    for number, line in enumerate(lines, start=1):
        if line is not None and (not line or line.isspace()):
            continue
        try:
            if line is None:
                raise ValueError(f"longer than {MAX_LINE} bytes")
            answer: Answer | Refusal = answered(decode(line.removeprefix(MARK)), rules)
            tally.judged += 1
        except (ValueError, RecursionError) as error:
            answer = Refusal(id_of(line), number, f"line {number}: {error}")
            tally.refused += 1
        yield encode(answer) + b"\n"


def answered(line: Line, rules: RuleSet) -> Answer:
    """Judge one error. Raises ValueError where it does not say whose error it is."""
    if line.provider not in PROVIDERS:
        known = ", ".join(sorted(PROVIDERS))
        raise ValueError(f"provider: unknown {line.provider!r}, one of {known}")
    headers = {name: str(value) for name, value in line.headers.items()} if line.headers else {}
    raw = RawError(
        line.provider, line.channel, line.status, headers, line.body or "", line.operation or ""
    )
    rule = rules.match(extract_facts(raw)) or UNRECOGNISED
    return Answer(line.id, rule.interpretation, rule.id or None, rule.title, rule.next_step)


def id_of(line: bytes | None) -> Any:
    """Return the id of a line that can't be judged, None where even that can't be read."""
    try:
        value = msgspec.json.decode(line or b"")
    except (ValueError, RecursionError):
        return None
    return value.get("id") if isinstance(value, dict) else None


def bounded_lines(stream: IO[bytes], limit: int = MAX_LINE) -> Iterator[bytes | None]:
    """Yield the lines of a stream as they arrive; None in place of one longer than `limit`."""
    while line := stream.readline(limit + 1):
        if len(line) <= limit or line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(limit)
        yield None
