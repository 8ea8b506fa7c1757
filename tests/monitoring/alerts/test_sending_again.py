from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from monitoring.alerts import last_checks
from monitoring.alerts.acknowledging import alert_acknowledge
from monitoring.alerts.hours import Hours
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.last_checks import Decision, Withdrawal, decisions
from monitoring.alerts.models import Alert, Message, Recipient
from monitoring.alerts.plan_facts import Phase
from monitoring.alerts.sending import messages_work
from monitoring.alerts.sending_again import message_retry
from monitoring.alerts.still_so import Claim, decisive, is_right, is_shrunk, matters
from monitoring.alerts.withdrawals import NOBODY, TOO_OLD, what_is_wrong, why_not
from monitoring.audit.models import AuditEntry
from tests.factories import make_member, make_organization, make_user
from tests.monitoring.alerts import makers
from tests.monitoring.alerts.engine_makers import at, heal, make_stalled, sent, watch
from tests.monitoring.alerts.makers import make_silence
from tests.monitoring.alerts.routing_makers import make_recipient
from tests.monitoring.console.markup import text
from tests.monitoring.errors.makers import make_access

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_sources")]
OVER = "It is over by now, so it is not sent."


@pytest.fixture
def acme() -> Organization:
    organization = make_organization(name="Acme", slug="acme")
    make_member(organization, user=make_user(email="ada@acme.example"))
    return organization


@pytest.fixture
def people(acme: Organization) -> Any:
    """Five of whom a message was given up."""
    found = make_stalled(acme, 5)
    for minute in (1, 16):
        watch(minute)
    fails()
    return found


def fails() -> None:
    Message.objects.waiting().update(state="failed", ended_at=at(17), answer="550 no")


def retry(acme: Organization, minutes: float = 60) -> str:
    return message_retry(
        access=make_access(acme), message=Message.objects.get(state="failed"), now=at(minutes)
    ).refusal


def stored() -> tuple[str, str]:
    return Message.objects.values_list("state", "answer").order_by("-id")[0]


def test_what_is_over_is_withdrawn_at_once_and_says_so(acme: Organization, people: Any) -> None:
    heal(people)
    watch(50)
    assert retry(acme) == OVER
    assert stored() == ("withdrawn", OVER)
    assert AuditEntry.objects.get().detail["withdrawn"] == OVER


def test_what_goes_on_is_sent(acme: Organization, people: Any) -> None:
    assert retry(acme) == ""
    assert stored()[0] == "queued"


def test_the_page_says_why_it_is_not_sent_and_so_does_the_outbox(
    acme: Organization, people: Any
) -> None:
    heal(people)
    watch(50)
    client, address = Client(), f"/o/acme/outbox/{Message.objects.get().pk}/"
    client.force_login(make_member(acme).user)
    page = text(client.post(f"{address}retry", follow=True))
    assert page.count(OVER) == 2
    assert "within a minute" not in page
    for page in (text(client.get("/o/acme/outbox/")), text(client.get(address))):
        assert "Withdrawn" in page
        assert OVER in page
        assert "550 no" not in page


def test_what_would_be_sent_later_says_when(acme: Organization, people: Any) -> None:
    make_member(acme, user=make_user(email="eve@acme.example"))
    now = timezone.now()
    clock = now.time().replace(second=0, microsecond=0)
    until = (now + timedelta(hours=2)).time().replace(second=0, microsecond=0)
    Recipient.objects.update(quiet_from=clock, quiet_until=until)
    message, client = Message.objects.get(), Client()
    client.force_login(make_member(acme).user)
    page = text(client.post(f"/o/acme/outbox/{message.pk}/retry", follow=True))
    message.refresh_from_db()
    assert message.next_try_at.time() == until
    assert f"It is sent again from {message.next_try_at:%Y-%m-%d %H:%M}" in page
    assert "told nothing" not in page


def test_what_could_not_be_checked_promises_no_silence(
    acme: Organization, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(messages: Sequence[Message], now: datetime) -> Mapping[int, Decision]:
        raise ZeroDivisionError

    monkeypatch.setitem(last_checks._checks, "alert", broken)
    message, client = Message.objects.get(), Client()
    client.force_login(make_member(acme).user)
    page = text(client.post(f"/o/acme/outbox/{message.pk}/retry", follow=True))
    message.refresh_from_db()
    assert message.state == "queued"
    assert message.next_try_at > timezone.now() + timedelta(minutes=4)
    assert f"It is sent again from {message.next_try_at:%Y-%m-%d %H:%M}" in page
    assert "told nothing" not in page


def test_what_is_silenced_says_so(acme: Organization, people: Any) -> None:
    make_silence(acme, people)
    watch(50)
    assert retry(acme) == "It is silenced by now, so it is not sent."


def test_what_is_about_far_fewer_people_says_so(acme: Organization, people: Any) -> None:
    heal(people[1:])
    watch(50)
    assert retry(acme) == "It is about far fewer people by now, so it is not sent."


def test_a_reminder_that_somebody_has_answered_says_so(acme: Organization) -> None:
    make_stalled(acme, 2)
    for minute in (1, 16):
        watch(minute)
    sent(16)
    watch(1_500)
    fails()
    alert_acknowledge(alert=Alert.objects.get(), name="Ada", now=at(1_501))
    assert retry(acme, 1_502) == "It is acknowledged by now, so it is not sent."


def test_whoever_left_is_said_to_have(acme: Organization, people: Any) -> None:
    Recipient.objects.update(unsubscribed_at=at(20))
    assert retry(acme) == NOBODY


def test_one_of_several_is_named_as_such(acme: Organization) -> None:
    first = make_stalled(acme, 3, cause="a")
    make_stalled(acme, 2, cause="b")
    for minute in (1, 16):
        watch(minute)
    fails()
    heal(first)
    watch(50)
    assert retry(acme) == "One of its alerts is over by now, so it is not sent."


def test_a_digest_says_that_it_is_old_or_not_wanted(acme: Organization) -> None:
    for digest, why in (("daily", TOO_OLD), ("never", NOBODY)):
        recipient = make_recipient(acme, digest=digest)
        for day, state in ((1, "failed"), (2, "sent")):
            makers.make_message(
                organization=acme, kind="digest", key=f"digest/{recipient.pk}/{day}", state=state
            )
        assert retry(acme, 60 * 25) == why


def test_the_sender_writes_the_reason_over_an_old_answer(acme: Organization) -> None:
    people = make_stalled(acme, 2)
    for minute in (1, 16):
        watch(minute)
    heal(people)
    watch(50)
    Message.objects.update(answer="450 later", attempts=2, next_try_at=timezone.now())
    messages_work()
    assert stored() == ("withdrawn", OVER)


claims = st.builds(
    Claim,
    message=st.just(1),
    phase=st.sampled_from(list(Phase)),
    kind=st.sampled_from(list(AlertKind)),
    severity=st.integers(1, 3),
    is_over=st.booleans(),
    is_silenced=st.booleans(),
    is_acknowledged=st.booleans(),
    is_escalation=st.booleans(),
    hours=st.sampled_from([None, Hours(), Hours(quiet_from=time(1), quiet_until=time(2))]),
    people=st.integers(0, 9),
    left=st.integers(0, 9),
    fewest=st.none() | st.integers(0, 9),
)


@given(st.lists(claims, max_size=4))
def test_the_reason_is_of_a_claim_that_is_wrong_and_decides(told: list[Claim]) -> None:
    wrong = [claim for claim in told if not is_right(claim)]
    deciding = [claim for claim in wrong if claim is told[0] or matters(claim)]
    named = decisive(told)
    assert (named is None) == (not deciding)
    assert (why_not(told) == "") == (named is None)
    if named is not None:
        assert any(named is claim for claim in deciding)
        said = why_not(told)
        assert said == NOBODY if named.hours is None else what_is_wrong(named) in said


def test_an_alert_that_the_check_accepts_hides_no_cause() -> None:
    """Ten were left when it was written anew, and six are: of those that is more than half."""
    accepted = Claim(1, Phase.OPENED, AlertKind.STALLED, Severity.WARNING, is_over=False,
        is_silenced=False, is_acknowledged=False, is_escalation=False, hours=Hours(),
        people=20, left=6, fewest=10,
    )  # fmt: skip
    over = accepted._replace(severity=Severity.CRITICAL, is_over=True)
    assert is_right(accepted)
    assert why_not([accepted, over]) == "One of its alerts is over by now, so it is not sent."


@given(claims.filter(lambda claim: not is_right(claim)))
def test_what_is_said_of_an_alert_is_so(claim: Claim) -> None:
    said = why_not([claim])
    assert said.endswith("so it is not sent.")
    if "is over" in said:
        assert claim.is_over
    if "is silenced" in said:
        assert claim.is_silenced
    if "is acknowledged" in said:
        assert claim.is_acknowledged
        assert is_right(claim._replace(is_acknowledged=False))
    if "far fewer" in said:
        assert is_shrunk(claim)
    if "came back" in said:
        assert not claim.is_over


def test_saying_why_costs_no_statement_of_its_own(
    acme: Organization, people: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    heal(people)
    watch(50)
    message = Message.objects.get()
    # What it tells, whose hours; and two for the savepoint.
    with django_assert_num_queries(2 + 2):
        assert decisions([message], at(60)) == {message.pk: Withdrawal(OVER)}
