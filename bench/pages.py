"""Pages: Overview, trends, People, a person, with 1,000 and with 1,000,000 people.

    make bench-pages

All of them in one organization. Requests go through Django's whole stack in this process, signed
in, each page in turn. The goals: the 95th percentile among a million at most 1.5 times that among a
thousand, at most 10 statements, and a first load of at most 350 kB compressed, without charts.
`BENCH_PEOPLE` changes the larger number, to try the benchmark itself.
"""

from __future__ import annotations

import gzip
import os
import re
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

from bench.common import Report, bench_database, execute, note, seconds

FEW = 1_000
MANY = int(os.environ.get("BENCH_PEOPLE", 1_000_000))
RUNS = 2
REQUESTS = 60
GOAL = 1.5
MOST_STATEMENTS = 10
MOST_KILOBYTES = 350
# What a page and its icons ask for; the library that draws charts is named elsewhere, for later.
ASKED_FOR = re.compile(r'(?:href|src)="/static/([^"#]+)')
# The rows a month of ticks leaves: one sample in half an hour for 8 days, then one in 3 hours.
SAMPLES = """
    INSERT INTO health_statussample (organization_id, at, "group", people)
    SELECT organization_id, date_bin('30 minutes', now(), '2000-01-01') - n * interval '30 minutes',
        status, sum(people)
    FROM health_healthtally, generate_series(1, 30 * 48) AS n
    WHERE n < 8 * 48 OR n % 6 = 0
    GROUP BY 1, 2, 3 HAVING sum(people) > 0 ON CONFLICT DO NOTHING
"""
HOURS = """
    INSERT INTO intake_classhour (organization_id, hour, outcome_class, outcomes)
    SELECT id, date_trunc('hour', now()) - n * interval '1 hour', outcome_class, 1000
    FROM accounts_organization, generate_series(3, 30 * 24) AS n,
        unnest(ARRAY['success', 'transient', 'needs_user', 'needs_admin', 'lost']) AS outcome_class
    ON CONFLICT DO NOTHING
"""
TABLES = (
    "accounts_person",
    "accounts_connection",
    "health_health",
    "outcomes_outcome",
    "health_statussample",
    "intake_classhour",
)


def main() -> None:
    with bench_database("pages"):
        report = Report("pages")
        note(f"{FEW:,} people: {seconds(lambda: people_make(FEW, 1)):,.0f} s")
        few = measure()
        note(f"{MANY:,} people: {seconds(lambda: people_make(MANY, 2)):,.0f} s")
        many = measure()
        for page, (slow, statements) in many.items():
            before, statements_before = few[page]
            name = page.replace(" ", "_")
            report.line(
                name,
                f"{page}, p95 with {MANY:,} people",
                slow,
                "ms",
                slow / before,
                f"with {FEW:,}",
            )
            report.line(
                f"{name}_goal",
                "  of the most allowed",
                slow / before,
                "",
                slow / before / GOAL,
                "1.5",
            )
            report.line(
                f"{name}_statements",
                "  SQL statements",
                statements,
                "",
                statements / statements_before,
                f"with {FEW:,} (most: {MOST_STATEMENTS})",
            )
        for page, kilobytes in first_loads().items():
            report.line(
                f"{page.replace(' ', '_')}_first_load",
                f"{page}, first load without charts",
                kilobytes,
                "kB",
                kilobytes / MOST_KILOBYTES,
                f"the most allowed, {MOST_KILOBYTES} kB",
            )
        report.close()


def people_make(people: int, number: int) -> None:
    """Make one organization with so many people and two runs of each; forget the one before."""
    from django.utils import timezone

    from accounts.models import Organization
    from monitoring.intake.populate import populate

    Organization.objects.filter(slug="scale-1").update(slug=f"before-{number}")
    now = timezone.now() - timedelta(minutes=5)
    populate(organizations=1, people=people, runs=RUNS, seed=number, now=now, say=lambda text: None)
    for table in TABLES:
        execute(f"VACUUM ANALYZE {table}")
    from monitoring.health.tally import tally_compact
    from monitoring.intake.housekeeping import counts_fold

    tally_compact()
    counts_fold()
    execute(SAMPLES)
    execute(HOURS)
    execute("CHECKPOINT")


def measure() -> dict[str, tuple[float, int]]:
    """Return, for each page, the 95th percentile in milliseconds and the number of statements."""
    client, pages = signed_in(), addresses()
    for _ in range(5):
        for address in pages.values():
            client.get(address)
    times: dict[str, list[float]] = {page: [] for page in pages}
    for _ in range(REQUESTS):
        for page, address in pages.items():
            times[page].append(seconds(lambda address=address: fetch(client, address)))
    return {
        page: (quantiles(found, n=20)[-1] * 1000, statements(client, pages[page]))
        for page, found in times.items()
    }


def signed_in() -> Any:
    from django.contrib.auth import get_user_model
    from django.test import Client

    from accounts.models import Member, Organization

    user, _ = get_user_model().objects.get_or_create(username="bench", email="bench@example.com")
    Member.objects.get_or_create(
        user=user, organization=Organization.objects.get(slug="scale-1"), defaults={"role": "admin"}
    )
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    return client


def addresses() -> dict[str, str]:
    from monitoring.health.models import Health

    people = "/o/scale-1/people/"
    person = Health.objects.filter(organization__slug="scale-1").worst_first()[20].person_id
    return {
        "overview": "/o/scale-1/",
        "trends": "/o/scale-1/trends/?trend=30d",
        "people first page": people,
        "people filtered": f"{people}?status=stalled",
        "people of a cause": f"{people}?status=stalled&cause=google-access-revoked",
        "people of a provider": f"{people}?provider=google",
        "people of a class": f"{people}?interpretation=transient",
        "people slowed": f"{people}?slowed=on",
        "people searched": f"{people}?q=ada+lovelace",
        "person": f"{people}{person}/",
    }


def first_loads() -> dict[str, float]:
    """Return, for each page, the kilobytes that come compressed to who was never here."""
    client = signed_in()
    return {page: kilobytes(client, address) for page, address in addresses().items()}


def kilobytes(client: Any, address: str) -> float:
    """Return the compressed size of a page with every file of ours that it asks for, once each."""
    page = client.get(address).content
    files = set(ASKED_FOR.findall(page.decode()))
    return sum(len(gzip.compress(each)) for each in (page, *map(static_file, files))) / 1_000


def static_file(name: str) -> bytes:
    from django.contrib.staticfiles import finders

    path = finders.find(name)
    if path is None:
        raise SystemExit(f"the benchmark is wrong: there is no {name}")
    return Path(path).read_bytes()


def fetch(client: Any, address: str) -> None:
    answer = client.get(address)
    if answer.status_code != 200:
        raise SystemExit(f"the benchmark is wrong: {address} answered {answer.status_code}")


def statements(client: Any, address: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        fetch(client, address)
    return len(captured)


if __name__ == "__main__":
    main()
