"""Whether routes that are only tried could be written: they may be anything a browser sent."""

from __future__ import annotations

from collections.abc import Sequence

from accounts.access import Access
from monitoring.alerts.models import Recipient
from monitoring.alerts.routes import LONGEST_DELAY, LONGEST_NAME, MOST_ROUTES, MOST_TEAMS
from monitoring.alerts.routing import ADMINS, CHOSEN, RouteFacts

LONGEST_TEAM = 100


def tried_problem(access: Access, routes: Sequence[RouteFacts]) -> str:
    """Return why an organization can't have these routes as a sentence, "" where it could.

    A team that is gone is no reason: routes in force may name one.
    """
    if not 1 <= len(routes) <= MOST_ROUTES:
        return f"There may be one to {MOST_ROUTES} routes."
    for problem in filter(None, map(route_problem, routes)):
        return problem
    chosen = {each for route in routes for each in route.recipients}
    mine = Recipient.objects.visible_to(access).current().filter(pk__in=chosen)
    return "" if mine.count() == len(chosen) else "One of the recipients is gone."


def route_problem(route: RouteFacts) -> str:
    """Return what a route can't have, whoever's it is. Pure."""
    if route.audience not in {ADMINS, CHOSEN}:
        return "Choose who is told."
    if not 0 <= route.after <= LONGEST_DELAY:
        return "Wait for a week at most."
    if len(route.teams) > MOST_TEAMS:
        return f"Name {MOST_TEAMS} teams at most."
    if any(len(team) > LONGEST_TEAM for team in route.teams) or len(route.name) > LONGEST_NAME:
        return f"A name has {LONGEST_NAME} letters at most."
    # The database keeps no text with it.
    if any("\0" in text for text in (route.name, *route.teams)):
        return "A name has letters only."
    return ""
