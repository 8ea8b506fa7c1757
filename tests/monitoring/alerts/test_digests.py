"""Who gets a digest, and when."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from time_machine import travel

from accounts.models import Member, Organization
from monitoring.alerts import digests
from monitoring.alerts.digests import LOCK, digests_wait, digests_work
from monitoring.alerts.models import Message, Recipient
from tests.factories import NOW, make_member, make_organization
from tests.monitoring.alerts.digest_makers import acme, reader, subjects
from tests.monitoring.alerts.routing_makers import make_recipient
from tests.monitoring.console.makers import make_healthy
from tests.monitoring.jobs.service import PROJECT, with_database

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("at_noon"),
]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_who_has_nobody_to_be_told_of_hears_nothing() -> None:
    recipient = reader(make_organization())
    digests_work()
    assert subjects() == []
    recipient.refresh_from_db()
    assert (recipient.digest_at, recipient.told_at) == (NOW + DAY, None)


@pytest.mark.parametrize(
    ("fields", "following"),
    [
        ({}, NOW + DAY),
        ({"digest_hour": 8, "digest_at": NOW - 4 * HOUR}, NOW + 20 * HOUR),
        ({"digest_at": NOW - 3 * DAY}, NOW + DAY),
        ({"digest": "weekly"}, datetime.fromisoformat("2026-11-23T12:00Z")),
        ({"time_zone": "Asia/Kolkata", "digest_hour": 17}, NOW + 23.5 * HOUR),
    ],
)
def test_one_is_sent_and_the_next_waits_for_its_time(
    fields: dict[str, Any], following: datetime
) -> None:
    recipient = reader(acme(), **fields)
    assert digests_wait(NOW)
    digests_work()
    digests_work()
    assert len(subjects()) == 1
    recipient.refresh_from_db()
    assert recipient.digest_at == following
    assert recipient.told_at == NOW
    assert not digests_wait(NOW)
    assert digests_wait(following)


def test_twice_a_day_is_once() -> None:
    recipient = reader(acme())
    digests_work()
    Recipient.objects.filter(pk=recipient.pk).update(digest_at=NOW, told_at=None)
    digests_work()
    assert len(subjects()) == 1


@pytest.mark.parametrize("of", ["removed", "unsubscribed", "gone", "inactive", "other"])
def test_who_is_gone_gets_none(of: str) -> None:
    organization = acme()
    member = make_member(organization)
    recipient = reader(organization, user=member.user)
    if of in {"removed", "unsubscribed"}:
        Recipient.objects.update(**{f"{of}_at": NOW})
    elif of == "inactive":
        member.user.is_active = False
        member.user.save()
    elif of == "other":
        Member.objects.filter(pk=member.pk).update(organization=make_organization())
    else:
        member.delete()
    digests_work()
    assert subjects() == []
    recipient.refresh_from_db()
    assert of == "removed" or recipient.digest_at == NOW + DAY


def test_an_address_that_has_not_confirmed_gets_none() -> None:
    organization = acme()
    make_healthy(organization)
    box = reader(organization, confirmed_at=None)
    digests_work()
    assert subjects() == []
    Recipient.objects.filter(pk=box.pk).update(confirmed_at=NOW, digest_at=NOW)
    digests_work()
    assert len(subjects()) == 1


def test_facts_are_read_once_for_all_who_share_them() -> None:
    organization = acme()
    for _ in range(2):
        reader(organization)
    with CaptureQueriesContext(connection) as few:
        digests_work()
    Recipient.objects.update(digest="never")
    for _ in range(12):
        reader(organization)
    with CaptureQueriesContext(connection) as many:
        digests_work()
    assert len(subjects()) == 14
    assert len(many) == len(few)


def test_the_chart_is_drawn_once_for_all_who_read_it_in_one_zone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[str] = []

    def draw(bars: Any, zone: Any) -> bytes:
        drawn.append(str(zone))
        return b"a picture"

    monkeypatch.setattr(digests, "chart_png", draw)
    organization = acme()
    for _ in range(3):
        reader(organization)
    reader(organization, time_zone="Asia/Tokyo", digest_hour=21)
    reader(make_organization())
    digests_work()
    assert len(subjects()) == 4
    assert sorted(drawn) == ["Asia/Tokyo", "UTC"]


def test_of_one_address_one_is_written_a_minute() -> None:
    address = "casey@several.example"
    for _ in range(3):
        organization = make_organization()
        make_healthy(organization)
        reader(organization, address=address)
    reader(acme())
    for minute in range(4):
        with travel(NOW + minute * timedelta(minutes=1), tick=False):
            digests_work()
            assert len(subjects()) == min(minute + 2, 4)
            assert not digests_wait(NOW + minute * timedelta(minutes=1))
    assert Message.objects.filter(recipient=address).count() == 3


def test_whose_address_was_told_by_another_organization_waits() -> None:
    recipient = reader(acme())
    make_recipient(
        make_organization(), address=recipient.address, told_at=NOW - timedelta(seconds=30)
    )
    assert not digests_wait(NOW)
    assert digests_wait(NOW + timedelta(seconds=30))


@pytest.mark.parametrize(
    "chosen",
    [
        {"digest": "never", "digest_at": None},
        {"digest": "weekly", "digest_at": NOW + 3 * DAY},
        {"digest_hour": 15, "digest_at": NOW + 3 * HOUR},
    ],
)
def test_what_somebody_chose_while_theirs_was_written_stays(
    chosen: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipient, other = reader(acme()), reader(make_organization())
    draw = digests.chart_png

    def meanwhile(bars: Any, zone: Any) -> bytes:
        Recipient.objects.filter(pk=recipient.pk).update(**chosen)
        return draw(bars, zone)

    monkeypatch.setattr(digests, "chart_png", meanwhile)
    digests_work()
    recipient.refresh_from_db()
    other.refresh_from_db()
    assert {name: getattr(recipient, name) for name in chosen} == chosen
    assert (recipient.told_at, other.digest_at) == (NOW, NOW + DAY)


def test_what_is_written_is_kept_when_others_should_have_a_turn() -> None:
    organization = acme()
    recipients = [reader(organization) for _ in range(3)]
    turns = iter([True, False])
    number = digests.digests_write(recipients=recipients, now=NOW, may_go_on=lambda: next(turns))
    assert number == len(subjects()) == 2
    assert [each.pk for each in digests.due_at(NOW)] == [recipients[2].pk]
    assert digests.digests_write(recipients=recipients[2:], now=NOW, may_go_on=lambda: False) == 1


def test_what_breaks_for_one_keeps_nobody_else_waiting(monkeypatch: Any) -> None:
    broken, whole = acme(), make_organization(name="Globex")
    make_healthy(whole)
    read = digests.organization_facts

    def facts(organization: Organization, period: Any, now: datetime) -> Any:
        if organization == broken:
            raise ValueError("no such day")
        return read(organization, period, now)

    monkeypatch.setattr(digests, "organization_facts", facts)
    unlucky = reader(broken)
    reader(whole)
    digests_work()
    assert [subject.partition(":")[0] for subject in subjects()] == ["Globex"]
    unlucky.refresh_from_db()
    assert unlucky.digest_at == NOW + HOUR

    monkeypatch.undo()
    with travel(NOW + HOUR, tick=False):
        digests_work()
    assert len(subjects()) == 2
    unlucky.refresh_from_db()
    assert unlucky.digest_at == NOW + DAY


def test_who_was_told_something_this_minute_waits() -> None:
    reader(acme(), told_at=NOW - timedelta(seconds=30))
    assert not digests_wait(NOW)
    assert digests_wait(NOW + timedelta(seconds=30))


@pytest.mark.django_db(transaction=True)
def test_one_worker_writes_them_at_a_time() -> None:
    reader(acme())
    url = with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"])
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        digests_work()
        assert subjects() == []
        other.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    digests_work()
    assert len(subjects()) == 1


def test_only_who_draws_loads_the_library_that_draws() -> None:
    program = (
        "import django, sys; django.setup();"
        "import monitoring.alerts.digests, monitoring.jobs.tick, synccenter.urls;"
        "sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=PROJECT, check=False).returncode == 0
