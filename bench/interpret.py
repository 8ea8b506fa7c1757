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
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from statistics import median
from typing import IO, Any

from bench.common import Report, note, seconds
from monitoring.errors.interpretation import built_in_rules
from monitoring.errors.lines import Tally, judge_lines

ERRORS = int(os.environ.get("BENCH_ERRORS", 100_000))
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
    tell(report, "judge_lines", "judge_lines", [timed(lambda: judge(lines)) for _ in range(TIMES)])
    with tempfile.TemporaryFile() as source:
        source.write(b"\n".join(lines))
        tell(report, "command", "the whole command", [run_command(source) for _ in range(TIMES)])
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


def run_command(source: IO[bytes]) -> tuple[float, float]:
    """Run the whole command on the lines of a file; return the seconds it took."""
    with tempfile.TemporaryFile() as target:

        def run() -> None:
            source.seek(0)
            subprocess.run(COMMAND, stdin=source, stdout=target, cwd=ROOT, check=True)

        return timed(run)


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Return the seconds that the work takes, by the clock and of a processor."""
    used = processor_time()
    elapsed = seconds(work)
    return elapsed, processor_time() - used


def processor_time() -> float:
    own, theirs = getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + theirs.ru_utime + theirs.ru_stime


def tell(report: Report, key: str, name: str, runs: list[tuple[float, float]]) -> None:
    elapsed, used = (ERRORS / median(found) for found in zip(*runs, strict=True))
    goal = f"the goal of {GOAL:,}"
    report.line(key, f"{name}, distinct errors", elapsed, "errors/s", elapsed / GOAL, goal)
    report.line(f"{key}_cpu", "  a second of one processor", used, "errors/s", used / GOAL, goal)


if __name__ == "__main__":
    main()
