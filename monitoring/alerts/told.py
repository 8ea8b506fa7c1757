"""What recipients were told of alerts, and what was kept from them: the notifications as kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Min

from monitoring.alerts.kinds import Severity
from monitoring.alerts.models import Alert, MessageState, Notification
from monitoring.alerts.plan import told_after
from monitoring.alerts.plan_facts import Message, Mute, Name, Phase, Told
from monitoring.alerts.rows import rows_insert

# So long the place in the queue of a message that was withdrawn is kept for the next one, and so
# long the next one counts as the same one written anew.
PLACE_KEPT = timedelta(minutes=10)
# The ids of an alert and of a recipient.
Pair = tuple[Name, Name]
CHANGED = ("route_id", "people", "teams", "weight", "severity", "at", "muted", "message_id")
# What was kept back or withdrawn before is told after all. How few were left counts while that is
# written anew, and says nothing of what happens later.
ANEW = f"""
    ON CONFLICT (alert_id, recipient_id, phase, number) DO UPDATE
    SET {", ".join(f"{name} = EXCLUDED.{name}" for name in CHANGED)},
        fewest = CASE WHEN coalesce(
            (SELECT ended_at FROM alerts_message WHERE id = alerts_notification.message_id),
            alerts_notification.at
        ) >= EXCLUDED.at - interval '{PLACE_KEPT.total_seconds()} seconds'
        THEN alerts_notification.fewest END
"""  # noqa: S608 - made of constants
UNSENT = frozenset({MessageState.QUEUED, MessageState.SENDING})


class Line(NamedTuple):
    """A notification, and the state of its message: None where that is forgotten by now."""

    alert: int
    recipient: int
    phase: str
    number: int
    people: int
    weight: float
    at: datetime
    muted: str
    state: str | None
    after: int | None = 0
    severity: int | None = None

    @property
    def is_told(self) -> bool:
        """Tell whether it counts as told: it waits to be sent, went out, or was given up."""
        return not self.muted and self.state != MessageState.WITHDRAWN


@dataclass(slots=True)
class Record:
    """The notifications of some alerts.

    told      what each recipient was told of each alert
    unsent    of these nothing has left the outbox yet, and something waits there
    failed    of these all that was to be sent was given up, so nobody waits for the end
    waiting   alerts of which a message waits there, and may be withdrawn
    muted     beginnings kept from recipients: why, and of how many people
    """

    told: dict[Pair, Told] = field(default_factory=dict)
    unsent: set[Pair] = field(default_factory=set)
    failed: set[Pair] = field(default_factory=set)
    waiting: set[Name] = field(default_factory=set)
    muted: dict[Pair, tuple[str, int]] = field(default_factory=dict)


def told_of(alerts: Iterable[Alert]) -> dict[Pair, Told]:
    """Return what each recipient was told of each alert, in one statement.

    What was withdrawn before it was sent was never told, and neither was what is muted.
    """
    return record_of([alert.pk for alert in alerts]).told


def record_of(alert_ids: Collection[int]) -> Record:
    """Return what is known of the notifications of alerts, in one statement."""
    rows = Notification.objects.filter(alert__in=alert_ids).order_by("at", "id")
    fields = ("alert_id", "recipient_id", "phase", "number", "people", "weight", "at", "muted")
    return recorded(
        map(Line._make, rows.values_list(*fields, "message__state", "route__after", "severity"))
    )


def recorded(lines: Iterable[Line]) -> Record:
    """Fold notifications, the earliest first. Pure."""
    record = Record()
    sent: set[Pair] = set()
    waiting: set[Pair] = set()
    for line in lines:
        pair = line.alert, line.recipient
        if line.muted:
            record.muted[pair] = line.muted, line.people
        if not line.is_told:
            continue
        said = message_of(line)
        record.told[pair] = told_after(record.told.get(pair), said, line.weight, line.at)
        if line.state in UNSENT:
            record.waiting.add(line.alert)
            waiting.add(pair)
        elif line.state != MessageState.FAILED:
            sent.add(pair)
    record.unsent = waiting - sent
    record.failed = record.told.keys() - sent - waiting
    return record


def message_of(line: Line) -> Message:
    return Message(
        line.alert,
        line.recipient,
        Phase(line.phase),
        line.people,
        line.number,
        after=line.after or 0,
        # Where none was noted nothing can be said to have got graver.
        severity=Severity(line.severity or Severity.CRITICAL),
    )


def places_left(messages: Collection[Message], now: datetime) -> dict[int, datetime]:
    """Return since when recipients have had the places in the queue that they lost just now.

    What is left of a message that was withdrawn goes out when that would have: it must not wait
    behind all that was queued meanwhile.
    """
    lost = Notification.objects.filter(
        alert__in={int(each.episode) for each in messages},
        recipient__in={int(each.recipient) for each in messages},
        message__state=MessageState.WITHDRAWN,
        message__ended_at__gte=now - PLACE_KEPT,
    )
    places = lost.order_by().values_list("recipient").annotate(Min("message__next_try_at"))
    return {recipient: min(place, now) for recipient, place in places}


def notifications_write(
    messages: Iterable[Message],
    message_ids: Mapping[Pair, int],
    weights: Mapping[int, float],
    now: datetime,
) -> None:
    """Write down what was queued; `message_ids` by alert and recipient, `weights` by alert."""
    write(
        {
            "alert_id": each.episode,
            "recipient_id": each.recipient,
            "phase": each.phase,
            "number": each.number,
            "route_id": each.route,
            "people": each.people,
            "teams": sorted(each.teams),
            "fewest": None,
            "weight": weights[int(each.episode)],
            "severity": each.severity,
            "at": now,
            "muted": "",
            "message_id": message_ids[each.episode, each.recipient],
        }
        for each in messages
    )


def mutes_write(mutes: Iterable[Mute], now: datetime) -> None:
    """Write down what is kept from recipients; it is there until it is told after all."""
    write(
        {
            "alert_id": each.episode,
            "recipient_id": each.recipient,
            "phase": Phase.OPENED,
            "number": 0,
            "route_id": each.route,
            "people": each.people,
            "teams": [],
            "fewest": None,
            "weight": 0,
            "severity": None,
            "at": now,
            "muted": each.reason,
            "message_id": None,
        }
        for each in mutes
    )


def notifications_note_fewest(*, left: Mapping[int, int]) -> None:
    """Note how many people were left, by notification, where too few were for what it said."""
    noted = [Notification(pk=pk, fewest=number) for pk, number in left.items()]
    Notification.objects.bulk_update(noted, ["fewest"])


def write(rows: Iterable[Mapping[str, Any]]) -> None:
    rows_insert(Notification, rows, then=ANEW)
