"""Which of the alerts due to a recipient their message tells, the gravest, and the count of others.

Decided before anything is looked up for them: of many thousands a mail tells ten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitoring.alerts.item import NO_REST, Rest, rest_of
from monitoring.alerts.kinds import Severity
from monitoring.alerts.letters import gravity
from monitoring.alerts.models import Alert
from monitoring.alerts.plan_facts import Message


@dataclass(frozen=True, slots=True)
class Due:
    """What is due to one recipient: the gravest is told, the others are counted in `rest`."""

    gravest: Sequence[Message]
    counted: Sequence[Message] = ()
    rest: Rest = NO_REST


def due_of(messages: Sequence[Message], alerts: Mapping[int, Alert], most: int | None) -> Due:
    """Return what is due to a recipient of whose alerts no more than `most` are told."""
    if most is None or len(messages) <= most:
        return Due(messages)
    ordered = sorted(messages, key=lambda message: gravity_of(message, alerts))
    organizations = {alerts[int(each.episode)].organization_id for each in messages}
    counted = ordered[most:]
    graded = [(each.phase, Severity(alerts[int(each.episode)].severity)) for each in counted]
    return Due(ordered[:most], counted, rest_of(graded, is_elsewhere=len(organizations) > 1))


def gravity_of(message: Message, alerts: Mapping[int, Alert]) -> tuple[Any, ...]:
    alert = alerts[int(message.episode)]
    return gravity(message.phase, alert.severity, message.people, alert.began_at, alert.pk)
