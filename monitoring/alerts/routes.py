"""Writing routes: who is told of what.

Until somebody writes one the built-in routes are in force. The first change writes those down, so
that nothing is lost. A route is named by its key: its id, or "built-in-1" and so on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from accounts.access import Access, ServiceAccess
from accounts.models import Organization
from accounts.teams import teams_called
from monitoring.alerts.default_routes import default_routes
from monitoring.alerts.kinds import ABOUT_PEOPLE, AlertKind, Severity
from monitoring.alerts.models import Audience, Recipient, Route
from monitoring.alerts.refusals import AlertRefusedError
from monitoring.alerts.routing import OF_ORGANIZATIONS, RouteFacts
from monitoring.audit.log import audit_entry_write

MOST_ROUTES = 50
MOST_TEAMS = 20
TOO_MANY_TEAMS = f"Name {MOST_TEAMS} teams of one organization at most."
LONGEST_NAME = 100
LONGEST_DELAY = 7 * 86_400
BUILT_IN = "built-in-"
# Any fixed number will do; it is that of the service's routes among the advisory locks.
LOCK = 7_430_126_005


@dataclass(frozen=True, slots=True)
class RouteWanted:
    """A route as somebody wants it; the fields are those of models.Route."""

    audience: str
    name: str = ""
    kinds: frozenset[AlertKind] = frozenset()
    least: Severity = Severity.NOTICE
    teams: frozenset[str] = frozenset()
    recipients: frozenset[int] = frozenset()
    after: int = 0


@dataclass(frozen=True, slots=True)
class Routes:
    """The routes of an organization, or of the service, in order, and by their keys."""

    rows: list[Route]
    by_key: dict[str, Route]

    def row(self, key: str) -> Route:
        """Return the route of a key. Raises AlertRefusedError where it is gone."""
        if key not in self.by_key:
            raise AlertRefusedError("This route is gone, or somebody has changed it meanwhile.")
        return self.by_key[key]


def key_of(route: RouteFacts, place: int) -> str:
    """Return the key of the route at a place, counted from 0, of those in force."""
    return str(route.id) if route.id is not None else f"{BUILT_IN}{place + 1}"


@transaction.atomic
def route_add(*, access: Access | ServiceAccess, wanted: RouteWanted, now: datetime) -> Route:
    """Add a route below the others.

    Raises PermissionDenied for who may only look, and AlertRefusedError.
    """
    routes = routes_locked(access, now)
    if len(routes.rows) >= MOST_ROUTES:
        raise AlertRefusedError(f"There may be {MOST_ROUTES} routes at most.")
    place = max((row.position for row in routes.rows), default=0) + 1
    route = Route(organization=access.organization, position=place, created_at=now)
    route_write(access, route, wanted)
    tell(access, "route.add", now, {"route": route.pk, "after": detail_of(route)})
    return route


@transaction.atomic
def route_change(
    *, access: Access | ServiceAccess, key: str, wanted: RouteWanted, now: datetime
) -> Route:
    """Write a route anew. Raises PermissionDenied and AlertRefusedError."""
    route = routes_locked(access, now).row(key)
    before = detail_of(route)
    route_write(access, route, wanted)
    after = detail_of(route)
    if after != before:
        detail = {"route": route.pk, "before": before, "after": after}
        tell(access, "route.change", now, detail)
    return route


@transaction.atomic
def route_move(*, access: Access | ServiceAccess, key: str, up: bool, now: datetime) -> None:
    """Have a route count before the one above it, or after the one below it.

    Nothing happens at either end. Raises PermissionDenied and AlertRefusedError.
    """
    routes = routes_locked(access, now)
    route = routes.row(key)
    place = routes.rows.index(route)
    other = place - 1 if up else place + 1
    if not 0 <= other < len(routes.rows):
        return
    routes.rows[place], routes.rows[other] = routes.rows[other], route
    for position, row in enumerate(routes.rows, start=1):
        row.position = position
    Route.objects.bulk_update(routes.rows, ["position"])
    tell(access, "route.move", now, {"route": route.pk, "name": route.name, "up": up})


@transaction.atomic
def route_remove(*, access: Access | ServiceAccess, key: str, now: datetime) -> None:
    """Remove a route. The last one stays: without any, the built-in ones would be in force.

    Raises PermissionDenied and AlertRefusedError.
    """
    routes = routes_locked(access, now)
    route = routes.row(key)
    if len(routes.rows) == 1:
        raise AlertRefusedError(
            "The last route can't be removed, as the built-in ones would take its place. "
            "Change it instead."
        )
    tell(access, "route.remove", now, {"route": route.pk, "before": detail_of(route)})
    route.delete()


@transaction.atomic
def routes_restore(*, access: Access | ServiceAccess, now: datetime) -> bool:
    """Remove all routes, so that the built-in ones are in force; return False where they were.

    Raises PermissionDenied for who may only look.
    """
    access.require_change()
    lock(access)
    rows = list(Route.objects.visible_to(access).order_by("position", "id"))
    if not rows:
        return False
    before = [{"route": row.pk} | detail_of(row) for row in rows]
    tell(access, "route.restore", now, {"before": before})
    Route.objects.visible_to(access).delete()
    return True


def routes_locked(access: Access | ServiceAccess, now: datetime) -> Routes:
    """Return the routes to be changed, the built-in ones written down where they are in force."""
    access.require_change()
    lock(access)
    rows = list(Route.objects.visible_to(access).order_by("position", "id"))
    if rows:
        return Routes(rows, {str(row.pk): row for row in rows})
    built_in = default_routes(access.organization_id)
    rows = [copy_of(each, access, place, now) for place, each in enumerate(built_in, start=1)]
    keys = [key_of(each, place) for place, each in enumerate(built_in)]
    return Routes(rows, dict(zip(keys, rows, strict=True)))


def lock(access: Access | ServiceAccess) -> None:
    """Keep others from changing the same routes until the transaction ends."""
    if access.organization is None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    else:
        Organization.objects.select_for_update(no_key=True).get(pk=access.organization.pk)


def copy_of(
    route: RouteFacts, access: Access | ServiceAccess, position: int, now: datetime
) -> Route:
    return Route.objects.create(
        organization=access.organization,
        name=route.name,
        position=position,
        kinds=sorted(route.kinds),
        least_severity=route.least,
        audience=route.audience,
        created_at=now,
    )


def route_check(*, access: Access | ServiceAccess, wanted: RouteWanted) -> None:
    """Raise AlertRefusedError for a route that can't be written."""
    recipients_chosen(access, wanted)
    check_when(wanted)
    teams_known(access, wanted)


def route_write(access: Access | ServiceAccess, route: Route, wanted: RouteWanted) -> None:
    recipients = recipients_chosen(access, wanted)
    check_when(wanted)
    route.name = wanted.name or name_made(wanted, recipients)
    # All kinds are as good as none: what is new one day is then among them.
    is_all = wanted.kinds >= kinds_offered(access)
    route.kinds = [] if is_all else sorted(wanted.kinds)
    route.least_severity = wanted.least
    route.teams = teams_known(access, wanted)
    route.audience, route.after = wanted.audience, wanted.after
    route.save()
    route.recipients.set(recipients)


def kinds_offered(access: Access | ServiceAccess) -> frozenset[AlertKind]:
    """Return which kinds a route can be about; trouble of the service is no organization's."""
    return frozenset(AlertKind if access.organization is None else OF_ORGANIZATIONS)


def name_made(wanted: RouteWanted, recipients: Sequence[Recipient]) -> str:
    if wanted.audience == Audience.CHOSEN:
        return ", ".join(each.name or each.address for each in recipients)[:LONGEST_NAME]
    return str(Audience(wanted.audience).label)


def recipients_chosen(access: Access | ServiceAccess, wanted: RouteWanted) -> list[Recipient]:
    """Return the recipients a route names. Raises AlertRefusedError for what it can't have."""
    own = Audience.SUPPORT if access.organization is None else Audience.ADMINS
    if wanted.audience not in {own, Audience.CHOSEN}:
        raise AlertRefusedError("Choose who is told.", "audience")
    if wanted.audience != Audience.CHOSEN:
        return []
    current = Recipient.objects.visible_to(access).current()
    found = list(current.filter(pk__in=wanted.recipients).order_by("pk"))
    if not found or len(found) < len(wanted.recipients):
        raise AlertRefusedError("Choose at least one of the recipients below.", "recipients")
    return found


def check_when(wanted: RouteWanted) -> None:
    if len(wanted.name) > LONGEST_NAME:
        raise AlertRefusedError(f"A name has {LONGEST_NAME} letters at most.", "name")
    if not 0 <= wanted.after <= LONGEST_DELAY:
        raise AlertRefusedError("Wait for a week at most.", "after")


def teams_known(access: Access | ServiceAccess, wanted: RouteWanted) -> list[str]:
    """Return the teams of a route as their people have them, however they were typed.

    They are sorted. Raises AlertRefusedError for one that has nobody, and where its kinds are
    counted by no team.
    """
    if not wanted.teams:
        return []
    if wanted.kinds and not wanted.kinds & ABOUT_PEOPLE:
        raise AlertRefusedError("Such alerts are about everybody: name no team.", "teams")
    if access.organization is None:
        raise AlertRefusedError(TOO_MANY_TEAMS, "teams")
    called = teams_called(access.organization.pk, wanted.teams)
    teams = {team for name, found in called.items() for team in found or [name]}
    if len(teams) > MOST_TEAMS:
        raise AlertRefusedError(TOO_MANY_TEAMS, "teams")
    if unknown := sorted(name for name, found in called.items() if not found):
        raise AlertRefusedError(f"Nobody is in the team {unknown[0]}.", "teams")
    return sorted(teams)


def detail_of(route: Route) -> dict[str, Any]:
    """Return what the audit log keeps of a route."""
    return {
        "name": route.name,
        "kinds": list(route.kinds),
        "least": int(route.least_severity),
        "teams": list(route.teams),
        "audience": str(route.audience),
        "recipients": sorted(route.recipients.values_list("pk", flat=True)),
        "after": route.after,
    }


def tell(
    access: Access | ServiceAccess, action: str, now: datetime, detail: dict[str, Any]
) -> None:
    audit_entry_write(
        organization=access.organization, action=action, now=now, author=access.user, detail=detail
    )
