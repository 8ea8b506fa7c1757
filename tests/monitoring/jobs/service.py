"""A running service for whole-process tests: worker and tick on a database of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

PROJECT = Path(__file__).resolve().parents[3]
# Everything that takes a while in production, in seconds.
SHORT = {
    "JOB_RUNNER": "tests.monitoring.jobs.fake_runner.FakeRunner",
    "TICK_SECONDS": "0.5",
    "JOB_DEADLINE": "6",
    "JOB_LEASE": "7",
    "DRAIN_BUDGET": "20",
    "DRAIN_THREADS": "24",
    "PROBE_STAT_SECONDS": "3",
    "PROBE_BEAT_SECONDS": "4",
    "LOG_LEVEL": "INFO",
}
PEOPLE = """
    WITH organization AS (
        INSERT INTO accounts_organization (slug, name, google_domain, salesforce_host, created_at)
        VALUES (%(slug)s, %(slug)s, %(slug)s, %(slug)s, now()) RETURNING id
    ), policy AS (
        INSERT INTO health_policy SELECT id, 7200, 86400, 900, 86400, 6, 2, 1, 1, 3, 240
        FROM organization
    )
    INSERT INTO accounts_person (
        organization_id, email, name, team, time_zone, google_calendar_id, salesforce_user_id,
        salesforce_username, created_at
    )
    SELECT id, %(slug)s || n, n, '', 'UTC', '', '', '', now()
    FROM organization, generate_series(1, %(number)s) AS n
    RETURNING id
"""


def with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def wait_until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Return what the condition gives once it is true; fail when it is not so in time."""
    until = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return value


class Service:
    """Worker and tick as processes. `hold` makes passes wait until `let_go`."""

    def __init__(self, url: str, folder: Path, **settings: str) -> None:
        self.url, self.folder = url, folder
        self.held = folder / "hold"
        self.environment: Mapping[str, str] = {
            **os.environ,
            **SHORT,
            **settings,
            "DATABASE_URL": url,
            "FAKE_PASS_WHILE": str(self.held),
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, command: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{command}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, PROJECT / "manage.py", command, *arguments],
                env=self.environment,
                cwd=PROJECT,
                stdout=log,
                stderr=log,
            )
        self.processes[command] = process
        self.started.append(process)
        return process

    def manager(self) -> subprocess.Popen[bytes]:
        """Return the worker manager, started if it does not run."""
        running = self.processes.get("worker")
        if running is None or running.poll() is not None:
            running = self.start("worker", "--workers", "1", "--fast", "1")
        return running

    @contextmanager
    def conversation(self, *arguments: str) -> Iterator[Callable[..., str]]:
        """Run a manage.py command; yield what says a line to it and returns its next line."""
        command = [sys.executable, PROJECT / "manage.py", *arguments]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, env=self.environment, cwd=PROJECT, stdin=pipe, stdout=pipe, text=True
        ) as process:

            def say(*words: object) -> str:
                assert process.stdin is not None
                assert process.stdout is not None
                if words:
                    print(*words, file=process.stdin, flush=True)
                return process.stdout.readline().strip()

            yield say

    def stop(self) -> None:
        self.let_go()
        for process in self.started:
            process.terminate()
        for process in self.started:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise

    def log(self, command: str = "worker") -> str:
        return (self.folder / f"{command}.log").read_text()

    def hold(self) -> None:
        self.held.touch()

    def let_go(self) -> None:
        self.held.unlink(missing_ok=True)

    def sql(self, statement: str, values: Any = None) -> list[Any]:
        """Run a statement; return its rows, of which a single column comes bare."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            rows = cursor.fetchall() if cursor.description else []
        return [row[0] if len(row) == 1 else row for row in rows]

    def count(self, statement: str, values: Any = None) -> int:
        return self.sql(f"SELECT count(*) FROM {statement}", values)[0]

    def people(self, slug: str, number: int) -> list[int]:
        """Make an organization with people who run here and are not due; retries come in 1 s."""
        people = self.sql(PEOPLE, {"slug": slug, "number": number})
        self.sql("UPDATE health_health SET runs_here = true WHERE person_id = ANY(%s)", [people])
        return people

    def make_due(self, people: list[int]) -> None:
        self.sql("UPDATE health_health SET next_due = now() WHERE person_id = ANY(%s)", [people])

    def successes(self, people: list[int]) -> int:
        return self.count(
            "(SELECT DISTINCT person_id FROM outcomes_outcome "
            "WHERE result = 'success' AND person_id = ANY(%s)) AS well",
            [people],
        )

    def sync_all(self, people: list[int], seconds: float) -> None:
        """Make all due and wait until each has one more success."""
        before = self.outcomes(people, "success")
        self.make_due(people)
        wait_until(
            lambda: self.outcomes(people, "success") >= before + len(people),
            seconds,
            "everybody is synced",
        )

    def outcomes(self, people: list[int], result: str) -> int:
        return self.count(
            "outcomes_outcome WHERE result = %s AND person_id = ANY(%s)", [result, people]
        )

    def running(self) -> list[Any]:
        return self.sql("SELECT attempt_id FROM jobs_job WHERE state = 1")

    def worker_pid(self, lane: int = 9) -> int:
        """Return the process that last worked on the lane."""
        beats = "SELECT worker FROM jobs_workerbeat WHERE lane = %s ORDER BY at DESC LIMIT 1"
        return int(self.sql(beats, [lane])[0].rpartition(":")[2])


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def descendants(pid: int) -> list[int]:
    """Return the living processes below `pid`."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = parent_of(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found[1:]


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    os.kill(pid, number)


@contextmanager
def copy_of_database(source: str) -> Iterator[str]:
    """Make a copy of a database nobody is connected to; drop it afterwards."""
    name = urlsplit(source).path.removeprefix("/")
    copy = f"{name}_copy_{os.getpid()}"
    with psycopg.connect(with_database(source, "postgres"), autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{copy}" TEMPLATE "{name}"')
        try:
            yield with_database(source, copy)
        finally:
            server.execute(f'DROP DATABASE "{copy}" WITH (FORCE)')
