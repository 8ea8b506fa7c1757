"""What is asked of a mail before it goes out: the incident and the link may be others by now."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import Connection, Person
from monitoring.actions.invitation_course import HELD_BACK_FOR
from monitoring.actions.invitations import invitations_withdraw
from monitoring.actions.letters import invitation_mail, reminder_mail
from monitoring.actions.models import Invitation
from monitoring.alerts.last_checks import Decision, Leave, Withdrawal, decisions
from monitoring.alerts.mails import Mail
from monitoring.alerts.models import Message
from monitoring.alerts.outbox import message_queue
from tests.factories import NOW, make_connected_person
from tests.monitoring.actions.invitation_makers import DAY, make_invitation
from tests.monitoring.console.incident_makers import make_hits, make_incident

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def ada(db: None) -> Person:
    return make_connected_person(name="Ada Lovelace")


def queued(person: Person, *, reminders: int = 0, **overrides: Any) -> Invitation:
    """An invitation whose mail waits in the outbox."""
    invitation = make_invitation(person, reminders=reminders, **overrides)
    if reminders:
        reminder_mail(invitation, NOW)
    else:
        invitation_mail(invitation, NOW)
    return invitation


def decided(now: datetime = LATER) -> Decision:
    (decision,) = decisions(list(Message.objects.all()), now).values()
    return decision


@pytest.mark.parametrize("reminders", [0, 1])
def test_a_mail_with_an_open_link_is_sent(ada: Person, reminders: int) -> None:
    queued(ada, reminders=reminders)
    assert decided() == Leave.SEND


@pytest.mark.parametrize("reminders", [0, 1])
def test_one_that_waits_when_an_incident_opens_is_not_sent_before_its_end(
    ada: Person, reminders: int
) -> None:
    queued(ada, reminders=reminders)
    incident = make_incident(ada.organization, provider="google")
    assert decided() == LATER + HELD_BACK_FOR
    type(incident).objects.update(closed_at=NOW, recovered_at=NOW)
    assert decided() == Leave.SEND


@pytest.mark.parametrize(
    "fields",
    [{"expires_at": LATER}, {"state": "expired"}, {"state": "refused"}, {"state": "done"}],
)
def test_a_mail_with_a_link_that_is_over_is_withdrawn(ada: Person, fields: dict[str, Any]) -> None:
    queued(ada, **fields)
    make_incident(ada.organization, provider="google")
    assert decided() == Withdrawal()


def test_a_mail_about_what_is_in_order_again_is_withdrawn(ada: Person) -> None:
    queued(ada)
    Connection.objects.filter(person=ada).update(state="proven", proven_at=NOW)
    assert decided() == Withdrawal()


def test_a_mail_of_an_invitation_that_is_gone_is_withdrawn(ada: Person) -> None:
    queued(ada).delete()
    assert decided() == Withdrawal()


def test_one_given_up_and_tried_again_is_asked_about_as_well(ada: Person) -> None:
    invitation = queued(ada)
    Message.objects.update(state="failed")
    invitations_withdraw(invitations=[invitation.pk], now=NOW)
    assert decided() == Withdrawal()


def test_many_are_decided_in_one_statement(ada: Person, django_assert_num_queries: Any) -> None:
    for _ in range(3):
        queued(make_connected_person(ada.organization))
    messages = list(Message.objects.all())
    # And two for the savepoint that each check has.
    with django_assert_num_queries(1 + 2):
        assert set(decisions(messages, LATER).values()) == {Leave.SEND}


def test_who_is_hit_by_an_incident_is_told_after_it_who_acted_for_them(ada: Person) -> None:
    message_queue(
        organization=ada.organization,
        person=ada,
        kind="acted_for_you",
        key=f"acted_for_you/1/{ada.pk}",
        recipient=ada.email,
        mail=Mail("Access", "restored", "<p>restored</p>"),
        now=NOW,
    )
    assert decided() == Leave.SEND
    incident = make_incident(ada.organization, provider="google", opened_at=NOW - DAY)
    assert decided() == Leave.SEND, "it hits others"
    make_hits(incident, [ada])
    assert decided() == LATER + HELD_BACK_FOR
    type(incident).objects.update(closed_at=NOW, recovered_at=NOW)
    assert decided() == Leave.SEND
