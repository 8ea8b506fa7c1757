"""The tick with 100 people due, 100 outcomes since the last one and an incident open, among few and
among many people: what it costs follows what changed.

    make bench-tick

`BENCH_PEOPLE` changes the larger number, to try the benchmark itself.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from bench.common import Report, bench_database, execute, note, seconds
from bench.people import add_organizations, add_people

FEW = 1_000
PEOPLE = int(os.environ.get("BENCH_PEOPLE", 1_000_000))
DUE = 100
FAILING = 20
BAR = 1.5
TIMES = 40
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TICK = timedelta(seconds=30)

# Everybody is healthy, runs here and was heard of within the last two hours.
EVERYBODY_RUNS_HERE = """
    CREATE FUNCTION bench_runs_here() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.runs_here := true;
        NEW.status := 'healthy';
        NEW.cause := '';
        NEW.severity := 4;
        NEW.last_attempt_at := NEW.status_since - random() * interval '2 hours';
        NEW.last_success_at := NEW.last_attempt_at;
        NEW.last_result := 'success';
        NEW.next_due := NEW.status_since + interval '1 day' + random() * interval '2 hours';
        NEW.expected_at := NEW.next_due;
        NEW.check_at := NEW.next_due + interval '30 minutes';
        RETURN NEW;
    END $$;
    CREATE TRIGGER bench_runs_here BEFORE INSERT ON health_health
    FOR EACH ROW EXECUTE FUNCTION bench_runs_here()
"""
# What the intake would have counted of them.
HEARD = """
    INSERT INTO incidents_pulse (organization_id, minute, signature, people, attempts)
    SELECT organization_id, date_trunc('minute', last_attempt_at), '', count(*), count(*)
    FROM health_health GROUP BY 1, 2
"""
MAKE_DUE = """
    UPDATE health_health SET next_due = %(now)s
    WHERE person_id IN (
        SELECT id FROM accounts_person WHERE id %% (%(people)s / %(due)s) = %(round)s LIMIT %(due)s
    )
"""
ERROR = {
    "provider": "salesforce",
    "channel": "html",
    "status": 503,
    "headers": {},
    "body": "<html><body>We are down for maintenance.</body></html>",
    "operation": "query",
}


def main() -> None:
    with bench_database("tick"):
        report = Report("tick")
        add_organizations(NOW)
        execute(EVERYBODY_RUNS_HERE)
        add_people(1, FEW, NOW)
        few = measured(FEW)
        note(f"adding {PEOPLE:,} people: {seconds(add_everybody):,.0f} s")
        many = measured(PEOPLE)
        show(report, few, many)


def show(report: Report, few: dict[str, float], many: dict[str, float]) -> None:
    labels = {
        "tick": f"a whole tick, {DUE} due, {DUE} outcomes, incident open",
        "incidents": "of it, finding and following incidents",
    }
    for key, label in labels.items():
        ratio = many[key] / few[key]
        of = f"that with {FEW:,} people (bar {BAR})"
        report.line(key, f"{label}, {PEOPLE:,} people", many[key] * 1000, "ms", ratio, of)
    report.close()


def add_everybody() -> None:
    add_people(FEW + 1, PEOPLE, NOW)


def measured(people: int) -> dict[str, float]:
    """Return the median seconds of ticks, and of their part that looks for incidents."""
    execute("TRUNCATE incidents_pulse, incidents_incident, jobs_job, django_q_ormq CASCADE")
    execute(HEARD)
    execute("UPDATE health_health SET last_signature = NULL WHERE last_signature IS NOT NULL")
    execute("VACUUM ANALYZE health_health, incidents_pulse")
    ids = person_ids()
    report_outcomes(ids, 0, NOW)
    open_incident(ids[0][1])
    rounds = [one_round(people, ids, number) for number in range(1, TIMES + 6)]
    # The first ticks warm the caches.
    ticks, watches = zip(*rounds[5:], strict=True)
    return {"tick": median(ticks), "incidents": median(watches)}


def one_round(people: int, ids: list[tuple[int, int]], number: int) -> tuple[float, float]:
    """Return the seconds of one tick, and of looking for incidents once more after it."""
    from monitoring.jobs.tick import tick

    at = NOW + number * TICK
    execute("TRUNCATE jobs_job, django_q_ormq")
    report_outcomes(ids, number, at)
    place = number % (people // DUE)
    execute(MAKE_DUE, {"now": at, "people": people, "due": DUE, "round": place})
    found: list[Any] = []
    spent = seconds(lambda: found.append(tick(at)))
    expect_worked(found[0])
    return spent, seconds(lambda: look(at))


def open_incident(organization: int) -> None:
    """Open the incident by hand: in a large organization so few are none, and none is measured."""
    from monitoring.incidents.detection import MIXED, Finding
    from monitoring.incidents.opening import incident_open
    from monitoring.incidents.watch import THRESHOLDS

    finding = Finding("salesforce", f"salesforce - {MIXED}", FAILING, FAILING, THRESHOLDS.window)
    incident = incident_open(
        organization_id=organization, finding=finding, now=NOW, thresholds=THRESHOLDS
    )
    if incident is None or incident.hits.count() != FAILING:
        raise SystemExit("the benchmark is wrong: no incident")


def look(at: datetime) -> None:
    from monitoring.incidents.across_watch import incidents_find_across, incidents_follow_across
    from monitoring.incidents.watch import THRESHOLDS, incidents_find, incidents_follow

    incidents_find(now=at)
    incidents_find_across(now=at, thresholds=THRESHOLDS)
    incidents_follow(now=at)
    incidents_follow_across(now=at)


def person_ids() -> list[tuple[int, int]]:
    """Return people of the first organization, for the incident, before some of the others."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "(SELECT id, organization_id FROM accounts_person WHERE organization_id = "
            "(SELECT min(id) FROM accounts_organization) ORDER BY id LIMIT %s) UNION ALL "
            "(SELECT id, organization_id FROM accounts_person WHERE organization_id <> "
            "(SELECT min(id) FROM accounts_organization) ORDER BY id LIMIT %s)",
            [FAILING, 9 * DUE],
        )
        return list(cursor.fetchall())


def report_outcomes(ids: list[tuple[int, int]], number: int, at: datetime) -> None:
    """Record 100 outcomes: those of the incident fail, and as many others as are left get in."""
    from django.db import transaction

    from monitoring.intake.record import ReportedOutcome, outcomes_record
    from monitoring.outcomes.identifiers import attempt_id_at

    others = ids[FAILING:]
    start = number * (DUE - FAILING) % (len(others) - DUE)
    chosen = [*ids[:FAILING], *others[start : start + DUE - FAILING]]
    finished = at - timedelta(seconds=1)
    with transaction.atomic():
        outcomes_record(
            [
                ReportedOutcome(
                    attempt_id=attempt_id_at(finished),
                    organization_id=organization,
                    person_id=person,
                    trigger="schedule",
                    started_at=finished - timedelta(seconds=2),
                    finished_at=finished,
                    result="failure" if place < FAILING else "success",
                    error=ERROR if place < FAILING else None,
                    counts=None,
                )
                for place, (person, organization) in enumerate(chosen)
            ],
            now=at,
        )


def expect_worked(report: Any) -> None:
    if not report.worked or report.failed_steps or report.made < DUE:
        raise SystemExit(f"the benchmark is wrong: {report}")


if __name__ == "__main__":
    main()
