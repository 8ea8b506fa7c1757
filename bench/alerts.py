"""Alerts: a flood of people who stall, a quiet tick among few and many people, and the sender.

    make bench-alerts

100,000 people of 50 organizations stall within ten minutes from one cause, and again from 300:
how many messages anybody gets a minute, and what the slowest tick takes. A tick with nothing new
costs the same among 1,000 people and a million. The sender holds no more memory for having sent
much. `BENCH_PEOPLE` changes the million, `BENCH_FLOOD` the 100,000.
"""

from __future__ import annotations

import os
import resource
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from bench.common import Report, bench_database, execute, median_seconds, note, seconds
from bench.people import ORGANIZATIONS, add_organizations, add_people

FEW = 1_000
PEOPLE = int(os.environ.get("BENCH_PEOPLE", 1_000_000))
FLOOD = int(os.environ.get("BENCH_FLOOD", 100_000))
MAILS = 5_000
ADMINS = 2
BAR = 1.5
TICK_BAR = 30.0
MEGABYTES_BAR = 20
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TICK = timedelta(seconds=30)
TEN_MINUTES = 20
# Those ten minutes, and until the last of it is told.
TICKS = 54
WELL = """
    UPDATE health_health
    SET status = 'healthy', cause = '', severity = 4, unwell_since = NULL
    WHERE status <> 'healthy'
"""
STALL = """
    UPDATE health_health AS health
    SET status = 'stalled', cause = 'cause ' || place.n %% %(causes)s, severity = 0,
        status_since = %(now)s, unwell_since = %(now)s
    FROM (
        SELECT id, row_number() OVER (PARTITION BY organization_id ORDER BY id) AS n
        FROM accounts_person WHERE id <= %(last)s
    ) AS place
    WHERE place.id = health.person_id AND status <> 'stalled'
        AND place.n / %(causes)s %% %(ticks)s = %(tick)s
"""
EMPTY = """
    TRUNCATE alerts_alert, alerts_notification, alerts_message, alerts_recipient, django_q_ormq
    CASCADE
"""


def main() -> None:
    with bench_database("alerts"):
        report = Report("alerts")
        add_organizations(NOW)
        add_admins()
        add_people(1, FEW, NOW)
        execute(WELL)
        few = quiet()
        add_people(FEW + 1, FLOOD, NOW)
        execute(WELL)
        for causes in (1, 300):
            flood(report, causes)
        send(report)
        execute(EMPTY)
        note(f"adding {PEOPLE:,} people: {seconds(add_everybody):,.0f} s")
        many = quiet()
        of = f"that with {FEW:,} people (bar {BAR})"
        label = f"a tick with nothing new, {PEOPLE:,} people"
        report.line("quiet", label, many * 1_000, "ms", many / few, of)
        report.close()


def add_everybody() -> None:
    add_people(FLOOD + 1, PEOPLE, NOW)
    execute(WELL)


def add_admins() -> None:
    """Add two admins to each organization, and somebody of support who hears of everything."""
    from django.contrib.auth import get_user_model

    from accounts.models import Member, Organization, Role
    from monitoring.alerts.models import Route

    users: Any = get_user_model()
    for organization in Organization.objects.all():
        for number in range(ADMINS):
            email = f"admin{number}@{organization.google_domain}"
            user = users.objects.create(username=email, email=email)
            Member.objects.create(organization=organization, user=user, role=Role.ADMIN)
    users.objects.create(username="sam", email="sam@service.example", is_staff=True)
    Route.objects.create(name="All", audience="support", created_at=NOW)


def quiet() -> float:
    """Return the seconds of a tick with nothing new, three alerts being open."""
    from monitoring.alerts.watch import alerts_watch
    from monitoring.health.tally import tally_compact

    last = {"last": 3, "causes": 1, "ticks": 1, "tick": 0, "now": NOW}
    execute(STALL, last)
    # As the tick keeps it; each person who is added leaves a row of it.
    tally_compact()
    execute("VACUUM ANALYZE health_health, health_healthtally")
    for minute in (1, 16, 17):
        alerts_watch(NOW + timedelta(minutes=minute))
    spent = median_seconds(lambda: alerts_watch(NOW + timedelta(minutes=20)), times=40)
    execute(WELL)
    execute(EMPTY)
    return spent


def flood(report: Report, causes: int) -> None:
    """Let everybody stall in ten minutes, and see what is told of it."""
    slowest = 0.0
    for number in range(TICKS):
        now = NOW + number * TICK
        if number < TEN_MINUTES:
            stalling = {"causes": causes, "ticks": TEN_MINUTES, "tick": number, "now": now}
            execute(STALL, stalling | {"last": FLOOD})
        slowest = max(slowest, tick(now))
    expect_one_alert_a_cause(causes)
    words = f"{FLOOD:,} people, {causes} cause{'' if causes == 1 else 's'}"
    most, a_minute = busiest()
    report.line(f"messages_{causes}", f"messages to one recipient, {words}", most, "", most, "one")
    label = f"messages to anybody within a minute, {words}"
    report.line(f"a_minute_{causes}", label, a_minute, "", a_minute, "the bar of one")
    label, of = f"slowest tick, {words}", f"the bar of {TICK_BAR:.0f} s"
    report.line(f"tick_{causes}", label, slowest, "s", slowest / TICK_BAR, of)
    execute(WELL)
    execute(EMPTY)


def tick(now: datetime) -> float:
    """Decide about alerts, and let what is queued have gone out; return the seconds of it."""
    from monitoring.alerts.models import Message
    from monitoring.alerts.watch import alerts_watch

    spent = seconds(lambda: alerts_watch(now))
    Message.objects.waiting().update(state="sent", sent_at=now)
    return spent


def expect_one_alert_a_cause(causes: int) -> None:
    from monitoring.alerts.models import Alert

    found = Alert.objects.count()
    if found != min(causes, FLOOD // ORGANIZATIONS) * ORGANIZATIONS:
        raise SystemExit(f"the benchmark is wrong: {found} alerts")


def busiest() -> tuple[int, int]:
    """Return the most messages anybody got, and the most within any minute."""
    from monitoring.alerts.models import Message

    times: defaultdict[str, list[datetime]] = defaultdict(list)
    for recipient, at in Message.objects.order_by("id").values_list("recipient", "created_at"):
        times[recipient].append(at)
    minute = timedelta(minutes=1)
    storms = sum(
        later - earlier < minute
        for theirs in times.values()
        for earlier, later in pairwise(sorted(theirs))
    )
    return max(map(len, times.values())), 1 + storms


def send(report: Report) -> None:
    """Send mails to nobody, and see what memory it takes beyond that for the first thousand."""
    from django.conf import settings
    from django.utils import timezone

    from monitoring.alerts.mails import Mail
    from monitoring.alerts.outbox import Draft, messages_queue
    from monitoring.alerts.sending import messages_work

    settings.DRAIN_BUDGET = 600
    mail = Mail("5 people stopped syncing", "What it says.\n" * 100, "<p>What it says.</p>" * 300)
    held = []
    for start in range(0, MAILS, 1_000):
        drafts = [
            Draft(None, None, "alert", f"bench {n}", f"a{n}@b.example", "", mail)
            for n in range(start, start + 1_000)
        ]
        messages_queue(drafts=drafts, now=timezone.now())
        del drafts
        messages_work()
        held.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024)
    grown, of = held[-1] - held[0], f"the bar of {MEGABYTES_BAR} MB"
    label = f"memory grown, sending {MAILS:,} mails"
    report.line("memory", label, grown, "MB", grown / MEGABYTES_BAR, of)
    execute(EMPTY)


if __name__ == "__main__":
    main()
