"""Adding, changing and removing recipients who are no owners or admins.

Owners, admins and support staff are there by their role: they can't be removed, only left out of
routes. Who has unsubscribed stays so until they themself subscribe again, whoever adds them anew.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F

from accounts.access import MAY_CHANGE, Access, ServiceAccess
from accounts.models import Member
from accounts.time_zones import time_zones
from monitoring.alerts.confirming import confirmation_queue
from monitoring.alerts.mails import one_line
from monitoring.alerts.models import Channel, Message, Recipient
from monitoring.alerts.outbox import messages_to_withdraw
from monitoring.alerts.preferences import (
    Preferences,
    digest_plan,
    preferences_detail,
    preferences_write,
)
from monitoring.alerts.refusals import AlertRefusedError
from monitoring.audit.log import audit_entry_write

LONGEST_NAME = 200
MOST_RECIPIENTS = 200


@transaction.atomic
def recipient_add(
    *,
    access: Access | ServiceAccess,
    address: str,
    name: str,
    now: datetime,
    time_zone: str = "UTC",
) -> Recipient:
    """Add a mail address, such as a team's mailbox; a route then decides what it is told of.

    It is asked whether it wants that, and told nothing before it says so. One that was removed
    comes back as it was. Raises PermissionDenied for who may only look, and
    AlertRefusedError.
    """
    access.require_change()
    address = checked_address(access, address)
    known = Recipient.objects.visible_to(access).filter(
        user=None, channel=Channel.MAIL, address=address
    )
    recipient = known.order_by(F("removed_at").desc(nulls_first=True)).first()
    if recipient is None:
        recipient = Recipient(organization=access.organization, address=address, created_at=now)
    elif recipient.removed_at is None:
        raise AlertRefusedError("This address is among the recipients already.", "address")
    recipient.removed_at = None
    name_write(recipient, name, time_zone)
    recipient.save()
    tell(access, "recipient.add", now, recipient)
    if may_be_asked(recipient):
        confirmation_queue(access=access, recipient=recipient, now=now)
    return recipient


@transaction.atomic
def recipient_ask(
    *, access: Access | ServiceAccess, recipient: Recipient, now: datetime
) -> Message:
    """Ask an address once more whether it wants alerts.

    Raises PermissionDenied for who may only look, and AlertRefusedError, also where it was asked
    within a day, by whomever.
    """
    locked = recipient_locked(access, recipient)
    if locked.removed_at is not None or not may_be_asked(locked):
        raise AlertRefusedError("There is nothing to ask: they have answered, or were removed.")
    message = confirmation_queue(access=access, recipient=locked, now=now)
    if message is None:
        raise AlertRefusedError(
            "This address was asked within the last day, and once a day is enough. "
            "Try again tomorrow."
        )
    tell(access, "recipient.ask", now, locked, message=message.pk)
    return message


def may_be_asked(recipient: Recipient) -> bool:
    return not recipient.is_confirmed and recipient.unsubscribed_at is None


@transaction.atomic
def recipient_member_add(*, access: Access, member: Member, now: datetime) -> Recipient:
    """Make a member a recipient whom routes can name, though they may only look.

    Raises PermissionDenied and AlertRefusedError.
    """
    access.require_change()
    if member.organization_id != access.organization.pk:
        raise PermissionDenied("This member belongs to another organization.")
    if not member.user.email:
        raise AlertRefusedError("Their login has no mail address.", "member")
    fields = {"address": member.user.email.lower(), "created_at": now}
    recipient, is_new = Recipient.objects.get_or_create(
        organization=access.organization, user=member.user, defaults=fields
    )
    if not is_new and recipient.removed_at is None:
        raise AlertRefusedError("They are among the recipients already.", "member")
    recipient.removed_at = None
    recipient.save()
    tell(access, "recipient.add", now, recipient)
    found: Recipient = recipient
    return found


@transaction.atomic
def recipient_change(
    *,
    access: Access | ServiceAccess,
    recipient: Recipient,
    name: str,
    time_zone: str,
    wanted: Preferences,
    now: datetime,
) -> None:
    """Set the name, the zone, the hours and the digest of a recipient without a login of their own.

    Raises PermissionDenied, and AlertRefusedError, also for a member: they set their own.
    """
    locked = recipient_locked(access, recipient)
    if locked.user_id is not None:
        raise AlertRefusedError("Only they themself can change how they are told.")
    before = (locked.name, locked.time_zone)
    name_write(locked, name, time_zone)
    locked.save(update_fields=["name", "time_zone"])
    is_changed = preferences_write(locked, wanted, now)
    if before[1] != locked.time_zone:
        digest_plan(locked, now)
    if is_changed or before != (locked.name, locked.time_zone):
        tell(access, "recipient.change", now, locked, **preferences_detail(wanted))


@transaction.atomic
def recipient_remove(
    *, access: Access | ServiceAccess, recipient: Recipient, now: datetime
) -> bool:
    """Tell a recipient nothing any more, and take them out of all routes; False where it was so.

    What they were told stays. Raises PermissionDenied, and AlertRefusedError for who is there by
    their role, and where a route would have nobody left.
    """
    locked = recipient_locked(access, recipient)
    if locked.removed_at is not None:
        return False
    if is_there_by_role(locked):
        raise AlertRefusedError(
            "Owners, admins and support staff are recipients by their role. Name others in the "
            "routes, or let them unsubscribe."
        )
    for route in locked.routes.prefetch_related("recipients"):
        if len(route.recipients.all()) == 1:
            raise AlertRefusedError(
                f"The route “{route.name}” would have nobody left. Change or remove it first."
            )
    locked.routes.clear()
    locked.removed_at, locked.secret = now, None
    locked.save(update_fields=["removed_at", "secret"])
    messages_to_withdraw(target=locked, now=now, reason="It was removed from the recipients.")
    tell(access, "recipient.remove", now, locked)
    return True


def recipient_locked(access: Access | ServiceAccess, recipient: Recipient) -> Recipient:
    access.require_change()
    if recipient.organization_id != access.organization_id:
        raise PermissionDenied("This recipient belongs to another organization.")
    locked: Recipient = Recipient.objects.select_for_update(no_key=True).get(pk=recipient.pk)
    return locked


def is_there_by_role(recipient: Recipient) -> bool:
    """Tell whether somebody is a recipient as an owner, an admin or of the support staff."""
    if recipient.user_id is None:
        return False
    if recipient.organization_id is None:
        return bool(recipient.user is not None and recipient.user.is_staff)
    mine = Member.objects.filter(user=recipient.user_id, organization=recipient.organization_id)
    return mine.filter(role__in=MAY_CHANGE).exists()


def checked_address(access: Access | ServiceAccess, address: str) -> str:
    address = address.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        raise AlertRefusedError("This is not a mail address.", "address") from None
    members = Member.objects.filter(organization=access.organization_id)
    if access.organization is not None and members.filter(user__email__iexact=address).exists():
        raise AlertRefusedError("This is a member's address. Choose them by name.", "address")
    if Recipient.objects.visible_to(access).current().count() >= MOST_RECIPIENTS:
        raise AlertRefusedError(f"There may be {MOST_RECIPIENTS} recipients at most.")
    return address


def name_write(recipient: Recipient, name: str, time_zone: str) -> None:
    if time_zone not in time_zones():
        raise AlertRefusedError("Choose a zone of the list, such as Europe/Berlin.", "time_zone")
    recipient.name, recipient.time_zone = one_line(name)[:LONGEST_NAME], time_zone


def tell(
    access: Access | ServiceAccess, action: str, now: datetime, recipient: Recipient, **more: Any
) -> None:
    detail = {"recipient": recipient.pk, "channel": recipient.channel, "name": recipient.name}
    audit_entry_write(
        organization=access.organization,
        action=action,
        now=now,
        author=access.user,
        detail=detail | {"address": recipient.address} | more,
    )
