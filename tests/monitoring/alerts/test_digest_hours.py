"""Digests keep to the recipient's working days and quiet hours."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from django.test import Client
from time_machine import travel

from accounts.models import Organization
from monitoring.alerts.digest_words import stretch
from monitoring.alerts.digests import digests_work
from monitoring.alerts.last_checks import Leave, decisions
from monitoring.alerts.models import Message, Recipient
from monitoring.alerts.outbox import mail_in
from monitoring.health.samples import samples_add
from tests.factories import make_member, make_organization
from tests.monitoring.alerts.routing_makers import make_recipient
from tests.monitoring.console.makers import make_many_healthy, make_unwell
from tests.monitoring.console.markup import text

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FRIDAY = datetime(2026, 11, 20, 12, tzinfo=UTC)
SATURDAY, MONDAY = FRIDAY + DAY, FRIDAY + 3 * DAY
OFFICE = {"working_days": "12345", "quiet_from": time(20), "quiet_until": time(7)}


@pytest.fixture
def acme() -> Organization:
    organization = make_organization(slug="acme", name="Acme")
    make_many_healthy(organization, 9)
    make_unwell(organization, "stalled", "silent")
    samples_add(
        (organization.pk, MONDAY + DAY - place * HOUR / 2, group, people)
        for place in range(1, 7 * 48)
        for group, people in (("healthy", 9), ("stalled", 1))
    )
    return organization


def make_reader(organization: Organization, at: datetime, **overrides: object) -> Recipient:
    fields = {"digest": "daily", "digest_hour": 12, "digest_at": at}
    return make_recipient(organization, **OFFICE | fields | overrides)


def work(at: datetime) -> None:
    with travel(at, tick=False):
        digests_work()


def due(recipient: Recipient) -> datetime | None:
    recipient.refresh_from_db()
    at: datetime | None = recipient.digest_at
    return at


def test_after_fridays_comes_mondays_which_tells_of_the_weekend(acme: Organization) -> None:
    recipient = make_reader(acme, FRIDAY)
    work(FRIDAY)
    assert due(recipient) == MONDAY
    work(SATURDAY)
    assert Message.objects.count() == 1
    work(MONDAY)
    said = mail_in(Message.objects.latest("id")).text
    assert "2026-11-20 12:00 to 2026-11-23 12:00 (UTC)" in said
    assert "As much as the day before, which had no incident." in said
    assert "people by status in each six hours" in said
    assert "You get this daily digest because you chose it." in said
    work(MONDAY + DAY)
    said = mail_in(Message.objects.latest("id")).text
    assert "As much as the 3 days before" in said
    assert "in each hour" in said


def test_what_was_planned_for_a_day_off_waits_for_a_working_day(acme: Organization) -> None:
    recipient = make_reader(acme, SATURDAY)
    work(SATURDAY)
    assert not Message.objects.exists()
    assert due(recipient) == datetime(2026, 11, 23, 7, tzinfo=UTC)


def test_one_that_is_late_waits_until_quiet_hours_end(acme: Organization) -> None:
    recipient = make_reader(acme, FRIDAY - DAY)
    night = FRIDAY - DAY + 9 * HOUR
    work(night)
    assert not Message.objects.exists()
    morning = due(recipient)
    assert morning == datetime(2026, 11, 20, 7, tzinfo=UTC)
    assert morning is not None
    work(morning)
    said = mail_in(Message.objects.get()).text
    assert "2026-11-18 12:00 to 2026-11-19 12:00 (UTC)" in said
    assert due(recipient) == FRIDAY


def test_one_that_waited_in_the_outbox_is_not_sent_at_night(acme: Organization) -> None:
    make_reader(acme, FRIDAY)
    make_reader(acme, FRIDAY, **dict.fromkeys(["quiet_from", "quiet_until"]))
    work(FRIDAY)
    night, asleep = FRIDAY + 9 * HOUR, datetime(2026, 11, 23, 7, tzinfo=UTC)
    found = decisions(list(Message.objects.order_by("id")), night)
    assert list(found.values()) == [asleep, Leave.SEND]
    found = decisions(list(Message.objects.order_by("id")), FRIDAY + HOUR)
    assert set(found.values()) == {Leave.SEND}
    found = decisions(list(Message.objects.order_by("id")), asleep)
    assert set(found.values()) == {Leave.SEND}


def test_the_page_says_when_the_next_one_really_comes(acme: Organization) -> None:
    member = make_member(acme, time_zone="Europe/Berlin")
    client, address = Client(), "/o/acme/alerts/me/"
    client.force_login(member.user)
    wanted = {
        "quiet_from": "06:00", "quiet_until": "12:00", "working_days": ["1"],
        "urgent_always": "on", "digest": "daily", "digest_hour": "8",
    }  # fmt: skip
    with travel(FRIDAY, tick=False):
        client.post(address, wanted)
        page = text(client.get(address))
    assert Recipient.objects.get().digest_at == datetime(2026, 11, 23, 11, tzinfo=UTC)
    assert "The next digest comes on Mon at 12:00" in page
    assert "on a day off until the next working day" in page


@pytest.mark.parametrize(
    ("hours", "said"), [(3, "day"), (23, "day"), (25, "day"), (72, "3 days"), (167, "week")]
)
def test_a_stretch_of_time_is_said_to_the_day(hours: int, said: str) -> None:
    assert stretch(timedelta(hours=hours)) == said
