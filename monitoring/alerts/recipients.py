"""Reading who may be told: recipients as they stand now, and the rows of those told by their role.

Owners, admins and support staff are recipients without anybody adding them; their rows are made
when they are first needed.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, time
from typing import Any

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from accounts.access import MAY_CHANGE, zone_of
from accounts.models import Member, StaffTimeZone
from monitoring.alerts.hours import Hours
from monitoring.alerts.models import Channel, Recipient
from monitoring.alerts.routing import RecipientFacts

# Who is told by their role and has no row that says so; `known` is the one that is there.
MISSING = """
    FROM (
        SELECT organization_id, user_id FROM accounts_member
        WHERE organization_id = ANY(%(organizations)s) AND role IN ('owner', 'admin')
        UNION ALL
        SELECT NULL, id FROM auth_user WHERE is_staff
    ) AS whom
    JOIN auth_user AS account ON account.id = whom.user_id
    LEFT JOIN alerts_recipient AS known ON known.user_id = whom.user_id
        AND known.organization_id IS NOT DISTINCT FROM whom.organization_id
    WHERE account.is_active AND account.email <> ''
        AND (known.id IS NULL OR known.address <> lower(account.email)
            OR known.removed_at IS NOT NULL)
"""
# Rows that are there are touched only where the address has changed, or who was once taken away
# has become an admin.
MAKE = f"""
    INSERT INTO alerts_recipient (
        organization_id, channel, address, user_id, name, time_zone, working_days, urgent_always,
        digest, digest_hour, hears_health, created_at
    )
    SELECT whom.organization_id, 'mail', lower(account.email), account.id, '', 'UTC', '1234567',
        true, 'never', 8, false, %(now)s
    {MISSING}
    ON CONFLICT (organization_id, user_id) WHERE user_id IS NOT NULL
    DO UPDATE SET address = EXCLUDED.address, removed_at = NULL
"""
# A message to an address counts whichever organization it was of: nobody gets two at once. What a
# chat or webhook shows as its address is shared by many, so each of those counts for itself.
KNOWN = """
    SELECT recipient.id, recipient.organization_id, recipient.channel, recipient.address,
        COALESCE(
            NULLIF(recipient.name, ''),
            NULLIF(trim(account.first_name || ' ' || account.last_name), ''),
            recipient.address
        ),
        recipient.user_id,
        COALESCE(member.role IN ('owner', 'admin'), false) AS is_admin,
        recipient.organization_id IS NULL AND COALESCE(account.is_staff, false),
        recipient.unsubscribed_at IS NULL AS is_subscribed,
        recipient.user_id IS NOT NULL OR recipient.channel <> 'mail'
            OR recipient.confirmed_at IS NOT NULL AS is_confirmed,
        COALESCE(member.time_zone, staff.time_zone, recipient.time_zone),
        recipient.quiet_from, recipient.quiet_until, recipient.working_days,
        recipient.urgent_always,
        CASE WHEN recipient.channel = 'mail' THEN (
            SELECT max(other.told_at) FROM alerts_recipient AS other
            WHERE other.address = recipient.address AND other.channel = 'mail'
        ) ELSE recipient.told_at END
    FROM alerts_recipient AS recipient
    LEFT JOIN auth_user AS account ON account.id = recipient.user_id
    LEFT JOIN accounts_member AS member ON member.user_id = recipient.user_id
        AND member.organization_id = recipient.organization_id
    LEFT JOIN accounts_stafftimezone AS staff ON staff.user_id = recipient.user_id
        AND recipient.organization_id IS NULL
    WHERE (recipient.organization_id = ANY(%(organizations)s) OR recipient.organization_id IS NULL)
        AND recipient.removed_at IS NULL
        AND (recipient.user_id IS NULL OR account.is_active AND CASE
            WHEN recipient.organization_id IS NULL THEN account.is_staff
            ELSE member.id IS NOT NULL END)
    ORDER BY recipient.id
"""
# Who would be told, without making rows: who has none yet stands by the login's number below 0.
HEARERS = f"""
    SELECT id, is_admin, is_subscribed, is_confirmed FROM ({KNOWN}) AS recipient
    WHERE organization_id IS NOT NULL
    UNION ALL
    SELECT COALESCE(known.id, -account.id), true, known.unsubscribed_at IS NULL, true
    {MISSING}
        AND whom.organization_id IS NOT NULL
"""  # noqa: S608
Known = dict[int | None, dict[int, RecipientFacts]]


def recipients_make(*, organization_ids: Collection[int | None], now: datetime) -> None:
    """Make the missing rows of owners, admins and support staff, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(MAKE, {"organizations": numbers(organization_ids), "now": now})


def recipients_known(organization_ids: Collection[int | None]) -> Known:
    """Return the recipients of organizations, and under None the service's, in one statement.

    Left out is who was removed, whose login is switched off, and who belongs to the organization,
    or the support staff, no more; who is unsubscribed, or has not confirmed yet, is among them.
    """
    known: Known = {organization_id: {} for organization_id in {*organization_ids, None}}
    with connection.cursor() as cursor:
        cursor.execute(KNOWN, {"organizations": numbers(organization_ids)})
        for row in cursor.fetchall():
            facts = facts_of(row)
            known[facts.organization_id][facts.id] = facts
    return known


def facts_of(row: tuple[Any, ...]) -> RecipientFacts:
    key, organization_id, channel, address, name, user_id, is_admin, is_support, *rest = row
    is_subscribed, is_confirmed, zone, *hours, told_at = rest
    return RecipientFacts(
        id=key,
        organization_id=organization_id,
        name=name,
        address=address,
        channel=channel,
        user_id=user_id,
        is_admin=is_admin,
        is_support=is_support,
        is_subscribed=is_subscribed,
        is_confirmed=is_confirmed,
        hours=hours_of(zone, *hours),
        told_at=told_at,
    )


def hours_of(
    zone: str, quiet_from: time | None, quiet_until: time | None, days: str, urgent_always: bool
) -> Hours:
    """Return hours as stored: the days as the digits of ISO weekdays."""
    return Hours(zone_of(zone), quiet_from, quiet_until, frozenset(map(int, days)), urgent_always)


def hours_in(recipient: Recipient, zone: str) -> Hours:
    """Return a recipient's hours on the clock of a zone."""
    return hours_of(
        zone,
        recipient.quiet_from,
        recipient.quiet_until,
        recipient.working_days,
        recipient.urgent_always,
    )


def may_be_told() -> Q:
    """Return the condition that a recipient may be sent something still.

    They are not removed nor unsubscribed, who signs in still belongs to whose they are, and a mail
    address without a login has confirmed.
    """
    of_staff = Q(organization=None, user__is_staff=True)
    confirmed = ~Q(channel=Channel.MAIL) | Q(confirmed_at__isnull=False)
    belongs = Q(user=None) & confirmed
    belongs |= Q(user__is_active=True) & (of_staff | Q(Exists(membership())))
    return Q(removed_at=None, unsubscribed_at=None) & belongs


def membership() -> Any:
    return Member.objects.filter(user=OuterRef("user"), organization=OuterRef("organization"))


def hours_by(recipient_ids: Collection[int]) -> dict[int, Hours]:
    """Return the hours of those who may be sent something still, by id, in one statement."""
    chosen = StaffTimeZone.objects.filter(user=OuterRef("user")).values("time_zone")
    own = Subquery(membership().values("time_zone"))
    zone = Coalesce(own, Subquery(chosen), F("time_zone"))
    rows = Recipient.objects.filter(may_be_told(), pk__in=recipient_ids).annotate(zone=zone)
    fields = ("zone", "quiet_from", "quiet_until", "working_days", "urgent_always")
    return {key: hours_of(*hours) for key, *hours in rows.values_list("pk", *fields)}


def who_may_change(recipient_ids: Collection[int]) -> set[int]:
    """Return which recipients may do what changes something, as their console lets them.

    Owners, admins and support staff; and whatever has no sign-in, as an admin added it to be told.
    """
    allowed = membership().filter(role__in=MAY_CHANGE)
    of_staff = Q(organization=None, user__is_staff=True)
    may = Q(user=None) | Q(user__is_active=True) & (of_staff | Q(Exists(allowed)))
    found = Recipient.objects.current().filter(may, pk__in=recipient_ids)
    return set(found.values_list("pk", flat=True))


def numbers(organization_ids: Collection[int | None]) -> list[int]:
    return [each for each in organization_ids if each is not None]
