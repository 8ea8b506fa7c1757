"""The routes in force where nobody has written any. Pure."""

from __future__ import annotations

from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.routing import ADMINS, SUPPORT, RouteFacts

OF_ORGANIZATION = (RouteFacts("Owners and admins", audience=ADMINS),)
OF_SERVICE = (
    RouteFacts(
        "Support: incidents",
        kinds=frozenset({AlertKind.INCIDENT}),
        least=Severity.CRITICAL,
        audience=SUPPORT,
        is_service=True,
    ),
    RouteFacts(
        "Support: the service",
        # A rule of the operator's moves the people of all organizations.
        kinds=frozenset({AlertKind.SERVICE, AlertKind.RULE_CHANGE}),
        audience=SUPPORT,
        is_service=True,
    ),
)


def default_routes(organization_id: int | None) -> tuple[RouteFacts, ...]:
    """Return the built-in routes of an organization, or with None those of the service."""
    return OF_SERVICE if organization_id is None else OF_ORGANIZATION
