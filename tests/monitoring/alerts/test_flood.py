"""Very many people stall within ten minutes: nobody who is told of it gets a storm."""

from __future__ import annotations

import tracemalloc
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Organization
from monitoring.alerts import sending
from monitoring.alerts.models import Alert, Message, Notification
from monitoring.alerts.outbox import mail_in
from tests.factories import NOW, make_member, make_organization, make_person, make_user
from tests.monitoring.alerts.clock import Clock
from tests.monitoring.alerts.engine_makers import at, watch
from tests.monitoring.alerts.makers import make_message
from tests.monitoring.alerts.post import Post
from tests.monitoring.alerts.routing_makers import make_route

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_sources")]

# `make bench-alerts` does the same with 100,000.
PEOPLE = 3_000
ORGANIZATIONS = 3
TEN_MINUTES = 20
# In minutes: every half of one while it happens and is told, and seldom while nothing does.
BEGINNING = [tick / 2 for tick in range(TEN_MINUTES)]
TICKS = [*BEGINNING, *(15 + tick / 2 for tick in range(8)), 40, 60, 90, 90.5, 91, 91.5, 92, 93]
HEALED_AT = 60.0
ADD = """
    INSERT INTO accounts_person (
        organization_id, email, name, team, time_zone, google_calendar_id, salesforce_user_id,
        salesforce_username, created_at
    )
    SELECT organization.id, 'p' || n || '@' || organization.google_domain, 'Person ' || n, '',
        'UTC', 'primary', '', '', %(now)s
    FROM accounts_organization AS organization
    CROSS JOIN generate_series(1, %(people)s) AS n
    ORDER BY organization.id, n
"""
# Those whose turn it is, of every organization and cause some.
STALL = """
    UPDATE health_health
    SET status = 'stalled', cause = 'cause ' || person_id %% %(causes)s, severity = 0,
        status_since = %(now)s, unwell_since = %(now)s
    WHERE status <> 'stalled'
        AND (person_id - (SELECT min(id) FROM accounts_person)) / %(causes)s %% %(ticks)s = %(tick)s
"""
HEAL = """
    UPDATE health_health
    SET status = 'healthy', cause = '', severity = 4, unwell_since = NULL
    WHERE status = 'stalled'
"""


@pytest.fixture
def organizations() -> list[Organization]:
    found = [make_organization(name=f"Organization {n}") for n in range(ORGANIZATIONS)]
    for organization in found:
        for role in ("owner", "admin"):
            make_member(organization, role=role)
    make_user(is_staff=True, email="sam@service.example")
    make_route(None, audience="support")
    execute(ADD, people=PEOPLE // ORGANIZATIONS, now=NOW)
    return found


def execute(statement: str, **values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def flood(clock: Clock, causes: int, ticks: int = TEN_MINUTES, away_until: float = 0) -> None:
    """Let everybody stall within some ticks, and be well an hour after the first.

    What is queued is sent after each tick, from the minute on until which the sender is away.
    """
    for number, minute in enumerate(TICKS):
        clock.minute = minute
        if number < ticks:
            execute(STALL, causes=causes, ticks=ticks, tick=number, now=at(minute))
        if minute == HEALED_AT:
            execute(HEAL)
        watch(minute)
        if minute >= away_until:
            sending.messages_work()


def by_address() -> dict[str, list[Message]]:
    messages: defaultdict[str, list[Message]] = defaultdict(list)
    for message in Message.objects.order_by("created_at", "id"):
        messages[message.recipient].append(message)
    return messages


def expect_no_storm(messages: dict[str, list[Message]], post: Post) -> None:
    """All that was queued arrived, and at no address two within a minute."""
    assert len(messages) == 2 * ORGANIZATIONS + 1
    arrived = Counter(post.recipients)
    for address, theirs in messages.items():
        assert arrived[address] == len(theirs)
        for times in ([each.created_at for each in theirs], sent_times(theirs)):
            gaps = [later - earlier for earlier, later in pairwise(times)]
            assert not gaps or min(gaps) >= timedelta(minutes=1), address


def sent_times(messages: list[Message]) -> list[datetime]:
    times = [message.sent_at for message in messages if message.sent_at is not None]
    assert len(times) == len(messages), "each was sent"
    return sorted(times)


def test_one_cause_is_one_alert_for_each_organization_and_recipient(
    organizations: list[Organization], post: Post, clock: Clock
) -> None:
    flood(clock, causes=1)
    alerts = Alert.objects.values_list("organization", "most_people", "is_settled")
    size = PEOPLE // ORGANIZATIONS
    assert sorted(alerts) == sorted((each.pk, size, True) for each in organizations)
    messages = by_address()
    expect_no_storm(messages, post)
    for address, theirs in messages.items():
        assert len(theirs) == 2, f"one of the beginning and one of the end for {address}"
    told = Notification.objects.filter(message__recipient="sam@service.example", phase="opened")
    assert told.count() == ORGANIZATIONS
    assert Notification.objects.filter(phase="opened", people=size).count() == 3 * ORGANIZATIONS


def test_300_causes_at_once_are_exactly_one_short_message_to_each_recipient(
    organizations: list[Organization], post: Post, clock: Clock
) -> None:
    flood(clock, causes=300, ticks=1)
    expect_no_storm(by_address(), post)
    began = Message.objects.filter(sent_at__lt=at(HEALED_AT))
    assert began.count() == 2 * ORGANIZATIONS + 1
    mails: defaultdict[str, list[str]] = defaultdict(list)
    for address, mail in zip(post.recipients, post.mails, strict=True):
        body = mail.get_body(("plain",))
        assert body is not None
        mails[address].append(body.get_content())
    for address, (beginning, *_) in mails.items():
        causes = 300 * (ORGANIZATIONS if address == "sam@service.example" else 1)
        assert beginning.count("\n* ") == 10, beginning
        assert f"And {causes - 10:,} more: " in beginning


def test_300_causes_within_ten_minutes_are_a_few_short_messages_to_each_recipient(
    organizations: list[Organization], post: Post, clock: Clock
) -> None:
    flood(clock, causes=300)
    assert Alert.objects.count() == 300 * ORGANIZATIONS
    messages = by_address()
    expect_no_storm(messages, post)
    first, last = Message.objects.earliest("created_at"), Message.objects.latest("created_at")
    assert first.created_at >= at(15)
    assert last.created_at <= at(HEALED_AT + 35)
    for address, theirs in messages.items():
        told = [message.notifications.count() for message in theirs]
        alerts = 300 * (ORGANIZATIONS if address == "sam@service.example" else 1)
        assert sum(told) == 2 * alerts
        biggest = theirs[told.index(max(told))]
        text = mail_in(biggest).text
        assert text.count("\n* ") == 10, text
        assert f"And {max(told) - 10:,} more: " in text
        assert len(theirs) <= 12, f"{address} is told each minute in which some begin, at most"


def test_what_piled_up_while_the_sender_was_away_comes_one_a_minute(
    organizations: list[Organization], post: Post, clock: Clock
) -> None:
    flood(clock, causes=300, away_until=17.5)
    first = Message.objects.filter(state="sent").earliest("sent_at")
    assert first.sent_at == at(17.5)
    piled_up = Message.objects.filter(created_at__lt=at(17.5)).values_list("recipient", flat=True)
    assert max(Counter(piled_up).values()) > 1
    for address, theirs in by_address().items():
        times = sorted(each.sent_at for each in theirs if each.sent_at is not None)
        assert len(times) == Counter(post.recipients)[address] > 1
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert min(gaps) >= timedelta(minutes=1), address


def test_the_senders_memory_is_flat_however_many_it_sends(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMAIL_BACKEND = "monitoring.alerts.keeping.EmailBackend"
    person = make_person()
    for number in range(150):
        address = f"admin{number}@acme.example"
        make_message(person, kind="alert", recipient=address, now=timezone.now())
    held: list[int] = []
    deliver = sending.deliver

    def measured(*arguments: object) -> None:
        deliver(*arguments)  # type: ignore[arg-type]
        held.append(tracemalloc.get_traced_memory()[0])

    monkeypatch.setattr(sending, "deliver", measured)
    tracemalloc.start()
    try:
        sending.messages_work()
    finally:
        tracemalloc.stop()
    assert Message.objects.filter(state="sent").count() == 150
    assert len(held) == 15
    assert max(held[10:]) - max(held[:5]) < 100_000
