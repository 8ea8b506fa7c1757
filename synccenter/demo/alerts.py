"""The alerts of the demo's past: what the product itself decides, asked at moments of that past.

A tick looks every half minute. Here it is looked only when something may have changed: somebody
failed, a message comes due, or nothing was heard of somebody for long enough.
Whatever was queued then counts as sent at that moment: mails of the demo stay here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, time, timedelta

from django.contrib.auth import get_user_model
from django.db.models import F

from accounts.access import access_for
from monitoring.alerts.acknowledging import alert_acknowledge
from monitoring.alerts.delivery import KEPT_HERE
from monitoring.alerts.hours import is_awake, next_awake
from monitoring.alerts.kinds import AlertKind
from monitoring.alerts.models import Alert, Message, MessageState, Recipient
from monitoring.alerts.plan import end_due_at
from monitoring.alerts.plan_facts import Waits
from monitoring.alerts.preferences import Preferences, preferences_save, zone_name_of
from monitoring.alerts.recipients import hours_of
from monitoring.alerts.returning import NO_RETURN, returns_of
from monitoring.alerts.telling import episode_of
from monitoring.alerts.told import told_of
from monitoring.alerts.watch import alerts_watch
from monitoring.health.deadlines import health_check_due
from monitoring.health.models import Health
from monitoring.incidents.models import Incident
from monitoring.incidents.watch import incidents_find, incidents_follow
from synccenter.demo.cast import HOUSES, LOGINS
from synccenter.demo.digest import digests_tell

MINUTE = timedelta(minutes=1)
WEEK = timedelta(days=7)
TAKEN = {"state": MessageState.SENT, "attempts": 1, "answer": KEPT_HERE}
WAITS = Waits()


def next_look(after: datetime, quiet: Collection[int]) -> datetime | None:
    """Return when, after a moment, something comes due by the passing of time alone.

    That is a message about what went on then, or that one of `quiet`, people nothing is heard of
    any more, is found silent. None where nothing does.
    """
    checks = Health.objects.filter(person__in=quiet, check_at__gt=after)
    moments = [*due_by_time(after), *checks.values_list("check_at", flat=True)]
    return min((moment for moment in moments if moment and moment > after), default=None)


def due_by_time(after: datetime) -> Iterator[datetime | None]:
    """Yield when messages about alerts come due that do not change; None where that is never."""
    alerts = {alert.pk: alert for alert in Alert.objects.to_tell()}
    told, returns = told_of(alerts.values()), returns_of(alerts.values())
    for alert in alerts.values():
        if alert.ended_at is not None:
            yield end_due_at(episode_of(alert, returns.get(alert.pk, NO_RETURN)), WAITS)
            continue
        yield alert.began_at + timedelta(seconds=WAITS.opened)
        if alert.flaps >= WAITS.flaps:
            yield alert.began_at + timedelta(seconds=WAITS.flapping)
        if alert.acknowledged_at is not None:
            yield alert.acknowledged_at + timedelta(seconds=WAITS.acknowledged)
    for (key, _), each in told.items():
        alert = alerts[int(key)]
        if alert.people > each.people:
            yield each.last_at + timedelta(seconds=WAITS.grown)
        if not alert.acknowledged_at or alert.people > each.people:
            yield each.last_at + timedelta(seconds=WAITS.reminder)
    if not alerts:
        return
    for recipient in Recipient.objects.current().select_related("user"):
        if recipient.told_at is not None:
            yield recipient.told_at + timedelta(seconds=WAITS.pace)
        if (awake := awake_after(recipient, after)) is not None:
            yield awake


def awake_after(recipient: Recipient, moment: datetime) -> datetime | None:
    """Return when somebody with quiet hours may be told again; None if they may be now."""
    hours = hours_of(
        zone_name_of(recipient),
        recipient.quiet_from,
        recipient.quiet_until,
        recipient.working_days,
        recipient.urgent_always,
    )
    return None if is_awake(hours, moment) else next_awake(hours, moment)


def look(at: datetime) -> None:
    """Let the product look for silence and alerts at a moment, and its mails be sent."""
    health_check_due(now=at)
    tell(at)


def look_for_incidents(at: datetime) -> None:
    """Let the product look whether many fail together, and tell of it, when somebody has failed."""
    incidents_find(now=at)
    incidents_follow(now=at)
    look(at)


def tell(at: datetime) -> None:
    alerts_watch(at)
    digests_tell(at)
    waiting = Message.objects.filter(state=MessageState.QUEUED)
    waiting.update(sent_at=F("created_at") + 10 * timedelta(seconds=1), **TAKEN)
    alert = Alert.objects.open().filter(kind=AlertKind.STALLED, acknowledged_at=None).first()
    if alert is not None and not Alert.objects.exclude(acknowledged_at=None).exists():
        admin_acknowledges(alert, at)


def admin_acknowledges(alert: Alert, at: datetime) -> None:
    """Have the first organization's admin say that they are at the first alert there was."""
    admin = get_user_model().objects.get(email=LOGINS[0].email)
    alert_acknowledge(alert=alert, name=admin.get_full_name(), user=admin, now=at)


def outage_told(incidents: Sequence[Incident]) -> None:
    """Tell of the past outage as it went: when it had lasted, and once it was over."""
    everything = Incident.objects.filter(pk__in=with_whole(incidents))
    before = {each.pk: (each.closed_at, each.recovered_at) for each in everything}
    opened = max(each.opened_at for each in everything)
    everything.update(closed_at=None, recovered_at=None)
    # Nobody is told of two organizations at once.
    for minutes in (16, 18):
        tell(opened + minutes * MINUTE)
    for key, (closed_at, recovered_at) in before.items():
        Incident.objects.filter(pk=key).update(closed_at=closed_at, recovered_at=recovered_at)
    closed = max(closed_at for closed_at, _ in before.values() if closed_at)
    for minutes in (1, 32, 34):
        tell(closed + minutes * MINUTE)


def with_whole(incidents: Iterable[Incident]) -> set[int]:
    keys = {incident.pk for incident in incidents}
    whole = Incident.objects.filter(parts__in=keys).values_list("pk", flat=True)
    return keys | set(whole)


def quiet_hours_set(now: datetime) -> None:
    """Have the consultant want to hear of nothing at night but what is urgent."""
    consultant = get_user_model().objects.get(email=LOGINS[2].email)
    night = Preferences(quiet_from=time(22), quiet_until=time(6))
    preferences_save(access=access_for(consultant, HOUSES[1].slug), wanted=night, now=now)
