"""Dispatch: jobs a second of one tick with 10,000 due among 1,000,000 people, and with none due.

    make bench-dispatch

`BENCH_PEOPLE` changes the number of people, to try the benchmark itself.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from statistics import median

from bench.common import Report, bench_database, execute, median_seconds, note, seconds
from bench.people import add_organizations, add_people

PEOPLE = int(os.environ.get("BENCH_PEOPLE", 1_000_000))
FEW = 1_000
DUE = 10_000
GOAL = 20_000
TIMES = 5
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

# Everybody runs here and is due some time on the day after, so that nobody but whom MAKE_DUE picks
# is due while the benchmark runs.
EVERYBODY_RUNS_HERE = """
    CREATE FUNCTION bench_runs_here() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.runs_here := true;
        NEW.next_due := NEW.status_since + interval '1 day' + random() * interval '2 hours';
        RETURN NEW;
    END $$;
    CREATE TRIGGER bench_runs_here BEFORE INSERT ON health_health
    FOR EACH ROW EXECUTE FUNCTION bench_runs_here()
"""
MAKE_DUE = """
    UPDATE health_health SET next_due = %(now)s - random() * interval '1 minute'
    WHERE person_id IN (
        SELECT id FROM accounts_person WHERE id %% (%(people)s / %(due)s) = %(round)s
        LIMIT %(due)s
    )
"""


def main() -> None:
    with bench_database("dispatch"):
        report = Report("dispatch")
        add_organizations(NOW)
        execute(EVERYBODY_RUNS_HERE)
        add_people(1, FEW, NOW)
        with_few = idle_tick()
        note(f"adding {PEOPLE:,} people: {seconds(add_everybody):,.0f} s")
        with_many = idle_tick()
        make_due(2 * TIMES)
        dispatched = median(round_of_dispatch(number) for number in range(TIMES))
        whole = median(round_of_tick(number) for number in range(TIMES, 2 * TIMES))
        show(report, dispatched, whole, with_few, with_many)


def show(
    report: Report, dispatched: float, whole: float, with_few: float, with_many: float
) -> None:
    report.line(
        "jobs_per_second",
        f"jobs of one dispatch, {DUE:,} of {PEOPLE:,} due",
        DUE / dispatched,
        "jobs/s",
        DUE / dispatched / GOAL,
        f"the goal of {GOAL:,}",
    )
    report.line(
        "tick_with_due",
        f"a whole tick with {DUE:,} due",
        whole * 1000,
        "ms",
        whole / dispatched,
        "its dispatch",
    )
    report.line(
        "tick_without_due",
        "a whole tick with none due",
        with_many * 1000,
        "ms",
        with_many / with_few,
        f"the same with {FEW:,} people",
    )
    report.close()


def add_everybody() -> None:
    add_people(FEW + 1, PEOPLE, NOW)
    execute("VACUUM ANALYZE health_health")


def idle_tick() -> float:
    """Return the median seconds of a tick for which nothing is due."""
    from monitoring.jobs.tick import tick

    tick(NOW)
    return median_seconds(lambda: tick(NOW), times=20)


def make_due(rounds: int) -> None:
    """Have other people due every minute, and every page written again for the first time.

    After a checkpoint PostgreSQL logs each page whole at its first change, which the people of a
    real minute meet as well; without one the changes made here would have paid for it.
    """
    for number in range(rounds):
        at = NOW + number * MINUTE
        execute(MAKE_DUE, {"now": at, "people": PEOPLE, "due": DUE, "round": number})
    execute("VACUUM ANALYZE health_health")
    execute("CHECKPOINT")


def round_of_dispatch(number: int) -> float:
    from monitoring.jobs.queue import jobs_dispatch

    execute("TRUNCATE jobs_job")
    made: list[tuple[int, int]] = []
    at = NOW + number * MINUTE
    spent = seconds(lambda: made.append(jobs_dispatch(now=at, limit=DUE + 1)))
    expect(made, [(DUE, DUE)])
    return spent


def round_of_tick(number: int) -> float:
    from monitoring.jobs.tick import tick

    execute("TRUNCATE jobs_job, django_q_ormq")
    made: list[int] = []
    spent = seconds(lambda: made.append(tick(NOW + number * MINUTE).made))
    expect(made, [DUE])
    return spent


def expect(found: object, wanted: object) -> None:
    if found != wanted:
        raise SystemExit(f"the benchmark is wrong: {found} instead of {wanted}")


if __name__ == "__main__":
    main()
