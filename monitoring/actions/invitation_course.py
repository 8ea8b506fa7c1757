"""What becomes of an invitation as time goes by. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

# How soon one is looked at again that an incident keeps from being sent or reminded of.
HELD_BACK_FOR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class LinkPolicy:
    """How an organization wants links sent: `monitoring.actions.models.ActionPolicy`."""

    link_days: int = 7
    reminders: int = 2
    reminder_days: int = 2


@dataclass(frozen=True, slots=True)
class InvitationFacts:
    """An invitation that is waiting, sent or opened.

    held_back    an incident hits the person, or their organization with a provider asked for
    in_order     all accesses asked for have been proven since, in whatever way
    reminders    how often the person was reminded
    """

    waiting: bool
    held_back: bool
    in_order: bool
    expires_at: datetime | None
    reminders: int


class Deed(Enum):
    WAIT = "wait"
    SEND = "send"
    REMIND = "remind"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now, and when to look again; `look_at` is None where it is the end."""

    deed: Deed
    look_at: datetime | None = None


def step_of(facts: InvitationFacts, policy: LinkPolicy, now: datetime) -> Step:
    """Return the step of an invitation that is due to be looked at.

    Nobody is written to during an incident, nor for what is in order again. A link that was sent
    expires on its day in any case.
    """
    if facts.expires_at is not None and facts.expires_at <= now:
        return Step(Deed.EXPIRE)
    if facts.in_order:
        return Step(Deed.WITHDRAW)
    if facts.held_back:
        return Step(Deed.WAIT, sooner(now + HELD_BACK_FOR, facts.expires_at))
    if facts.waiting:
        return sent(policy, now)
    if facts.reminders < policy.reminders:
        return Step(Deed.REMIND, next_look(facts.reminders + 1, facts.expires_at, policy, now))
    return Step(Deed.WAIT, facts.expires_at)


def sent(policy: LinkPolicy, now: datetime) -> Step:
    return Step(Deed.SEND, next_look(0, expiry(policy, now), policy, now))


def expiry(policy: LinkPolicy, now: datetime) -> datetime:
    """Return when a link that is sent now stops to open."""
    return now + timedelta(days=policy.link_days)


def next_look(
    reminders: int, expires_at: datetime | None, policy: LinkPolicy, now: datetime
) -> datetime | None:
    """Return when the next reminder is due, or else when the link expires."""
    if reminders >= policy.reminders:
        return expires_at
    return sooner(now + timedelta(days=policy.reminder_days), expires_at)


def sooner(moment: datetime, other: datetime | None) -> datetime:
    return moment if other is None else min(moment, other)
