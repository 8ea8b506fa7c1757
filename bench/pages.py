"""Pages: Overview, People, filtered People and a person, with 1,000 and with 1,000,000 people.

    make bench-pages

All of them in one organization. Requests go through Django's whole stack in this process, signed
in, each page in turn. The goal: the 95th percentile among a million at most 1.5 times that among a
thousand, and at most 10 statements.
`BENCH_PEOPLE` changes the larger number, to try the benchmark itself.
"""

from __future__ import annotations

import os
from datetime import timedelta
from statistics import quantiles
from typing import Any

from bench.common import Report, bench_database, execute, note, seconds

FEW = 1_000
MANY = int(os.environ.get("BENCH_PEOPLE", 1_000_000))
RUNS = 2
REQUESTS = 60
GOAL = 1.5
MOST_STATEMENTS = 10
TABLES = ("accounts_person", "accounts_connection", "health_health", "outcomes_outcome")


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

    tally_compact()
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
        "people first page": people,
        "people filtered": f"{people}?status=stalled",
        "people searched": f"{people}?q=ada+lovelace",
        "person": f"{people}{person}/",
    }


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
