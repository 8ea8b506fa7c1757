"""How somebody wants to be told: their quiet hours, working days and digest."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, time
from typing import Any

from django.db import transaction

from accounts.access import Access, ServiceAccess
from accounts.models import Member
from monitoring.alerts.digest_times import WEEKLY, Cadence, digest_planned
from monitoring.alerts.models import Channel, Digest, Recipient
from monitoring.alerts.recipients import hours_in
from monitoring.alerts.refusals import AlertRefusedError
from monitoring.audit.log import audit_entry_write

DAYS = "1234567"


@dataclass(frozen=True, slots=True)
class Preferences:
    """The fields of models.Recipient of the same names."""

    quiet_from: time | None = None
    quiet_until: time | None = None
    working_days: str = DAYS
    urgent_always: bool = True
    digest: str = Digest.NEVER
    digest_hour: int = 8


def preferences_of(recipient: Recipient | None) -> Preferences:
    """Return how a recipient wants to be told; without one, as nobody has said anything."""
    if recipient is None:
        return Preferences()
    names = asdict(Preferences())
    return Preferences(**{name: getattr(recipient, name) for name in names})


def own_recipient(access: Access | ServiceAccess) -> Recipient | None:
    """Return the recipient that the user is, if they are one."""
    own = Recipient.objects.visible_to(access).filter(user=access.user)
    found: Recipient | None = own.first()
    return found


@transaction.atomic
def preferences_save(
    *, access: Access | ServiceAccess, wanted: Preferences, now: datetime
) -> Recipient:
    """Set how the user is told, who may be no more than a viewer.

    It makes them a recipient, who gets digests. Of alerts they are told where a route says so.
    Raises AlertRefusedError, also for support staff who don't belong to the organization.
    """
    recipient = own_recipient_made(access=access, now=now)
    if preferences_write(recipient, wanted, now):
        tell(access, "recipient.preferences", now, recipient)
    return recipient


@transaction.atomic
def own_recipient_made(*, access: Access | ServiceAccess, now: datetime) -> Recipient:
    """Return the recipient that the user is, made where they are none. Raises AlertRefusedError."""
    user, organization = access.user, access.organization
    is_member = Member.objects.filter(user=user, organization=organization).exists()
    if organization is not None and not is_member:
        raise AlertRefusedError("You don't belong to this organization, so it tells you nothing.")
    if not user.email:
        raise AlertRefusedError("Your login has no mail address.")
    fields = {"address": user.email.lower(), "created_at": now}
    recipient, _ = Recipient.objects.select_for_update(no_key=True).get_or_create(
        organization=organization, user=user, defaults=fields
    )
    if recipient.removed_at is not None:
        recipient.removed_at = None
        recipient.save(update_fields=["removed_at"])
    found: Recipient = recipient
    return found


def preferences_write(recipient: Recipient, wanted: Preferences, now: datetime) -> bool:
    """Set a locked recipient's preferences; tell whether they were others. Audit is the caller's.

    Raises AlertRefusedError.
    """
    check(wanted, recipient.channel)
    before = preferences_of(recipient)
    if wanted == before:
        return False
    for name, value in asdict(wanted).items():
        setattr(recipient, name, value)
    recipient.save(update_fields=list(asdict(wanted)))
    # Digests are never urgent.
    if replace(before, urgent_always=wanted.urgent_always) != wanted:
        digest_plan(recipient, now)
    return True


def digest_plan(recipient: Recipient, now: datetime) -> None:
    """Set when a locked recipient's next digest is due, by their cadence and hours as they are."""
    if recipient.digest == Digest.NEVER:
        recipient.digest_at = None
    else:
        hours = hours_in(recipient, zone_name_of(recipient))
        cadence = Cadence(recipient.digest == WEEKLY, recipient.digest_hour, hours)
        told, was = recipient.digest_from, recipient.digest_at
        recipient.digest_at = digest_planned(cadence, told, was, now)
    recipient.save(update_fields=["digest_at"])


def zone_name_of(recipient: Recipient) -> str:
    """Return the name of the zone of a recipient: of a member, that they read times in."""
    if recipient.user_id is None:
        return recipient.time_zone
    member = Member.objects.filter(user=recipient.user_id, organization=recipient.organization_id)
    if recipient.organization_id is None:
        staff = getattr(recipient.user, "staff_time_zone", None)
        return staff.time_zone if staff else "UTC"
    return member.values_list("time_zone", flat=True).first() or "UTC"


def check(wanted: Preferences, channel: str) -> None:
    if (wanted.quiet_from is None) != (wanted.quiet_until is None):
        raise AlertRefusedError("Give both ends of the quiet hours, or neither.", "quiet_until")
    if wanted.quiet_from is not None and wanted.quiet_from == wanted.quiet_until:
        raise AlertRefusedError("Quiet hours must end at another time.", "quiet_until")
    if not wanted.working_days or not set(wanted.working_days) <= set(DAYS):
        raise AlertRefusedError("Choose at least one day.", "working_days")
    if wanted.digest not in Digest.values:
        raise AlertRefusedError("Choose how often.", "digest")
    if wanted.digest != Digest.NEVER and channel != Channel.MAIL:
        raise AlertRefusedError("A digest goes by mail only.", "digest")
    if not 0 <= wanted.digest_hour <= 23:
        raise AlertRefusedError("Choose an hour from 0 to 23.", "digest_hour")


def preferences_detail(wanted: Preferences) -> dict[str, Any]:
    return {
        name: value.isoformat("minutes") if isinstance(value, time) else value
        for name, value in asdict(wanted).items()
    }


def tell(access: Access | ServiceAccess, action: str, now: datetime, recipient: Recipient) -> None:
    detail = {"recipient": recipient.pk} | preferences_detail(preferences_of(recipient))
    audit_entry_write(
        organization=access.organization, action=action, now=now, author=access.user, detail=detail
    )
