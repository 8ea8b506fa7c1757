"""The back-test: a change of a rule on a million outcomes of one organization.

    make bench-backtest

2,800 people over 30 days, about 5 % of their runs failing, no two errors word for word the same.
Asked for and run as the service does it, reading included, in one process; PostgreSQL is another.
`BENCH_PEOPLE` changes the size, to try the benchmark.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from time import process_time
from typing import Any
from zoneinfo import ZoneInfo

from bench.common import Report, bench_database, execute, note, seconds

PEOPLE = int(os.environ.get("BENCH_PEOPLE", 2_800))
DAYS = 30
RUNS = 358
BATCH = 20_000
BAR = 60.0 * PEOPLE / 2_800
NOW = datetime.now(UTC).replace(microsecond=0)
# A lock of a row becomes something the person must do: alerts, people and hours differ.
RULE: dict[str, Any] = {
    "class": "needs_user",
    "who": "person",
    "title": "A record is locked",
    "meaning": "Somebody holds it.",
    "next_step": "Let go of it.",
    "codes": ["UNABLE_TO_LOCK_ROW"],
}


def main() -> None:
    with bench_database("backtest"):
        report = Report("backtest")
        organization, people = people_make()
        note(f"storing the outcomes: {seconds(lambda: fill(organization, people)):,.0f} s")
        before, spent = peak(), process_time()
        run, took = back_test(organization)
        spent = process_time() - spent
        outcomes = run.result["outcomes"]
        note(f"{outcomes:,} outcomes, {run.result['outcomes_changed']:,} with another verdict; ")
        note(f"{run.result['people_moved']:,} of {run.result['people']:,} people moved; ")
        note(f"{run.result['alerts_added_total']:,} alerts added")
        report.line("seconds", "back-test", took, "s", took / BAR, f"the bar of {BAR:.0f} s")
        report.line("cpu", "  of it at work in this process", spent, "s", spent / took, "all of it")
        rate = outcomes / took
        report.line("rate", "  outcomes a second", rate, "", rate / (1_000_000 / 60), "the bar")
        used = peak()
        report.line("memory", "  peak memory", used, "MB", used / before, "that before it")
        report.close()


def people_make() -> tuple[Any, list[int]]:
    from monitoring.intake.populate import organization_make
    from monitoring.outcomes.partitions import partitions_ensure

    partitions_ensure(NOW, since=NOW - timedelta(days=DAYS + 10))
    return organization_make(1, PEOPLE, NOW - timedelta(days=90))


def fill(organization: Any, people: list[int], runs: int = RUNS) -> None:
    """Store each one's outcomes as the intake would have, in the order in which they ended."""
    from django.db import transaction

    from monitoring.outcomes.append import outcomes_append

    rows = stored_rows(organization, people, runs)
    while batch := list(islice(rows, BATCH)):
        with transaction.atomic():
            outcomes_append(batch)
    execute("VACUUM ANALYZE outcomes_outcome")
    execute("CHECKPOINT")


def stored_rows(organization: Any, people: list[int], runs: int) -> Iterator[tuple[Any, ...]]:
    from dataclasses import replace

    from monitoring.errors.rulebook import rule_sets_of
    from monitoring.intake.populate import history
    from monitoring.intake.record import rows, verdict_on

    rules = rule_sets_of([organization.pk])
    drawn = history(organization.pk, people, runs, Random(1), NOW)
    for number, outcome in enumerate(drawn):
        if outcome.error is not None:
            body = f"{outcome.error['body']}\n00U{number:012d}AAA"
            outcome = replace(outcome, error=outcome.error | {"body": body})
        yield from rows([(outcome, verdict_on(outcome, rules))], NOW)


def back_test(organization: Any) -> tuple[Any, float]:
    """Propose a change, test it as a worker does, and return the run and its seconds."""
    from django.contrib.auth import get_user_model

    from accounts.access import Access
    from accounts.models import Role
    from monitoring.errors.changes import rule_change_propose
    from monitoring.replay.models import BackTest
    from monitoring.replay.tests_of_rules import back_test_ask
    from monitoring.replay.working import back_tests_work

    user = get_user_model().objects.create_user(username="bench", email="bench@example.org")
    access = Access(user, organization, Role.ADMIN, ZoneInfo("UTC"))
    change = rule_change_propose(
        access=access,
        organization=organization,
        rule="record-locked",
        definition=RULE,
        reason="To measure it.",
        now=NOW,
    )
    run = back_test_ask(access=access, change=change, now=NOW)
    took = seconds(back_tests_work)
    run = BackTest.objects.get(pk=run.pk)
    if run.state != "done" or not run.result["people_moved"]:
        raise SystemExit(f"the benchmark is wrong: {run.state} {run.error}")
    return run, took


def peak() -> float:
    """Return the most memory this process has had so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024


if __name__ == "__main__":
    main()
