"""Whoever changes the days and hours of their digest misses nothing and is told nothing twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from time_machine import travel

from accounts.access import Access, access_for
from accounts.models import Role
from monitoring.alerts.digest_times import (
    LONGEST_PERIOD,
    Cadence,
    Period,
    digest_planned,
    next_digest,
    period_since,
)
from monitoring.alerts.digests import digests_work
from monitoring.alerts.hours import is_awake, next_awake
from monitoring.alerts.models import Message, Recipient
from monitoring.alerts.outbox import mail_in
from monitoring.alerts.preferences import Preferences, preferences_save
from tests.factories import make_member, make_organization
from tests.monitoring.alerts.routing_makers import make_recipient
from tests.monitoring.alerts.test_digest_times import cadences
from tests.monitoring.console.makers import make_many_healthy

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2026, 11, 23, 12, tzinfo=UTC)
WEEK = 7 * DAY


@dataclass(slots=True)
class Reader:
    """Somebody who is told as `monitoring.alerts.digests.written` does, without a database."""

    cadence: Cadence
    due: datetime
    told: datetime | None = None
    periods: list[Period] = field(default_factory=list)

    def wait(self, until: datetime) -> None:
        while self.due <= until:
            now, following = self.due, next_digest(self.cadence, self.due)
            period, self.due = period_since(self.cadence, self.told, now), following
            if period is None:
                continue
            if is_awake(self.cadence.hours, now):
                self.periods.append(period)
                self.told = period.end
            else:
                self.told = period.first
                self.due = min(following, next_awake(self.cadence.hours, now) or following)

    def change(self, cadence: Cadence, now: datetime) -> None:
        self.cadence = cadence
        self.due = digest_planned(cadence, self.told, self.due, now)


changes = st.lists(st.tuples(st.integers(1, 20 * 24 * 60), cadences), max_size=8)


@given(cadences, changes)
def test_periods_neither_overlap_nor_leave_out_what_can_be_told(
    cadence: Cadence, changes: list[tuple[int, Cadence]]
) -> None:
    now = MONDAY
    reader = Reader(cadence, next_digest(cadence, now))
    for minutes, wanted in changes:
        now += timedelta(minutes=minutes)
        reader.wait(now)
        reader.change(wanted, now)
    reader.wait(now + 40 * DAY)
    assert len(reader.periods) > 1
    for one, other in pairwise(reader.periods):
        assert one.end <= other.first < other.end
        assert one.end == other.first or other.end - one.end > LONGEST_PERIOD


@pytest.fixture
def access(db: None) -> Access:
    organization = make_organization(slug="acme")
    make_many_healthy(organization, 3)
    member = make_member(organization, role=Role.VIEWER)
    return access_for(member.user, "acme")


def reading(access: Access, **fields: Any) -> Recipient:
    return make_recipient(access.organization, user=access.user, digest_hour=12, **fields)


def change(access: Access, at: datetime, **wanted: Any) -> datetime | None:
    """Return when the next digest is due after a change."""
    wanted = {"digest_hour": 12} | wanted
    recipient = preferences_save(access=access, wanted=Preferences(**wanted), now=at)
    found: datetime | None = recipient.digest_at
    return found


def told(at: datetime) -> str:
    """Write what is due; return the times that the last digest tells of."""
    with travel(at, tick=False):
        digests_work()
    said = mail_in(Message.objects.latest("id")).text
    return next(line for line in said.splitlines() if " to 2026-" in line)


def test_who_takes_mondays_off_gets_no_second_one_that_week(access: Access) -> None:
    reading(access, digest="weekly", digest_at=MONDAY)
    assert "2026-11-16 12:00 to 2026-11-23 12:00" in told(MONDAY)
    tuesday = MONDAY + 8 * DAY
    assert change(access, MONDAY + HOUR, digest="weekly", working_days="23456") == tuesday
    assert "2026-11-23 12:00 to 2026-12-01 12:00" in told(tuesday)
    assert Message.objects.count() == 2


def test_who_works_on_mondays_again_misses_no_week(access: Access) -> None:
    due = MONDAY + DAY
    reading(access, digest="weekly", working_days="23456", digest_at=due, digest_from=due - WEEK)
    assert change(access, MONDAY + 4 * HOUR, digest="weekly", working_days="123456") == due
    assert "2026-11-17 12:00 to 2026-11-23 12:00" in told(due)
    assert "2026-11-23 12:00 to 2026-11-30 12:00" in told(MONDAY + WEEK)


def test_one_that_was_put_off_comes_when_it_was_to(access: Access) -> None:
    office = {"working_days": "12345", "quiet_from": time(20), "quiet_until": time(7)}
    recipient = reading(access, digest="daily", digest_at=MONDAY - 3 * DAY, **office)
    with travel(MONDAY - 3 * DAY + 9 * HOUR, tick=False):
        digests_work()
    recipient.refresh_from_db()
    morning, saturday = MONDAY - 5 * HOUR, MONDAY - 2 * DAY
    assert (recipient.digest_at, recipient.digest_from) == (morning, MONDAY - 4 * DAY)
    wanted = {"digest": "daily", **office}
    assert change(access, saturday, urgent_always=False, **wanted) == morning
    assert change(access, saturday, **wanted | {"digest_hour": 13}) == morning
    assert "2026-11-19 12:00 to 2026-11-20 13:00" in told(morning)
    assert "2026-11-20 13:00 to 2026-11-23 13:00" in told(MONDAY + HOUR)


def test_one_that_is_due_comes_whatever_is_changed(access: Access) -> None:
    reading(access, digest="daily", digest_at=MONDAY)
    assert change(access, MONDAY + HOUR, digest="daily", digest_hour=18) == MONDAY
    assert change(access, MONDAY + HOUR, digest="daily", working_days="1") == MONDAY


def test_two_hours_on_one_day_lose_nothing(access: Access) -> None:
    reading(access, digest="daily", digest_at=MONDAY)
    told(MONDAY)
    later = MONDAY + 11 * HOUR
    assert change(access, MONDAY + HOUR, digest="daily", digest_hour=23) == later + DAY
    assert "2026-11-23 12:00 to 2026-11-24 23:00" in told(later + DAY)


def test_who_wanted_none_for_long_is_told_of_the_last_day(access: Access) -> None:
    reading(access, digest="never", digest_from=MONDAY - 90 * DAY)
    assert change(access, MONDAY, digest="daily") == MONDAY + DAY
    assert "2026-11-23 12:00 to 2026-11-24 12:00" in told(MONDAY + DAY)
