"""Mails Google would send to guests; a sync must never cause one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.google import errors
from simulator.google.store import Event
from simulator.model import Mail
from simulator.routing import Context

CHOICES = ("all", "externalOnly", "none")


def tell_guests(context: Context, event: Event, kind: str, before: Mapping[str, Any]) -> None:
    """Note the mails a change causes: to whom it was and to whom it is now."""
    audience = chosen_audience(context)
    if audience == "none":
        return
    organization, person, _ = context.google_owner
    guests = [*before.get("attendees", []), *event.content.get("attendees", [])]
    addresses = {str(guest["email"]) for guest in guests} - {person.email}
    if audience == "externalOnly":
        own = f"@{organization.domain}"
        addresses = {address for address in addresses if not address.endswith(own)}
    if not addresses:
        return
    recipients = tuple(sorted(addresses))
    mail = Mail(context.now, organization.slug, person.email, kind, event.id, recipients)
    context.world.outbox.append(mail)


def chosen_audience(context: Context) -> str:
    """What `sendUpdates` says, or its forerunner; without either no mail goes out."""
    given = context.call.parameters
    audience = given.get("sendUpdates")
    if audience is None:
        return "all" if given.get("sendNotifications") == "true" else "none"
    if audience not in CHOICES:
        raise errors.invalid(f"Invalid value for: {audience}", "sendUpdates")
    return audience
