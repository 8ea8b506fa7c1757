"""Sync: passes a second of one worker process over an unchanged world.

    make bench-sync

The simulator runs in its own process; this process is one worker: it claims jobs, runs passes in
threads and closes them, as `manage.py worker` would. Measured with answers as fast as they come and
with answers delayed by 100 ms, where the passes in flight make up for the waiting.
`BENCH_PEOPLE` changes the number of people.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from bench.common import Report, bench_database, note
from synccenter.demo.processes import answers, free_port

PEOPLE = int(os.environ.get("BENCH_PEOPLE", 300))
THREADS = int(os.environ.get("DRAIN_THREADS", 64))
EVENTS = 5
DELAY = 0.1
ROUNDS = 3
# One request to Google and two to Salesforce, answered one after the other.
REQUESTS_A_PASS = 3
# Passes a second that a million people need at the base interval.
MILLION = 1_000_000 / 7_200


def main() -> None:
    with simulator() as address:
        os.environ |= {
            "GOOGLE_API_ROOT": address,
            "GOOGLE_TOKEN_URL": f"{address}/token",
            "SALESFORCE_LOGIN_URL": address,
            "DRAIN_THREADS": str(THREADS),
        }
        with bench_database("sync"):
            people_make(address)
            report = Report("sync")
            sync_until_quiet(address)
            fast = measure(address)
            tell(report, "at once", fast, fast["passes"] / MILLION, "a million every 2 h")
            ask(address, "faults", {"operation": "*", "delay": DELAY})
            slow = measure(address)
            alone = 1 / (REQUESTS_A_PASS * DELAY)
            tell(report, "after 100 ms", slow, slow["passes"] / alone, "one at a time")
            report.close()


@contextmanager
def simulator() -> Iterator[str]:
    """Run the simulator in its own process; yield its address."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "simulate", "--port", str(port)], stdout=subprocess.DEVNULL
    )
    try:
        while not answers(f"{address}/control/health"):
            if process.poll() is not None:
                raise SystemExit("the simulator ended")
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def ask(address: str, path: str, body: Any = None, method: str | None = None) -> Any:
    """Ask the simulator's control endpoint."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{address}/control/{path}", data=data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SystemExit(f"the benchmark is wrong: {path}: {error.read().decode()}") from error


def people_make(address: str) -> None:
    """Make people with some events each, in the world and in the database."""
    from django.utils import timezone

    from accounts.models import Organization, Person
    from synccenter.demo.cast import House
    from synccenter.demo.seed import organization_make, people_make

    names = tuple(f"Person {number}" for number in range(PEOPLE))
    house = House("acme", "Acme", "UTC", names, {})
    description = {
        "organizations": [{"slug": "acme", "domain": "acme.example"}],
        "people": [
            {
                "organization": "acme",
                "name": name,
                "email": f"{name.lower().replace(' ', '.')}@acme.example",
                "google_events": [event(number) for number in range(EVENTS)],
            }
            for name in names
        ],
    }
    ask(address, "world", description, "PUT")
    settings = ask(address, "settings/acme")
    organization: Organization = organization_make(house, settings, timezone.now())
    people_make(organization, house, settings, timezone.now())
    if Person.objects.count() != PEOPLE:
        raise SystemExit("the benchmark is wrong: not everybody was made")


def event(number: int) -> dict[str, Any]:
    from django.utils import timezone

    day = timezone.now().date() + timedelta(days=number + 1)
    return {
        "summary": f"Meeting {number}",
        "start": {"date": day.isoformat()},
        "end": {"date": (day + timedelta(days=1)).isoformat()},
    }


def sync_until_quiet(address: str) -> None:
    """Let everything be copied, until a round writes nothing any more."""
    for number in range(1, 6):
        ask(address, "requests", method="DELETE")
        elapsed = round_of_all()["wall"]
        writes = len(ask(address, "requests?writes=true")["requests"])
        note(f"round {number}: {PEOPLE} passes in {elapsed:.1f} s, {writes} writes")
        if not writes:
            return
    raise SystemExit("the benchmark is wrong: passes over an unchanged world go on writing")


def measure(address: str) -> dict[str, float]:
    """Return the median round's figures."""
    rounds = []
    for _ in range(ROUNDS):
        ask(address, "requests", method="DELETE")
        found = round_of_all()
        found["requests"] = ask(address, "requests?operation=none")["total"] / PEOPLE
        rounds.append(found)
    return sorted(rounds, key=lambda found: found["passes"])[ROUNDS // 2]


def round_of_all() -> dict[str, float]:
    """Make everybody due and drain until all of it is closed."""
    from django.utils import timezone

    from monitoring.health.models import Health
    from monitoring.jobs.drain import drain
    from monitoring.jobs.models import Job, Lane
    from monitoring.jobs.queue import jobs_dispatch
    from monitoring.outcomes.models import Outcome

    now = timezone.now()
    Health.objects.update(next_due=now - timedelta(seconds=1))
    jobs_dispatch(now=now, limit=PEOPLE)
    begun, used = time.perf_counter(), cpu()
    while Job.objects.exists():
        drain(Lane.SCHEDULE, 60)
    wall, used = time.perf_counter() - begun, cpu() - used
    outcomes = Outcome.objects.filter(recorded_at__gte=now)
    failed = outcomes.exclude(result="success")
    if outcomes.count() != PEOPLE or failed.exists():
        raise SystemExit(f"the benchmark is wrong: {failed.values('result', 'error')[:3]}")
    return {"wall": wall, "passes": PEOPLE / wall, "cpu": used / PEOPLE}


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def tell(report: Report, how: str, found: dict[str, float], ratio: float, of: str) -> None:
    key = how.replace(" ", "_")
    report.line(
        f"passes_{key}", f"no-change passes, answers {how}", found["passes"], "passes/s", ratio, of
    )
    busy = found["cpu"] * found["passes"]
    report.line(f"cpu_{key}", "  CPU a pass", found["cpu"] * 1000, "ms", busy, "one core")
    requests = found["requests"]
    report.line(
        f"requests_{key}",
        "  requests a pass",
        requests,
        "",
        requests / REQUESTS_A_PASS,
        "the most allowed",
    )
    report.line(
        f"threads_{key}",
        "  people in flight, at most",
        THREADS,
        "",
        min(1, PEOPLE / THREADS),
        "used",
    )


if __name__ == "__main__":
    main()
