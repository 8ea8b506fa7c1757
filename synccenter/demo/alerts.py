"""The alerts of the demo's past: what the product itself decides, asked at moments of that past.

Whatever was queued then counts as sent at that moment: mails of the demo stay here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta

from django.contrib.auth import get_user_model
from django.db.models import F

from accounts.access import access_for
from monitoring.alerts.acknowledging import alert_acknowledge
from monitoring.alerts.delivery import KEPT_HERE
from monitoring.alerts.kinds import AlertKind
from monitoring.alerts.models import Alert, Message, MessageState
from monitoring.alerts.preferences import Preferences, preferences_save
from monitoring.alerts.watch import alerts_watch
from monitoring.health.deadlines import health_check_due
from monitoring.incidents.models import Incident
from monitoring.incidents.watch import incidents_find, incidents_follow
from synccenter.demo.cast import HOUSES, LOGINS
from synccenter.demo.past import TROUBLE_STARTED, WENT_SILENT

MINUTE = timedelta(minutes=1)
# A tick looks every half minute; these few see the same, only later by a little: when a trouble has
# become certain, when it has lasted, and now and then.
AFTER_TROUBLE = [timedelta(minutes=minutes) for minutes in (60, 90, 120, 150)]
# Somebody has not been heard of for long enough, and that has lasted.
AFTER_SILENCE = [timedelta(hours=5), timedelta(hours=5, minutes=30)]
NOW_AND_THEN = timedelta(hours=12)
WEEK = timedelta(days=7)
TAKEN = {"state": MessageState.SENT, "attempts": 1, "answer": KEPT_HERE}


def looks(now: datetime) -> list[datetime]:
    """Return the moments at which the product looks at the past."""
    troubles = {now - ago + after for ago in TROUBLE_STARTED.values() for after in AFTER_TROUBLE}
    silence = {now - WENT_SILENT + after for after in AFTER_SILENCE}
    rarely = {now - WEEK + step * NOW_AND_THEN for step in range(WEEK // NOW_AND_THEN)}
    return sorted(troubles | silence | rarely)


def look(at: datetime) -> None:
    """Let the product look for silence and alerts at a moment, and its mails be sent."""
    health_check_due(now=at)
    tell(at)


def look_for_incidents(at: datetime) -> None:
    """Let the product look whether many fail together, as it does when somebody has failed."""
    incidents_find(now=at)
    incidents_follow(now=at)


def tell(at: datetime) -> None:
    alerts_watch(at)
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
