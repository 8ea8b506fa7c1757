"""Asking which messages would have been sent, and stopping the play that finds it out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from django.conf import settings
from django.db import transaction

from accounts.access import Access
from accounts.models import Organization
from monitoring.alerts.routing import RouteFacts
from monitoring.audit.log import audit_entry_write
from monitoring.errors.models import RuleChange
from monitoring.replay.claims import ring_back_tests
from monitoring.replay.models import BackTest, Kind, State
from monitoring.replay.rehearsal_result import route_then

MOST_DAYS = 7
# Older ones are forgotten: they hold what was found of people.
KEPT = 20


class RehearsalRefusedError(Exception):
    """What was asked for cannot be rehearsed; the message says why, to whoever asked."""


@transaction.atomic
def rehearsal_ask(
    *,
    access: Access,
    starts_at: datetime,
    days: int,
    change: RuleChange | None,
    routes: Sequence[RouteFacts] | None,
    now: datetime,
) -> BackTest:
    """Ask which messages the organization would have been sent on past days; return it, queued.

    By the rules and routes in force, or with a change of a rule that the access may see, or with
    other routes instead of the organization's own. Asked by support staff it tells of theirs too.
    Raises PermissionDenied for who may only look, and RehearsalRefusedError.
    """
    access.require_change()
    # Who asks at the same time waits here.
    Organization.objects.select_for_update(no_key=True).get(pk=access.organization.pk)
    refuse(access, starts_at, days, now)
    made = BackTest.objects.create(
        organization=access.organization,
        change=change,
        kind=Kind.REHEARSE,
        asked_by=access.user,
        asked_by_name=access.user.get_full_name() or access.user.email,
        asked_at=now,
        starts_at=starts_at,
        days=days,
        routes=None if routes is None else msgspec.to_builtins([*map(route_then, routes)]),
        is_for_support=access.user.is_staff,
    )
    forget_old(access)
    write_down(access, "alerts.rehearse", made, now)
    ring_back_tests()
    return made


def refuse(access: Access, starts_at: datetime, days: int, now: datetime) -> None:
    if not 1 <= days <= MOST_DAYS:
        raise RehearsalRefusedError(f"A rehearsal takes one to {MOST_DAYS} days.")
    if starts_at >= now:
        raise RehearsalRefusedError("Choose a day that has begun: a rehearsal plays what was.")
    if starts_at < kept_since(now):
        raise RehearsalRefusedError(too_old())
    under_way = BackTest.objects.rehearsals(access).under_way()
    if under_way.filter(is_for_support=access.user.is_staff).exists():
        raise RehearsalRefusedError("A rehearsal is under way. Wait for it, or stop it.")


def kept_since(now: datetime) -> datetime:
    """Return from when on outcomes are kept, so that there is something to play."""
    return now - timedelta(days=settings.OUTCOME_RETENTION_DAYS)


def too_old() -> str:
    return f"Choose a later day: outcomes are kept for {settings.OUTCOME_RETENTION_DAYS:,} days."


def forget_old(access: Access) -> None:
    """Forget all but the newest, of the service's and of the organization's own."""
    mine = BackTest.objects.rehearsals(access).filter(is_for_support=access.user.is_staff)
    newest = mine.newest_first().values_list("pk", flat=True)[:KEPT]
    mine.exclude(pk__in=list(newest)).delete()


@transaction.atomic
def rehearsal_stop(*, access: Access, rehearsal: BackTest, now: datetime) -> BackTest:
    """Stop a rehearsal that waits or runs, and return it; what is over stays as it is.

    Raises PermissionDenied for who may only look.
    """
    access.require_change()
    stored = BackTest.objects.select_for_update().get(pk=rehearsal.pk)
    if not stored.is_under_way:
        return stored
    stored.state, stored.token, stored.finished_at = State.STOPPED, None, now
    stored.save(update_fields=["state", "token", "finished_at"])
    write_down(access, "alerts.rehearse_stop", stored, now)
    return stored


def write_down(access: Access, action: str, rehearsal: BackTest, now: datetime) -> None:
    since = rehearsal.starts_at or now
    audit_entry_write(
        organization=access.organization,
        action=action,
        now=now,
        author=access.user,
        detail={
            "rehearsal": rehearsal.pk,
            "since": since.isoformat(),
            "until": (since + timedelta(days=rehearsal.days)).isoformat(),
            "change": rehearsal.change_id,
            "routes": rehearsal.routes,
        },
    )
