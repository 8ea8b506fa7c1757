"""Whether the mails of this capability are still right to send, asked when they are claimed.

Nobody is written to during an incident that hits them, nor about a link that is over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from monitoring.actions.invitation_course import HELD_BACK_FOR
from monitoring.actions.invitations import held_back, in_order, is_usable, no_longer_asked, told
from monitoring.actions.letters import invitation_id_in
from monitoring.actions.models import Invitation, InvitationState
from monitoring.alerts.last_checks import Decision, Leave, Withdrawal, check_register
from monitoring.alerts.models import Message
from monitoring.incidents.models import Hit


def letter_checks_register() -> None:
    check_register(["reauthorize", "reauthorize_reminder"], links_check)
    check_register(["acted_for_you"], told_check)


def links_check(messages: Sequence[Message], now: datetime) -> Mapping[int, Decision]:
    """Withdraw mails whose link is over or needless; during an incident they wait."""
    wanted = {message.pk: invitation_id_in(message.key) for message in messages}
    found = Invitation.objects.filter(pk__in=wanted.values()).annotate(
        is_held_back=told(held_back()), is_in_order=told(in_order() | no_longer_asked())
    )
    decided = {
        each.pk: decision(each, now, is_held_back=each.is_held_back, is_in_order=each.is_in_order)
        for each in found
    }
    return {pk: decided.get(wanted[pk], Withdrawal()) for pk in wanted}


def decision(
    invitation: Invitation, now: datetime, *, is_held_back: bool, is_in_order: bool
) -> Decision:
    declined = invitation.state == InvitationState.REFUSED
    if declined or is_in_order or not is_usable(invitation, now):
        return Withdrawal()
    return now + HELD_BACK_FOR if is_held_back else Leave.SEND


def told_check(messages: Sequence[Message], now: datetime) -> Mapping[int, Decision]:
    """Keep mails to people hit by an incident waiting until it is over."""
    people = [message.person_id for message in messages]
    hits = Hit.objects.waiting().filter(person__in=people, incident__recovered_at=None)
    hit = set(hits.values_list("person", flat=True))
    return {message.pk: now + HELD_BACK_FOR for message in messages if message.person_id in hit}
