"""Who may see and do what: the one guard of console, API and actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from allauth.account.models import EmailAddress
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet, Subquery
from django.http import Http404

from accounts.models import Member, Organization, Person, Role, StaffTimeZone

MAY_CHANGE = frozenset({Role.OWNER, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Access:
    """A user's checked access to one organization."""

    user: Any
    organization: Organization
    role: Role
    time_zone: ZoneInfo

    @property
    def organization_id(self) -> int:
        return self.organization.pk

    @property
    def may_change(self) -> bool:
        return self.role in MAY_CHANGE

    def require_change(self) -> None:
        """Raise PermissionDenied for who may only look."""
        if not self.may_change:
            raise PermissionDenied("Your role in this organization may look but not change.")


@dataclass(frozen=True, slots=True)
class ServiceAccess:
    """Support staff's access to what is the service's own, and of no organization."""

    user: Any
    time_zone: ZoneInfo
    organization: None = None
    organization_id: None = None
    may_change: bool = True

    def require_change(self) -> None:
        """Raise PermissionDenied for who is no support staff any more."""
        if not (self.user.is_staff and self.user.is_active):
            raise PermissionDenied("Only support staff may change this.")


def service_access_for(user: Any) -> ServiceAccess:
    """Return the user's access to what is the service's own. Raises Http404 but for staff."""
    if not user.is_staff:
        raise Http404
    chosen = StaffTimeZone.objects.filter(user=user.pk).values_list("time_zone", flat=True)
    return ServiceAccess(user, zone_of(chosen.first() or "UTC"))


def access_for(user: Any, slug: str) -> Access:
    """Return the user's access to the organization `slug`.

    Raises Http404 for a stranger, as for an organization that does not exist. Support staff of the
    service act in every organization as admins, under their own name.
    """
    member = (
        Member.objects.select_related("organization")
        .filter(user=user, organization__slug=slug)
        .first()
    )
    if member is not None:
        return Access(user, member.organization, Role(member.role), zone_of(member.time_zone))
    if not user.is_staff:
        raise Http404
    chosen = StaffTimeZone.objects.filter(user=user.pk).values("time_zone")
    organization = Organization.objects.annotate(zone=Subquery(chosen)).filter(slug=slug).first()
    if organization is None:
        raise Http404
    return Access(user, organization, Role.ADMIN, zone_of(organization.zone or "UTC"))


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of that name, UTC for a name this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def organizations_of(user: Any) -> QuerySet[Organization]:
    """Return the organizations the user belongs to, by name; support staff are asked to search."""
    return Organization.objects.filter(members__user=user).order_by("name")


def people_of(user: Any) -> QuerySet[Person]:
    """Return the people the user is, by organization: nobody else's calendar is shown to them.

    An address proves it that the user has verified, or that an owner of the person's organization
    gave them. One that they entered and chose themself and never verified proves nothing.
    """
    addresses = EmailAddress.objects.filter(user=user)
    verified = [each.email.lower() for each in addresses if each.verified]
    # Only choosing an address makes it the primary one; allauth also notes the one they were given.
    chosen = {each.email.lower() for each in addresses if each.primary and not each.verified}
    found = Q(email__in=verified)
    given = user.email.lower()
    if given and given not in chosen:
        found |= Q(email=given, organization__members__user=user)
    people = Person.objects.filter(found).select_related("organization").distinct()
    return people.order_by("organization__name", "pk")
