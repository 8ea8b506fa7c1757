"""A rehearsal of a week, as things are and with something tried, which is played beside it.

    make bench-rehearsal

2,800 people over two weeks, the one before the week included, about 5 % of their runs failing.
Asked for and run as the service does it, reading included, in one process; PostgreSQL is another.
`BENCH_PEOPLE` changes the size, to try the benchmark.
"""

from __future__ import annotations

from datetime import timedelta
from time import process_time
from typing import Any
from zoneinfo import ZoneInfo

from bench.backtest import NOW, RULE, fill, peak, people_make
from bench.common import Report, bench_database, note, seconds

DAYS = 7
# Every two hours for two weeks.
RUNS = 168


def main() -> None:
    with bench_database("rehearsal"):
        report = Report("rehearsal")
        organization, people = people_make()
        stored = seconds(lambda: fill(organization, people, RUNS))
        note(f"storing the outcomes: {stored:,.0f} s")
        access = access_to(organization)
        plain = rehearse(report, "plain", access, None)
        rehearse(report, "routes", access, plain, routes=routes_tried())
        rehearse(report, "change", access, plain, change=change_tried(access))
        report.close()


def rehearse(
    report: Report, key: str, access: Any, plain: tuple[float, float] | None, **tried: Any
) -> tuple[float, float]:
    """Rehearse the last days, and report time and memory beside those of the plain one."""
    from monitoring.replay.models import BackTest
    from monitoring.replay.rehearsals import rehearsal_ask
    from monitoring.replay.working import back_tests_work

    wanted = {"change": None, "routes": None} | tried
    since = NOW - timedelta(days=DAYS)
    run = rehearsal_ask(access=access, starts_at=since, days=DAYS, now=NOW, **wanted)
    spent = process_time()
    took = seconds(back_tests_work)
    spent, used = process_time() - spent, peak()
    run = BackTest.objects.get(pk=run.pk)
    if run.state != "done" or not run.result["outcomes"]:
        raise SystemExit(f"the benchmark is wrong: {run.state} {run.error}")
    outcomes, difference = run.result["outcomes"], run.result["difference"]
    note(f"{key}: {outcomes:,} outcomes, {run.result['messages_total']:,} messages, {difference}")
    first, memory = plain or (took, used)
    report.line(f"{key}_seconds", f"rehearsal, {key}", took, "s", took / first, "the plain one")
    report.line(f"{key}_cpu", "  of it at work in this process", spent, "s", spent / took, "of it")
    report.line(f"{key}_memory", "  peak memory so far", used, "MB", used / memory, "the plain one")
    return took, used


def access_to(organization: Any) -> Any:
    from django.contrib.auth import get_user_model

    from accounts.access import Access
    from accounts.models import Member, Role

    user = get_user_model().objects.create_user(username="bench", email="bench@example.org")
    Member.objects.create(user=user, organization=organization, role=Role.ADMIN)
    return Access(user, organization, Role.ADMIN, ZoneInfo("UTC"))


def change_tried(access: Any) -> Any:
    from monitoring.errors.changes import rule_change_propose

    return rule_change_propose(
        access=access,
        organization=access.organization,
        rule="record-locked",
        definition=RULE,
        reason="To measure it.",
        now=NOW,
    )


def routes_tried() -> Any:
    from monitoring.alerts.routing import RouteFacts

    return [RouteFacts("Later", after=3_600)]


if __name__ == "__main__":
    main()
