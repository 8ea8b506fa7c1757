"""Who is to be told in each organization now, and after which waits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from monitoring.alerts.default_routes import default_routes
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import AlertPolicy, Route
from monitoring.alerts.plan_facts import Target, Waits
from monitoring.alerts.recipients import Known, numbers, recipients_known, recipients_make
from monitoring.alerts.routing import RouteFacts, last_words, targets_by, without_doubles

Routes = dict[int | None, list[RouteFacts]]


def targets_of(
    organization_ids: Collection[int | None],
    now: datetime,
    *,
    told_recipients: Collection[int] = (),
) -> dict[int | None, list[Target]]:
    """Return who is to be told of the alerts of each organization (None: of the service's own).

    First those of its own routes, then those of the service's. `told_recipients` are those who
    were told of something that goes on: one whom no route names any more still hears of its end.
    Makes the missing rows of owners, admins and support staff. Three statements, whatever the
    number of organizations.
    """
    recipients_make(organization_ids=organization_ids, now=now)
    known, routes = recipients_known(organization_ids), routes_of(organization_ids)
    return {each: targets_known(each, routes, known, told_recipients) for each in organization_ids}


def targets_known(
    organization_id: int | None, routes: Routes, known: Known, told: Collection[int] = ()
) -> list[Target]:
    """Return who is to be told of the alerts of an organization, as far as there are rows."""
    own = told_by(organization_id, routes, known, told)
    if organization_id is None:
        return own
    service = told_by(None, routes, known, told)
    return own + without_doubles(service, own, mail_addresses(known, organization_id))


def told_by(
    organization_id: int | None, routes: Routes, known: Known, told: Collection[int]
) -> list[Target]:
    recipients = known[organization_id]
    targets = targets_by(routes[organization_id], recipients)
    return targets + last_words(targets, recipients, told)


def mail_addresses(known: Known, organization_id: int) -> dict[int, str]:
    mails = [*known[organization_id].values(), *known[None].values()]
    return {each.id: each.address for each in mails if each.channel == "mail"}


def routes_of(organization_ids: Collection[int | None]) -> Routes:
    """Return the routes in force of each organization, and under None the service's."""
    theirs = Q(organization__in=numbers(organization_ids)) | Q(organization=None)
    written: defaultdict[int | None, list[RouteFacts]] = defaultdict(list)
    for route in in_order(Route.objects.filter(theirs)):
        written[route.organization_id].append(route_facts(route))
    return {
        organization_id: written[organization_id] or list(default_routes(organization_id))
        for organization_id in {*organization_ids, None}
    }


def in_order(routes: QuerySet[Route]) -> Iterable[Route]:
    """Return routes as they count, each with the ids of its recipients as `chosen`."""
    chosen = ArrayAgg("recipients", filter=Q(recipients__isnull=False))
    found: Iterable[Route] = routes.annotate(chosen=Coalesce(chosen, [])).order_by("position", "id")
    return found


def route_facts(route: Route) -> RouteFacts:
    """Return the facts of a route from `in_order`."""
    chosen: list[int] = route.chosen  # type: ignore[attr-defined]  # in_order adds it
    return RouteFacts(
        name=route.name,
        id=route.pk,
        kinds=frozenset(map(AlertKind, route.kinds)),
        least=Severity(route.least_severity),
        teams=frozenset(route.teams),
        audience=route.audience,
        recipients=frozenset(chosen),
        after=route.after,
        is_service=route.organization_id is None,
    )


def waits_of(organization_ids: Collection[int | None]) -> dict[int | None, Waits]:
    """Return the waits in force for each organization; those built in where it set none."""
    waits: dict[int | None, Waits] = dict.fromkeys(organization_ids, Waits())
    for policy in AlertPolicy.objects.filter(organization__in=numbers(organization_ids)):
        waits[policy.organization_id] = Waits(
            opened=policy.opened, over=policy.over, reminder=policy.reminder
        )
    return waits
