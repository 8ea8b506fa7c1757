"""Ingest: outcomes a second through the full intake, beside a bare COPY of the same rows.

    make bench-ingest

Batches of 1,000 JSON lines are validated, attributed, de-duplicated, appended, judged and folded
into 100,000 people, each batch in one transaction. The same rows go by COPY into an equal table,
batch by batch in turn with the ingest, each batch a transaction too. Measured with 100,000 and with
3,000,000 outcomes stored. `BENCH_PEOPLE` and `BENCH_STORED` change the sizes, to try the benchmark.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from statistics import median
from typing import Any

from bench.common import Report, bench_database, execute, note, seconds

PEOPLE = int(os.environ.get("BENCH_PEOPLE", 100_000))
STORED = int(os.environ.get("BENCH_STORED", 3_000_000))
FIRST_STORED = PEOPLE
BATCH = 1_000
BATCHES = 100
GOAL = 0.25
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
RUNS = 40

EQUAL_TABLE = """
    CREATE TABLE copied (LIKE outcomes_outcome INCLUDING ALL) PARTITION BY RANGE (attempt_id);
    CREATE TABLE copied_other PARTITION OF copied DEFAULT;
"""
# Older rows, of the same people and of a time before all that is measured, in either table.
FILL = """
    INSERT INTO {table} (
        attempt_id, organization_id, person_id, trigger, started_at, finished_at, recorded_at,
        result, counts
    )
    SELECT uuid7_at(at), %(organization)s, %(first)s + mod(n, %(people)s), 'schedule',
        at - interval '2 seconds', at, at, 'success',
        '{{"salesforce": {{"created": 1, "updated": 0, "deleted": 0}}}}'
    FROM (
        SELECT n, %(now)s - interval '30 days' + n * interval '0.5 seconds' AS at
        FROM generate_series(1, %(rows)s) AS n
    ) AS drawn
"""


class Bench:
    """The people, a stream of deliveries, and the two ways to store them."""

    def __init__(self) -> None:
        from monitoring.health.begin import health_begin
        from monitoring.intake.populate import RUN_EVERY, history, organization_make
        from monitoring.outcomes.partitions import partitions_ensure

        started = NOW - RUN_EVERY * (RUNS + 1)
        partitions_ensure(NOW, since=NOW - timedelta(days=35))
        self.organization, self.people = organization_make(1, PEOPLE, NOW - timedelta(days=90))
        health_begin(self.people, now=started)
        execute(EQUAL_TABLE)
        outcomes = history(self.organization.pk, self.people, RUNS, Random(1), NOW)
        self.deliveries: Iterator[list[Any]] = iter(lambda: list(islice(outcomes, BATCH)), [])
        self.emails = self.addresses()

    def addresses(self) -> dict[int, str]:
        from accounts.models import Person

        return dict(Person.objects.values_list("id", "email"))

    def fill(self, rows: int) -> None:
        """Store so many older outcomes in either table."""
        values = {
            "organization": self.organization.pk,
            "first": self.people[0],
            "people": PEOPLE,
            "now": NOW,
            "rows": rows,
        }
        for table in ("outcomes_outcome", "copied"):
            execute(FILL.format(table=table), values)
            execute(f"VACUUM ANALYZE {table}")
        execute("VACUUM ANALYZE health_health")
        execute("CHECKPOINT")

    def compare(self) -> tuple[float, float]:
        """Return the median seconds of a batch by the ingest and by COPY, measured in turn."""
        by_ingest, by_copy = [], []
        for delivery in islice(self.deliveries, BATCHES):
            lines = [(n, self.line(o)) for n, o in enumerate(delivery, start=1)]
            rows = list(self.rows(delivery))
            by_ingest.append(seconds(lambda lines=lines: self.ingest(lines)))
            by_copy.append(seconds(lambda rows=rows: self.copy(rows)))
        return median(by_ingest), median(by_copy)

    def line(self, outcome: Any) -> bytes:
        """Return an outcome as another engine would send it."""
        return json.dumps(
            {
                "attempt_id": str(outcome.attempt_id),
                "person": self.emails[outcome.person_id],
                "trigger": outcome.trigger,
                "started_at": outcome.started_at.isoformat(),
                "finished_at": outcome.finished_at.isoformat(),
                "result": outcome.result,
                "error": outcome.error,
                "counts": outcome.counts,
            }
        ).encode()

    def rows(self, delivery: list[Any]) -> Iterator[tuple[Any, ...]]:
        from monitoring.errors.rulebook import rule_sets_of
        from monitoring.intake.record import rows, verdict_on

        rules = rule_sets_of({outcome.organization_id for outcome in delivery})
        return rows([(outcome, verdict_on(outcome, rules)) for outcome in delivery], NOW)

    def ingest(self, lines: list[tuple[int, bytes]]) -> None:
        from monitoring.intake.ingest import outcomes_ingest

        report = outcomes_ingest(lines, organization=self.organization, source="bench", now=NOW)
        if report.accepted != BATCH:
            raise SystemExit(f"the benchmark is wrong: {report}")

    def copy(self, rows: list[tuple[Any, ...]]) -> None:
        from django.db import connection, transaction

        from monitoring.outcomes.append import COLUMNS
        from monitoring.outcomes.staging import copy

        with transaction.atomic(), connection.cursor() as cursor:
            copy(cursor, "copied", COLUMNS, rows)


def main() -> None:
    with bench_database("ingest"):
        report = Report("ingest")
        bench = Bench()
        bench.fill(FIRST_STORED)
        bench.compare()  # not counted: caches fill, statements are planned
        few = measure(report, bench, FIRST_STORED, None)
        note(f"storing {STORED:,} outcomes: {seconds(lambda: bench.fill(STORED)):,.0f} s")
        measure(report, bench, STORED, few)
        report.close()


def measure(report: Report, bench: Bench, stored: int, few: float | None) -> float:
    """Measure with so many outcomes stored; return the outcomes a second."""
    ingest, copy = bench.compare()
    rate = BATCH / ingest
    ratio = copy / ingest
    name = f"{stored:,} stored"
    report.line(f"ingest_{stored}", f"ingest, {name}", rate, "outcomes/s", ratio, "COPY")
    report.line(
        f"of_goal_{stored}",
        f"  share of COPY, {name}",
        ratio,
        "",
        ratio / GOAL,
        f"the goal of {GOAL}",
    )
    report.line(f"copy_{stored}", f"  COPY, {name}", BATCH / copy, "rows/s", 1 / ratio, "ingest")
    if few is not None:
        report.line("constant", f"  ingest with {name}", rate, "outcomes/s", rate / few, "with few")
    return rate


if __name__ == "__main__":
    main()
