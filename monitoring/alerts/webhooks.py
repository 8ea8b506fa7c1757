"""What webhooks say: their bodies, as Standard Webhooks wants them (docs/webhooks.md).

Of an alert: its facts, how many people it is about and where to see them, but no names. Of changes
of health: whose, by address, since nobody could do anything with them otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from accounts.models import Organization
from monitoring.alerts.item import NO_REST, Item, Rest
from monitoring.alerts.item_words import headline
from monitoring.alerts.letters import subject_of, told_and_rest
from monitoring.alerts.mails import text_mail
from monitoring.alerts.models import Channel, Recipient
from monitoring.alerts.outbox import Draft

# So many alerts are in one event, the gravest; the others are counted.
ALERTS_LISTED = 100
# What several alerts are, of which some begin and some end.
SEVERAL = "alert.several"
HEALTH = "health.changed"
TEST = "test"
CODES = frozenset({"provider", "rule"})


def alert_event(
    recipient: Recipient,
    items: Sequence[Item],
    key: str,
    rest: Rest = NO_REST,
    *,
    now: datetime | None = None,
) -> Draft:
    """Return the webhook that tells a recipient of alerts; `rest` as of `letters.alert_mail`."""
    return webhook_draft(
        recipient,
        kind="alert",
        key=key,
        summary=subject_of(items, rest),
        body=alert_body(recipient.organization, items, now or timezone.now(), rest),
    )


def alert_body(
    organization: Organization | None, items: Sequence[Item], now: datetime, rest: Rest = NO_REST
) -> str:
    """Return the body of the webhook that tells of alerts."""
    listed, rest = told_and_rest(items, rest, ALERTS_LISTED)
    data = {
        "organization": slug_of(organization),
        "alerts": [alert_told(item) for item in listed],
        "more": rest.number,
    }
    return body_of(type_of({item.phase for item in listed} | rest.phases), data, now)


def health_event(
    recipient: Recipient, changes: Sequence[Mapping[str, Any]], key: str, now: datetime
) -> Draft:
    """Return the webhook that tells a recipient of changes of people's health."""
    data = {"organization": slug_of(recipient.organization), "changes": list(changes)}
    number = len(changes)
    return webhook_draft(
        recipient,
        kind="health_changed",
        key=key,
        summary=f"{number:,} change{'' if number == 1 else 's'} of health",
        body=body_of(HEALTH, data, now),
    )


def test_event(recipient: Recipient, key: str, now: datetime) -> Draft:
    """Return a webhook that somebody asked for to see whether they arrive."""
    data = {"organization": slug_of(recipient.organization), "destination": recipient.name}
    return webhook_draft(
        recipient,
        kind="alert_test",
        key=key,
        summary="Test of this destination",
        body=body_of(TEST, data, now),
    )


def webhook_draft(recipient: Recipient, *, kind: str, key: str, summary: str, body: str) -> Draft:
    return Draft(
        organization=recipient.organization,
        person=None,
        kind=kind,
        key=key,
        recipient=recipient.address,
        recipient_name=recipient.name,
        mail=text_mail(summary, body),
        channel=Channel.WEBHOOK,
        target=recipient,
    )


def body_of(event: str, data: Mapping[str, Any], now: datetime) -> str:
    """Return the body of a webhook. It is kept, so that each try sends the very same bytes."""
    return json.dumps({"type": event, "timestamp": moment(now), "data": data}, ensure_ascii=False)


def type_of(phases: Collection[str]) -> str:
    """Return the type of a webhook about alerts of these phases."""
    return f"alert.{next(iter(phases))}" if len(phases) == 1 else SEVERAL


def alert_told(item: Item) -> dict[str, Any]:
    """Return one alert as a webhook tells it."""
    return {
        "id": item.alert_id,
        "phase": str(item.phase),
        "kind": str(item.kind),
        "severity": item.severity.name.lower(),
        "organization": item.organization_slug or None,
        "cause": item.cause,
        "headline": headline(item),
        "title": item.title,
        "meaning": item.meaning,
        "next_step": item.next_step,
        "people": item.people,
        "began_at": moment(item.began_at),
        "ended_at": moment(item.ended_at) if item.ended_at else None,
        "flaps": item.flaps,
        "is_escalated": item.is_escalated,
        "facts": facts_told(item.facts),
        "links": {"alert": item.alert_link or None, "people": item.people_link or None},
    }


def facts_told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the measured numbers, and names that are codes; texts may be somebody's words."""
    return {
        name: value
        for name, value in facts.items()
        if name in CODES or isinstance(value, int | float)
    }


def slug_of(organization: Organization | None) -> str | None:
    return organization.slug if organization else None


def moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
