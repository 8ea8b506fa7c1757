from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.access import Access
from accounts.models import Member, Organization, Role
from monitoring.actions.approval import APPROVAL_HOLDS
from monitoring.actions.approval_letters import asked_check
from monitoring.actions.keeping import approvals_expire
from monitoring.actions.models import Action, ActionState
from monitoring.actions.starting import action_approve, action_discard
from monitoring.alerts.last_checks import Leave, Withdrawal, decisions
from monitoring.alerts.models import Message
from monitoring.alerts.outbox import mail_in
from monitoring.audit.models import AuditEntry
from tests.factories import NOW, make_member, make_organization, make_user
from tests.monitoring.actions.makers import make_access, make_action, make_people

LATER = NOW + timedelta(minutes=5)


def mails(kind: str) -> list[Message]:
    return list(Message.objects.filter(kind=kind).order_by("recipient"))


@pytest.fixture
def other(acme: Organization) -> Access:
    return make_access(acme)


@pytest.fixture
def asked(access: Access, other: Access, rung: list[str]) -> Action:
    """An action that waits for approval."""
    action = make_action(access, make_people(access.organization, 21))
    assert action.state == ActionState.APPROVAL
    return action


def test_the_other_owners_and_admins_are_asked_and_nobody_else(
    acme: Organization, access: Access, rung: list[str]
) -> None:
    owner = make_member(
        acme, role=Role.OWNER, time_zone="Europe/Berlin", user=make_user(first_name="Olga")
    ).user
    admin = make_access(acme).user
    make_access(acme, Role.VIEWER)
    make_access(make_organization())
    make_member(acme, user=make_user(is_active=False))
    make_user(is_staff=True)
    action = make_action(access, make_people(acme, 21))
    assert {each.recipient for each in mails("approval_asked")} == {owner.email, admin.email}
    message = Message.objects.get(recipient=owner.email)
    mail = mail_in(message)
    assert mail.subject == (
        f"{access.user.email} asks for your approval: Hold, 21 people ({acme.name})"
    )
    for words in (
        "Hello Olga",
        "Whom: 21 people of 21",
        "Why: Moving to another org",
        "Until: 2026-11-23 13:00 (Europe/Berlin)",
        f"/o/{acme.slug}/actions/{action.pk}/",
    ):
        assert words in mail.text, words
    assert message.organization == acme


def test_support_staff_are_asked_where_there_is_nobody_else(
    access: Access, rung: list[str]
) -> None:
    sam = make_user(is_staff=True, email="sam@service.example")
    make_action(access, make_people(access.organization, 21))
    (message,) = mails("approval_asked")
    assert message.recipient == sam.email
    assert decisions([message], NOW)[message.pk] == Leave.SEND


def test_what_needs_no_approval_asks_nobody(access: Access, other: Access) -> None:
    make_action(access, make_people(access.organization, 2))
    assert not Message.objects.exists()


def test_the_author_is_told_that_it_was_approved(asked: Action, other: Access) -> None:
    action_approve(access=other, action=asked, now=LATER)
    (message,) = mails("approval_decided")
    assert message.recipient == asked.author.email
    mail = mail_in(message)
    assert mail.subject.startswith("Approved: Hold, 21 people")
    assert f"{other.user.email} approved what you asked for" in mail.text


def test_the_author_is_told_why_it_was_refused(asked: Action, other: Access) -> None:
    reason = "Wait for <b>Monday</b>.\nThe fair goes on."
    action = action_discard(access=other, action=asked, now=LATER, reason=reason)
    assert action.second_reason == reason
    assert AuditEntry.objects.get(action="action.discard").detail["reason"] == reason
    mail = mail_in(mails("approval_decided")[0])
    assert mail.subject.startswith("Refused: Hold, 21 people")
    assert "Wait for <b>Monday</b>.\nThe fair goes on." in mail.text
    assert "Wait for &lt;b&gt;Monday&lt;/b&gt;." in mail.html
    assert "Nothing was done to anybody." in mail.text


def test_the_author_is_told_that_nobody_approved_in_time(asked: Action) -> None:
    approvals_expire(NOW + APPROVAL_HOLDS + timedelta(seconds=1))
    mail = mail_in(mails("approval_decided")[0])
    assert mail.subject.startswith("Not approved in time")
    assert "Nobody approved in time" in mail.text


def test_who_withdraws_their_own_is_told_nothing_and_a_preview_has_no_reason(
    asked: Action, access: Access
) -> None:
    action_discard(access=access, action=asked, now=LATER)
    assert mails("approval_decided") == []


def decided(now: Any = NOW) -> set[Any]:
    return set(asked_check(mails("approval_asked"), now).values())


def test_a_mail_that_asks_is_withdrawn_once_it_is_decided(
    asked: Action, other: Access, acme: Organization
) -> None:
    assert decided() == {Leave.SEND}
    assert decided(NOW + APPROVAL_HOLDS + timedelta(seconds=1)) == {Withdrawal()}
    action_discard(access=other, action=asked, now=LATER)
    assert decided() == {Withdrawal()}


@pytest.mark.parametrize("change", ["role", "left", "off"])
def test_a_mail_to_who_may_not_approve_any_more_is_withdrawn(
    asked: Action, other: Access, change: str
) -> None:
    member = Member.objects.filter(user=other.user)
    match change:
        case "role":
            member.update(role=Role.VIEWER)
        case "left":
            member.delete()
        case "off":
            other.user.is_active = False
            other.user.save()
    assert decided() == {Withdrawal()}


def test_many_are_checked_in_three_statements(
    acme: Organization,
    access: Access,
    rung: list[str],
    django_assert_num_queries: Any,
) -> None:
    for _ in range(5):
        make_access(acme)
    make_action(access, make_people(acme, 21))
    messages = mails("approval_asked")
    with django_assert_num_queries(3):
        assert set(asked_check(messages, NOW).values()) == {Leave.SEND}
    assert len(messages) == 5
