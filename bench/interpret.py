"""Interpret: distinct errors judged a second, on one core.

    make bench-interpret

The real errors that the tests know, each with other ids, numbers, addresses and names every time,
so that no two lines are equal and nothing could be remembered. Measured through `judge_lines`, and
as the whole command with its start, reading and writing. The goal: 20,000 a second. Both by the
clock and by the processor's time, which does not grow when other work shares the core.
`BENCH_ERRORS` changes the number of errors.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from bench.common import Report, note, seconds
from monitoring.errors.interpretation import built_in_rules
from monitoring.errors.lines import Tally, judge_lines

ERRORS = int(os.environ.get("BENCH_ERRORS", 60_000))
GOAL = 20_000
TIMES = 5
ROOT = Path(__file__).resolve().parent.parent
KNOWN = ROOT / "tests" / "monitoring" / "errors"
FILES = ("cases", "documented", "gathered")
COMMAND = [sys.executable, "manage.py", "interpret"]

ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
RECORD = re.compile(r"\b[a0]0\w{13}(?:\w{3})?\b")
LONG_NUMBER = re.compile(r"\d{5,}")
NAMES = ("ada", "grace", "edsger", "barbara", "donald", "frances", "alan", "radia")


def main() -> None:
    report = Report("interpret")
    lines = list(errors_like(known()))
    size = sum(map(len, lines)) / len(lines)
    note(f"{len(lines):,} errors, {len(set(lines)):,} distinct, {size:,.0f} bytes on average")
    judge(lines[: len(lines) // 10])  # not counted: rules are read, patterns compiled
    fast = len(lines) / median(seconds(lambda: judge(lines)) for _ in range(TIMES))
    tell(report, "judge_lines", "errors judged through judge_lines", fast)
    whole = len(lines) / median(run_command(lines) for _ in range(TIMES))
    tell(report, "command", "errors judged by the whole command", whole)
    report.close()


def known() -> list[dict[str, Any]]:
    """Return the errors that the tests know."""
    return [
        json.loads(line)
        for name in FILES
        for line in (KNOWN / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def errors_like(samples: list[dict[str, Any]]) -> Iterator[bytes]:
    """Yield lines of input, each one error of the samples with other particulars."""
    random = Random(20_080_606)
    for number in range(ERRORS):
        sample = samples[number % len(samples)]
        mark = f"{number:07d}{random.randrange(1_000):03d}"
        body = with_mark(varied(sample["body"], random), mark)
        yield json.dumps({**line_of(sample), "id": number, "body": body}).encode()


def line_of(sample: dict[str, Any]) -> dict[str, Any]:
    return {name: sample[name] for name in ("provider", "channel", "status", "headers")}


def varied(body: str, random: Random) -> str:
    """Return the body with other addresses, record ids and long numbers."""
    body = ADDRESS.sub(lambda _: f"{random.choice(NAMES)}{random.randrange(10**6)}@a.example", body)
    body = RECORD.sub(lambda found: found[0][:3] + other_digits("0" * 12, random), body)
    return LONG_NUMBER.sub(lambda found: other_digits(found[0], random), body)


def other_digits(digits: str, random: Random) -> str:
    return str(random.randrange(10 ** (len(digits) - 1), 10 ** len(digits)))


def with_mark(body: str, mark: str) -> str:
    """Return the body with a number of its own, where its form has room for one."""
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if isinstance(value, dict):
        return json.dumps({**value, "requestId": mark})
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return json.dumps([{**value[0], "requestId": mark}, *value[1:]])
    if body.rstrip().endswith(">"):
        return f"{body}<!-- {mark} -->"
    return f"{body}\nattempt {mark}"


def judge(lines: list[bytes]) -> None:
    tally = Tally()
    for _ in judge_lines(lines, built_in_rules(), tally):
        pass
    if tally.judged != len(lines):
        raise SystemExit(f"the benchmark is wrong: {tally}")


def run_command(lines: list[bytes]) -> float:
    """Return the seconds that the whole command takes for the lines."""
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
        source.write(b"\n".join(lines))

        def run() -> None:
            source.seek(0)
            target.seek(0)
            subprocess.run(COMMAND, stdin=source, stdout=target, cwd=ROOT, check=True)

        return seconds(run)


def tell(report: Report, key: str, label: str, rate: float) -> None:
    report.line(key, label, rate, "errors/s", rate / GOAL, f"the goal of {GOAL:,}")


if __name__ == "__main__":
    main()
