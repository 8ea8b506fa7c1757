"""Whether critical alerts of an organization would reach anybody, for its first page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from accounts.access import Access
from monitoring.alerts.default_routes import default_routes
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.recipients import HEARERS
from monitoring.alerts.routing import RecipientFacts, RouteFacts, untold
from monitoring.console.route_words import untold_sentences
from monitoring.console.together import Question, Row

ROUTES = """
    SELECT route.kinds, route.least_severity, route.teams, route.audience, ARRAY(
        SELECT recipient_id FROM alerts_route_recipients WHERE route_id = route.id
    ) AS recipients
    FROM alerts_route AS route
    WHERE route.organization_id = %(organization)s
"""


def unheard_questions(access: Access) -> Mapping[str, Question]:
    """Ask for what `unheard_of` needs, to be asked together with others."""
    organization = access.organization.pk
    return {
        "routes": Question(ROUTES, {"organization": organization}),
        "hearers": Question(HEARERS, {"organizations": [organization]}),
    }


def unheard_of(access: Access, routes: Sequence[Row], hearers: Sequence[Row]) -> str:
    """Return the sentence on critical alerts of which nobody would be told, "" where all are."""
    facts = [route_of(row) for row in routes] or default_routes(access.organization.pk)
    known = {row["id"]: RecipientFacts(**row) for row in hearers}
    critical = [each for each in untold(facts, known) if each[1] == Severity.CRITICAL]
    return next(iter(untold_sentences(critical)), "")


def route_of(row: Row) -> RouteFacts:
    return RouteFacts(
        name="",
        kinds=frozenset(map(AlertKind, row["kinds"])),
        least=Severity(row["least_severity"]),
        teams=frozenset(row["teams"]),
        audience=row["audience"],
        recipients=frozenset(row["recipients"]),
    )
