"""Makers of recipients and routes for tests."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from accounts.models import Organization
from monitoring.alerts.models import Recipient, Route
from tests.factories import NOW, serial


def make_recipient(organization: Organization | None, **overrides: Any) -> Recipient:
    """A mail address that is told of things, and has confirmed that it wants to be."""
    fields = {"address": f"box{next(serial)}@team.example", "name": "Team box", "created_at": NOW}
    fields["confirmed_at"] = NOW
    return Recipient.objects.create(organization=organization, **fields | overrides)


def make_route(
    organization: Organization | None, recipients: Collection[Recipient] = (), **overrides: Any
) -> Route:
    """A route to owners and admins, or to the recipients given."""
    audience = "chosen" if recipients else "admins"
    fields = {"name": "A route", "audience": audience, "created_at": NOW}
    route = Route.objects.create(organization=organization, **fields | overrides)
    route.recipients.set(recipients)
    return route
