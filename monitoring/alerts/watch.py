"""What the tick does about alerts: begin, grow and end them by what is found, and tell of them.

All of it is one transaction under a lock that one tick has at a time, so a message and the note of
whom it tells what are both there or neither. Its cost follows what goes on, not how many people
there are. Where it fails, the service's own troubles are told all the same: that is one of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction

from monitoring.alerts.episodes import changes_at
from monitoring.alerts.following import alerts_store, known_of
from monitoring.alerts.kinds import EVENTS, AlertKind
from monitoring.alerts.models import Alert
from monitoring.alerts.plan import STALE
from monitoring.alerts.plan_facts import Name, Told
from monitoring.alerts.returning import NO_RETURN, Return, returns_of
from monitoring.alerts.sources import found_at
from monitoring.alerts.telling import alerts_tell
from monitoring.alerts.told import Record, record_of
from monitoring.jobs.outage import DATABASE_ERRORS, is_away

# Any fixed number will do; it is that of deciding about alerts among the advisory locks.
LOCK = 7_430_126_005
# An end that could not be told to somebody for so long is told no more.
TOO_LATE = timedelta(days=8)


@dataclass(frozen=True, slots=True)
class Watched:
    """What became of alerts; all zero where another tick is deciding about them.

    failed   the sources that did not answer
    """

    begun: int = 0
    ended: int = 0
    queued: int = 0
    failed: tuple[str, ...] = field(default=(), compare=False)


class SourcesFailedError(Exception):
    """Some sources did not answer; what is due of the others was told."""


@transaction.atomic
def alerts_watch(now: datetime, kinds: Collection[AlertKind] = tuple(AlertKind)) -> Watched:
    """Bring alerts, or those of some kinds, in step with what goes on and queue what is due."""
    if not is_our_turn():
        return Watched()
    found = found_at(now, kinds)
    alerts = {alert.pk: alert for alert in Alert.objects.to_tell().filter(kind__in=kinds)}
    record = record_of(alerts)
    over = {alert for (alert, _), told in record.told.items() if told.is_over}
    known = [known_of(alert) for alert in alerts.values() if alert.pk not in over]
    changes = changes_at(known, found.findings, found.kinds, now)
    begun = alerts_store(changes, alerts, now)
    returns = returns_of(alerts.values())
    settle(alerts, record, returns, now)
    queued = alerts_tell([*alerts.values(), *begun], record, now, returns)
    return Watched(len(begun), len(changes.ended), queued, found.failed)


def alerts_step(now: datetime) -> None:
    """Do so as a step of the tick; that it failed is told of by the ticks to come."""
    try:
        watched = alerts_watch(now)
    except Exception as error:
        if not (isinstance(error, DATABASE_ERRORS) and is_away(error)):
            alerts_watch(now, [AlertKind.SERVICE])
        raise
    if watched.failed:
        raise SourcesFailedError(" ".join(watched.failed))


def is_our_turn() -> bool:
    """Tell whether nobody else decides about alerts until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        mine: bool = cursor.fetchone()[0]
        return mine


def settle(
    alerts: dict[int, Alert], record: Record, returns: Mapping[int, Return], now: datetime
) -> None:
    """Leave alone what is over and told; take it out of `alerts`."""
    told: defaultdict[Name, list[Told]] = defaultdict(list)
    for pair, each in record.told.items():
        if pair not in record.failed:
            told[pair[0]].append(each)
    done = [
        pk
        for pk, alert in alerts.items()
        if pk not in record.waiting and is_settled(alert, told[pk], returns.get(pk, NO_RETURN), now)
    ]
    if done:
        Alert.objects.filter(pk__in=done).update(is_settled=True)
    for pk in done:
        del alerts[pk]


def is_settled(alert: Alert, told: Iterable[Told], back: Return, now: datetime) -> bool:
    """Tell whether nothing is left to tell of an alert; `told` is who waits for its end.

    They wait as long as what came `back` goes on.
    """
    if alert.ended_at is None:
        return False
    if alert.kind in EVENTS:
        return now - alert.ended_at > STALE
    last = max(alert.ended_at, back.until or alert.ended_at)
    is_too_late = not back.is_back and now - last > TOO_LATE
    return is_too_late or all(each.is_over for each in told)
