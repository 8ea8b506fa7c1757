"""Mails about approval: to those who may give it, and to the author once it is decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.urls import reverse

from accounts.access import MAY_CHANGE, zone_of
from accounts.models import Member
from accounts.time_zones import time_zone_chosen
from monitoring.actions.approval import APPROVAL_HOLDS
from monitoring.actions.models import Action, ActionState, Kind
from monitoring.alerts.last_checks import Decision, Leave, Withdrawal, check_register
from monitoring.alerts.mails import mail_of
from monitoring.alerts.models import Message
from monitoring.alerts.number_words import people_of
from monitoring.alerts.outbox import Draft, messages_queue

ASKED, DECIDED = "approval_asked", "approval_decided"
APPROVED, REFUSED, EXPIRED = "approved", "refused", "expired"


def approval_checks_register() -> None:
    check_register([ASKED], asked_check)


def approval_ask_mails(action: Action, now: datetime) -> None:
    """Queue a mail to each who may approve: the other owners and admins, or else support staff."""
    messages_queue(drafts=[asked_draft(action, user) for user in approvers(action)], now=now)


def approvers(action: Action) -> list[Any]:
    """Return the users to be asked. Support staff are where an organization has nobody else."""
    active = get_user_model().objects.filter(is_active=True).exclude(pk=action.author_id)
    reachable = active.exclude(email="").order_by("pk")
    members = Member.objects.filter(organization=action.organization_id, role__in=MAY_CHANGE)
    own = list(reachable.filter(pk__in=members.values("user")))
    return own or list(reachable.filter(is_staff=True))


def asked_draft(action: Action, user: Any) -> Draft:
    confirmed = action.confirmed_at or action.created_at
    context = context_of(action, user) | {
        "actor_name": action.author_name,
        "expires": confirmed + APPROVAL_HOLDS,
    }
    return draft_of(ASKED, f"{ASKED}/{action.pk}/{user.pk}", action, user, context)


def approval_decided_mail(action: Action, outcome: str, now: datetime) -> None:
    """Queue the mail that tells the author what became of what they asked for.

    None where they decided it themself, or have no address.
    """
    author = action.author
    if action.second_id == action.author_id or not author.email or not author.is_active:
        return
    context = context_of(action, author) | {
        "actor_name": action.second_name,
        "outcome": outcome,
        "message": action.second_reason,
    }
    draft = draft_of(DECIDED, f"{DECIDED}/{action.pk}", action, author, context)
    messages_queue(drafts=[draft], now=now)


def context_of(action: Action, reader: Any) -> dict[str, Any]:
    page = reverse("action", args=[action.organization.slug, action.pk])
    return {
        "person_name": reader.get_full_name() or reader.email,
        "organization_name": action.organization.name,
        "kind": Kind(action.kind).label,
        "people": people_of(action.people),
        "known": f"{action.people_known:,}",
        "reason": action.reason,
        "link": settings.BASE_URL.rstrip("/") + page,
        "zone": zone_of(time_zone_chosen(reader)),
    }


def draft_of(kind: str, key: str, action: Action, reader: Any, context: Mapping[str, Any]) -> Draft:
    return Draft(
        organization=action.organization,
        person=None,
        kind=kind,
        key=key,
        recipient=reader.email,
        recipient_name=reader.get_full_name(),
        mail=mail_of(kind, context),
    )


def asked_check(messages: Sequence[Message], now: datetime) -> Mapping[int, Decision]:
    """Withdraw what asks for an approval that is decided, too late, or not theirs to give."""
    asked = {message.pk: ids_in(message.key) for message in messages}
    waiting = Action.objects.filter(
        pk__in=[action for action, _ in asked.values()],
        state=ActionState.APPROVAL,
        confirmed_at__gte=now - APPROVAL_HOLDS,
    )
    organizations = dict(waiting.values_list("pk", "organization"))
    may = those_who_may(user for _, user in asked.values())
    return {
        pk: Leave.SEND
        if action in organizations and {(user, organizations[action]), (user, None)} & may
        else Withdrawal()
        for pk, (action, user) in asked.items()
    }


def ids_in(key: str) -> tuple[int, int]:
    """Return of which action the mail of a key is, and to which user."""
    _, action, user = key.split("/")
    return int(action), int(user)


def those_who_may(user_ids: Iterable[int]) -> set[tuple[int, int | None]]:
    """Return who may approve in which organization; support staff in any, which is None."""
    ids = set(user_ids)
    active = {"user__in": ids, "user__is_active": True}
    members = Member.objects.filter(role__in=MAY_CHANGE, **active)
    staff = get_user_model().objects.filter(pk__in=ids, is_staff=True, is_active=True)
    found: set[tuple[int, int | None]] = set(members.values_list("user", "organization"))
    return found | {(pk, None) for pk in staff.values_list("pk", flat=True)}
