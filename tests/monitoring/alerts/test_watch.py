from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.credentials import encrypt
from accounts.models import Organization
from monitoring.alerts import plan, sources, telling
from monitoring.alerts.findings import Finding
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.letters import ALERTS_TOLD
from monitoring.alerts.models import Alert, Channel, Message, Notification, Recipient
from monitoring.alerts.outbox import details_in, mail_in
from monitoring.alerts.watch import TOO_LATE, Watched, alerts_watch
from monitoring.incidents.models import Incident
from tests.factories import NOW, make_member, make_organization, make_person, make_user
from tests.monitoring.alerts.destination_makers import make_chat, make_webhook
from tests.monitoring.alerts.engine_makers import (
    BROKEN,
    at,
    heal,
    make_stalled,
    mutes,
    only_alert,
    phases,
    sent,
    stall,
    watch,
)
from tests.monitoring.alerts.makers import make_silence
from tests.monitoring.alerts.routing_makers import make_recipient, make_route

OTHER_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_sources")]


@pytest.fixture
def acme() -> Organization:
    organization = make_organization(name="Acme")
    make_member(organization, user=make_user(email="ada@acme.example"))
    return organization


def test_with_nothing_wrong_nothing_is_begun_or_told(acme: Organization) -> None:
    assert watch(0) == Watched()
    assert not Alert.objects.exists()


def test_people_who_stall_are_told_of_once_when_it_has_lasted(acme: Organization) -> None:
    make_stalled(acme, 5)
    assert watch(1) == Watched(begun=1)
    alert = only_alert()
    assert (alert.organization, alert.kind, alert.cause) == (acme, "stalled", BROKEN)
    assert (alert.people, alert.most_people, alert.severity) == (5, 5, Severity.WARNING)
    assert alert.began_at == NOW
    assert watch(14) == Watched()
    assert watch(15) == Watched(queued=1)
    assert watch(16) == Watched()
    message = Message.objects.get()
    assert (message.recipient, message.kind) == ("ada@acme.example", "alert")
    assert message.organization == acme
    assert "5 people" in message.subject
    assert Recipient.objects.get().told_at == at(15)


def test_what_heals_before_it_has_lasted_is_never_told(acme: Organization) -> None:
    people = make_stalled(acme, 5)
    watch(1)
    heal(people)
    assert watch(10) == Watched(ended=1)
    assert watch(60) == Watched()
    assert only_alert().ended_at == at(10)
    assert only_alert().is_settled
    assert not Message.objects.exists()


def test_an_end_is_told_with_how_long_it_lasted_once_it_has_settled(acme: Organization) -> None:
    people = make_stalled(acme, 5)
    watch(1)
    watch(15)
    sent(16)
    heal(people)
    watch(120)
    assert watch(149) == Watched()
    assert watch(150) == Watched(queued=1)
    sent(151)
    assert watch(155) == Watched()
    assert phases() == [("opened", 5), ("over", 5)]
    assert only_alert().is_settled


def test_it_grows_instead_of_being_told_again(acme: Organization) -> None:
    make_stalled(acme, 5)
    for minute in (1, 15):
        watch(minute)
    make_stalled(acme, 12, minutes=20)
    watch(30)
    assert only_alert().people == 17
    assert Alert.objects.count() == Message.objects.count() == 1
    assert watch(75) == Watched(queued=1)
    assert phases() == [("opened", 5), ("grown", 17)]


def test_getting_graver_is_told_by_itself(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Finding(AlertKind.COVERAGE, acme.pk, "", Severity.WARNING, people=4, weight=4)]
    coverage = (frozenset({AlertKind.COVERAGE}), lambda now: found)
    monkeypatch.setattr(sources, "_sources", {"coverage": coverage})
    for minute in (1, 16):
        watch(minute)
    found[0] = replace(found[0], severity=Severity.CRITICAL)
    for minute in (20, 22):
        watch(minute)
    assert phases() == [("opened", 4), ("grown", 4)]
    assert list(Notification.objects.order_by("pk").values_list("severity", flat=True)) == [2, 3]


def test_what_goes_on_is_reminded_of_daily_until_somebody_has_it(acme: Organization) -> None:
    make_stalled(acme, 5)
    watch(1)
    watch(15)
    day = 24 * 60
    assert watch(15 + day) == Watched(queued=1)
    assert watch(16 + day) == Watched()
    Alert.objects.update(acknowledged_at=at(20 + day), acknowledged_by_name="Ada")
    assert watch(15 + 3 * day) == Watched()
    assert phases() == [("opened", 5), ("reminder", 5)]


def test_failing_healing_and_failing_again_are_two_alerts(acme: Organization) -> None:
    people = make_stalled(acme, 5)
    for minute in (1, 15):
        watch(minute)
    sent(16)
    heal(people)
    watch(60)
    watch(90)
    stall(people, minutes=200)
    for minute in (200, 215):
        watch(minute)
    sent(216)
    heal(people)
    for minute in (300, 330):
        watch(minute)
    assert phases() == [("opened", 5), ("over", 5)] * 2
    first, second = Alert.objects.order_by("id")
    assert (first.began_at, first.ended_at) == (NOW, at(60))
    assert (second.began_at, second.ended_at) == (at(200), at(300))
    assert (first.flaps, second.flaps) == (0, 1)


def test_what_flaps_is_kept_back_and_seen_until_it_lasts(acme: Organization) -> None:
    people = make_stalled(acme, 5)
    for round_ in range(3):
        stall(people, minutes=10 * round_)
        watch(10 * round_)
        heal(people)
        watch(10 * round_ + 5)
    stall(people, minutes=30)
    watch(30)
    assert Alert.objects.open().get().flaps == 3
    assert watch(46) == Watched()
    assert mutes() == [("flapping", 5)]
    assert watch(47) == Watched()
    assert watch(90) == Watched(queued=1)
    assert mutes() == []
    assert phases() == [("opened", 5)]


def test_a_silence_keeps_the_beginning_back_and_never_the_end(acme: Organization) -> None:
    people = make_stalled(acme, 3)
    watch(1)
    silence = make_silence(acme, people, now=at(2))
    assert watch(15) == Watched()
    assert (only_alert().people, only_alert().silenced) == (3, 3)
    assert mutes() == [("silenced", 3)]
    silence.ended_at = at(20)
    silence.save()
    assert watch(21) == Watched(queued=1)
    assert mutes() == []
    sent(22)
    make_silence(acme, people, now=at(30))
    heal(people)
    watch(60)
    assert watch(90) == Watched(queued=1)
    assert phases() == [("opened", 3), ("over", 3)]


def test_who_is_not_silenced_is_told_of(acme: Organization) -> None:
    people = make_stalled(acme, 3)
    make_silence(acme, people[:2], now=NOW)
    watch(1)
    assert watch(15) == Watched(queued=1)
    assert phases() == [("opened", 1)]


def test_of_very_many_recipients_some_are_told_at_each_tick_the_gravest_alerts_first(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "AT_ONCE", 2)
    monkeypatch.setattr(telling, "A_TICK", 4)
    for number in range(5):
        make_member(acme, user=make_user(email=f"{number}@acme.example"))
    globex = make_organization(name="Globex")
    make_member(globex, user=make_user(email="greta@globex.example"))
    make_stalled(acme, 2)
    Incident.objects.create(
        organization=globex, provider="salesforce", signature="x", began_at=at(0), opened_at=at(1)
    )
    watch(1)
    assert watch(15) == Watched(queued=4)
    assert Message.objects.order_by("pk")[0].recipient == "greta@globex.example"
    assert Recipient.objects.exclude(told_at=None).count() == 4
    assert watch(15.5) == Watched(queued=3)
    assert watch(16) == Watched()
    assert len(set(Message.objects.values_list("recipient", flat=True))) == 7


def test_a_tick_notes_whom_it_told_in_the_order_of_ids(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "AT_ONCE", 1)
    make_member(acme, user=make_user(email="ben@acme.example"))
    make_stalled(acme, 2)
    watch(1)
    with CaptureQueriesContext(connection) as queries:
        assert watch(15) == Watched(queued=2)
    locks = [each["sql"] for each in queries if "FOR NO KEY UPDATE" in each["sql"]]
    changes = [
        each["sql"] for each in queries if each["sql"].startswith('UPDATE "alerts_recipient"')
    ]
    assert len(locks) == len(changes) == 1
    assert locks[0].startswith('SELECT "alerts_recipient"."id"')
    assert "ORDER BY 1 ASC" in locks[0]


def test_many_causes_are_one_message_and_one_note_each(acme: Organization) -> None:
    for cause in ("a", "b", "c"):
        make_stalled(acme, 2, cause=cause)
    watch(1)
    assert watch(15) == Watched(queued=1)
    assert Notification.objects.filter(message=Message.objects.get()).count() == 3


def test_nobody_is_queued_two_messages_within_a_minute(acme: Organization) -> None:
    make_stalled(acme, 2, cause="a")
    make_stalled(acme, 2, cause="b", minutes=0.5)
    for half in range(2, 60):
        watch(half / 2)
    first, second = Message.objects.order_by("id")
    assert second.created_at - first.created_at >= timedelta(minutes=1)


def test_an_address_of_two_organizations_gets_one_at_a_time(acme: Organization) -> None:
    globex = make_organization(name="Globex")
    make_member(globex, user=acme.members.get().user)
    make_stalled(acme, 2)
    make_stalled(globex, 3)
    watch(1)
    assert watch(15) == Watched(queued=1)
    assert watch(15.5) == Watched()
    assert watch(16) == Watched(queued=1)
    assert sorted(message.organization_id or 0 for message in Message.objects.all()) == sorted(
        [acme.pk, globex.pk]
    )


def test_organizations_hear_of_their_own_people_only(acme: Organization) -> None:
    globex = make_organization(name="Globex")
    make_member(globex, user=make_user(email="greta@globex.example"))
    make_stalled(acme, 2)
    make_stalled(globex, 3)
    watch(1)
    assert watch(15) == Watched(queued=2)
    told = {message.recipient: message.subject for message in Message.objects.all()}
    assert "Acme" in told["ada@acme.example"]
    assert "Globex" in told["greta@globex.example"]


def test_withdrawn_messages_are_planned_anew_and_failed_ones_are_not(acme: Organization) -> None:
    make_stalled(acme, 2)
    watch(1)
    watch(15)
    Message.objects.update(state="withdrawn")
    assert watch(16) == Watched(queued=1)
    assert Notification.objects.count() == 1
    Message.objects.filter(state="queued").update(state="failed")
    assert watch(17) == Watched()


def test_an_end_waits_for_what_is_still_in_the_outbox(acme: Organization) -> None:
    people = make_stalled(acme, 2)
    watch(1)
    watch(15)
    heal(people)
    watch(20)
    assert watch(60) == Watched()
    Message.objects.update(state="withdrawn")
    assert watch(61) == Watched()
    assert only_alert().is_settled


def test_the_end_of_what_nobody_got_is_not_told(acme: Organization) -> None:
    people = make_stalled(acme, 2)
    for minute in (1, 15):
        watch(minute)
    Message.objects.update(state="failed")
    heal(people)
    watch(20)
    assert watch(60) == Watched()
    assert only_alert().is_settled


def test_the_end_is_told_to_whom_only_the_beginning_did_not_reach(acme: Organization) -> None:
    people = make_stalled(acme, 2)
    for minute in (1, 15):
        watch(minute)
    Message.objects.update(state="failed")
    day = 24 * 60
    assert watch(15 + day) == Watched(queued=1)
    sent(16 + day)
    heal(people)
    watch(20 + day)
    assert watch(60 + day) == Watched(queued=1)


def test_an_event_is_no_news_to_who_comes_days_after_it(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Finding(AlertKind.RULE_CHANGE, acme.pk, "1", Severity.NOTICE)]
    changed = (frozenset({AlertKind.RULE_CHANGE}), lambda now: found)
    monkeypatch.setattr(sources, "_sources", {"changes": changed})
    watch(1)
    assert phases() == [("opened", 0)]
    sent(2)
    found.clear()
    day = 24 * 60
    watch(day)
    make_member(acme, user=make_user(email="ben@acme.example"))
    assert watch(4 * day + 1) == Watched()
    assert only_alert().is_settled


def test_an_end_that_must_wait_holds_up_no_other_organization(acme: Organization) -> None:
    globex = make_organization(name="Globex")
    make_member(globex, user=acme.members.get().user)
    people = make_stalled(acme, 2)
    for minute in (1, 15):
        watch(minute)
    heal(people)
    watch(20)
    make_stalled(globex, 3, minutes=60)
    watch(61)
    assert watch(76) == Watched(queued=1)
    assert phases() == [("opened", 2), ("opened", 3)]


def test_an_end_that_was_withdrawn_with_others_is_told_after_all(acme: Organization) -> None:
    people = make_stalled(acme, 2)
    for minute in (1, 15):
        watch(minute)
    sent(16)
    heal(people)
    watch(20)
    assert watch(50) == Watched(queued=1)
    watch(51)
    Message.objects.filter(state="queued").update(state="withdrawn")
    assert watch(52) == Watched(queued=1)


def test_an_end_that_nobody_could_be_told_of_is_left_after_some_days(acme: Organization) -> None:
    people = make_stalled(acme, 2)
    for minute in (1, 15):
        watch(minute)
    sent(16)
    Recipient.objects.update(unsubscribed_at=at(17))
    heal(people)
    watch(20)
    alerts_watch(at(20) + TOO_LATE)
    assert not only_alert().is_settled
    alerts_watch(at(21) + TOO_LATE)
    assert only_alert().is_settled


def failing(now: datetime) -> Iterable[Finding]:
    raise ValueError("this source is broken")


def breaking_the_transaction(now: datetime) -> Iterable[Finding]:
    Alert.objects.create(kind="stalled", cause="x", severity=1, began_at=now, changed_at=None)
    return []


def giving_way(now: datetime) -> Iterable[Finding]:
    """Wait for something for too long, as for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '10ms'")
        cursor.execute("SELECT pg_sleep(60)")
    return []


@pytest.mark.parametrize("source", [failing, breaking_the_transaction, giving_way])
def test_a_source_that_fails_ends_nothing_and_stops_no_other(
    acme: Organization, source: sources.Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_stalled(acme, 2)
    watch(1)
    registered = dict(sources._sources)
    broken = (registered["stalled"][0], source)
    other = Finding(AlertKind.COVERAGE, acme.pk, "", Severity.WARNING, people=4)
    monkeypatch.setattr(
        sources,
        "_sources",
        {"stalled": broken, "other": (frozenset({AlertKind.COVERAGE}), lambda now: [other])},
    )
    assert watch(2) == Watched(begun=1)
    assert Alert.objects.open().count() == 2
    assert watch(15) == Watched(queued=1), "what it knew is told all the same"
    monkeypatch.setattr(sources, "_sources", registered)


def test_teams_are_kept_for_as_long_as_their_source_fails(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    sales = make_recipient(acme, address="sales@acme.example")
    make_route(acme, recipients=[sales], audience="chosen", teams=["Sales"])
    make_stalled(acme, 2, team="Support")
    watch(1)
    monkeypatch.setitem(sources._sources, "stalled", (sources._sources["stalled"][0], failing))
    assert watch(15) == Watched()


def test_a_message_that_cannot_be_written_keeps_nobody_else_waiting(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_member(acme, user=make_user(email="ben@acme.example"))
    make_stalled(acme, 2)
    watch(1)
    drafts_of = telling.drafts_of

    def broken(recipient: Recipient, *arguments: object, **options: object) -> object:
        if recipient.address == "ada@acme.example":
            raise ValueError("no words")
        return drafts_of(recipient, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(telling, "drafts_of", broken)
    assert watch(15) == Watched(queued=2)
    given_up, queued = Message.objects.order_by("recipient")
    assert (queued.recipient, queued.state) == ("ben@acme.example", "queued")
    assert (given_up.state, given_up.ended_at) == ("failed", at(15))
    assert given_up.answer == "This message could not be written (ValueError)."
    assert "/o/" in mail_in(given_up).text
    monkeypatch.setattr(telling, "drafts_of", drafts_of)
    assert watch(16) == Watched(), "it counts as told, and is shown"


@pytest.mark.parametrize("channel", ["chat", "webhook"])
def test_what_cannot_be_written_for_a_destination_is_given_up(
    acme: Organization, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = make_chat if channel == "chat" else make_webhook
    make_route(acme, [make("https://there.example/hook", acme)], audience="chosen")
    make_stalled(acme, 2)
    watch(1)

    def broken(*arguments: object, **options: object) -> object:
        raise ValueError("no words")

    monkeypatch.setattr(telling, "drafts_of", broken)
    assert watch(15) == Watched(queued=1)
    message = Message.objects.get()
    assert (message.state, message.channel, message.subject) == ("failed", channel, "1 alert")
    if channel == "webhook":
        told = json.loads(mail_in(message).text)
        alert = only_alert()
        assert told["data"]["alerts"] == [{"id": alert.pk, "phase": "opened"}]


def test_a_chat_of_which_nobody_knows_where_it_leads_is_given_up(
    acme: Organization, settings: Settings
) -> None:
    pager = make_chat("pagerduty://integration@apikey", acme)
    make_route(acme, [pager], audience="chosen")
    make_stalled(acme, 2)
    watch(1)
    known, settings.CREDENTIAL_KEYS = settings.CREDENTIAL_KEYS, [OTHER_KEY]
    assert watch(15) == Watched(queued=1)
    assert watch(17) == Watched(), "once an episode and phase"
    message = Message.objects.get()
    assert message.state == "failed"
    assert message.answer == "This message could not be written (CredentialUnreadableError)."
    settings.CREDENTIAL_KEYS = [OTHER_KEY, *known]
    assert len(details_in(message)["pages"]) == 1, "so that it can be sent once it is known"


def numbers_told() -> list[int]:
    """Return of how many alerts each message tells, and pages a service."""
    numbers = []
    for message in Message.objects.order_by("id"):
        numbers.append(message.notifications.count())
        assert len(details_in(message).get("pages", [])) in {0, numbers[-1]}
    return numbers


def test_a_paging_service_is_told_of_each_of_very_many_alerts(acme: Organization) -> None:
    pager = make_chat("pagerduty://integration@apikey", acme)
    chat = make_chat("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#x", acme)
    make_route(acme, [pager, chat], audience="chosen")
    people = [make_stalled(acme, 1, cause=f"cause {number}") for number in range(105)]
    watch(1)
    assert watch(15) == Watched(queued=7)
    assert sorted(numbers_told()) == [5, 20, 20, 20, 20, 20, 105]
    assert Message.objects.filter(target=chat).get().notifications.count() == 105
    sent(16)
    heal([person for some in people for person in some])
    watch(20)
    assert watch(51) == Watched(queued=7)
    over = Notification.objects.filter(recipient=pager, phase="over")
    assert over.values("alert").distinct().count() == 105
    assert over.values("message").distinct().count() == 6


@pytest.mark.django_db(transaction=True)
def test_of_two_ticks_at_once_one_decides(acme: Organization) -> None:
    make_stalled(acme, 2)
    watch(1)
    start = Barrier(4)

    def decide(_: int) -> Watched:
        try:
            start.wait(10)
            return watch(15)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        watched = list(pool.map(decide, range(4)))
    assert sum(each.queued for each in watched) == 1
    assert Message.objects.count() == 1
    assert Notification.objects.count() == 1


def test_the_database_lets_no_alert_be_open_twice(acme: Organization) -> None:
    make_stalled(acme, 2)
    watch(1)
    again = only_alert()
    again.pk = None
    with pytest.raises(IntegrityError):
        again.save()


def test_a_clock_that_was_set_back_tells_nothing_twice(acme: Organization) -> None:
    make_stalled(acme, 2)
    for minute in (1, 15, 16, 15.5, 10, 17):
        watch(minute)
    assert phases() == [("opened", 2)]


def test_a_quiet_tick_asks_the_same_however_many_people_and_organizations() -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            alerts_watch(NOW)
        return len(queries)

    few = statements()
    for _ in range(3):
        organization = make_organization()
        make_member(organization)
        for _ in range(5):
            make_person(organization)
    assert statements() == few


@pytest.mark.parametrize("minutes", [1, 15])
def test_statements_do_not_grow_with_the_alerts_that_are_begun_and_told(minutes: float) -> None:
    def statements(organizations: int) -> int:
        for _ in range(organizations):
            organization = make_organization()
            make_member(organization)
            make_stalled(organization, 2, cause="a")
            make_stalled(organization, 2, cause="b")
        if minutes > 1:
            watch(1)
        with CaptureQueriesContext(connection) as queries:
            watch(minutes)
        Alert.objects.all().delete()
        Recipient.objects.all().delete()
        return len(queries)

    assert statements(2) == statements(6)


def test_only_what_a_message_tells_is_looked_up_and_all_of_it_is_noted(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = make_recipient(acme, channel="webhook", address="https://hooks.example/in")
    make_route(acme, recipients=[make_recipient(acme, address="team@acme.example"), webhook])
    for number in range(ALERTS_TOLD + 3):
        make_stalled(acme, 1 + number, cause=f"cause {number}")
    looked_up, items_of = [], telling.items_of

    def counted(messages: Sequence[plan.Message], *arguments: Any, **options: Any) -> Any:
        looked_up.extend(messages)
        return items_of(messages, *arguments, **options)

    monkeypatch.setattr(telling, "items_of", counted)
    watch(1)
    assert watch(15) == Watched(queued=2)
    told = Notification.objects.order_by("-people").values_list("people", "message__channel")
    for channel, most in ((Channel.MAIL, ALERTS_TOLD), (Channel.WEBHOOK, ALERTS_TOLD + 3)):
        theirs = [people for people, through in told if through == channel]
        assert theirs == list(range(ALERTS_TOLD + 3, 0, -1))
        recipients = set(Recipient.objects.filter(channel=channel).values_list("pk", flat=True))
        found = [message.people for message in looked_up if message.recipient in recipients]
        assert sorted(found, reverse=True) == theirs[:most]
    mail = mail_in(Message.objects.get(channel=Channel.MAIL))
    assert "And 3 more: 3 warnings." in mail.text


def test_chats_and_webhooks_are_told_in_their_own_way(acme: Organization) -> None:
    chat = make_recipient(
        acme, channel="chat", secret=encrypt(json.dumps({"url": "ntfy://ntfy.example/sync"}))
    )
    webhook = make_recipient(acme, channel="webhook", address="https://hooks.example/in")
    make_route(acme, recipients=[chat, webhook])
    make_stalled(acme, 2)
    watch(1)
    assert watch(15) == Watched(queued=2)
    told = {message.channel: message.target for message in Message.objects.all()}
    assert told == {"chat": chat, "webhook": webhook}
