"""In which time zone somebody reads the console."""

from __future__ import annotations

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.db import transaction

from accounts.models import Member, StaffTimeZone


class UnknownTimeZoneError(ValueError):
    """A name that is none of a time zone."""


@cache
def time_zones() -> tuple[str, ...]:
    """Return the names one chooses from: UTC, then places by continent."""
    places = {name for name in available_timezones() if "/" in name}
    old = ("Etc/", "US/", "SystemV/", "posix/", "right/")
    return ("UTC", *sorted(name for name in places if not name.startswith(old)))


@transaction.atomic
def time_zone_choose(*, user: Any, name: str) -> None:
    """Show the user times in a zone from now on, in every organization.

    Raises UnknownTimeZoneError. It is nobody else's matter, so that it has no place in an audit
    log of an organization.
    """
    if name not in time_zones():
        raise UnknownTimeZoneError(name)
    Member.objects.filter(user=user).update(time_zone=name)
    if user.is_staff:
        StaffTimeZone.objects.update_or_create(user=user, defaults={"time_zone": name})


def time_zone_chosen(user: Any) -> str:
    """Return the name of the zone that the user reads times in."""
    of_staff = StaffTimeZone.objects.filter(user=user).values_list("time_zone", flat=True)
    own = Member.objects.filter(user=user).order_by("pk").values_list("time_zone", flat=True)
    return of_staff.first() or own.first() or "UTC"
