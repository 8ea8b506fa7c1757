"""The digest of the demo's past: chosen by the first organization's admin, written by the product.

So the Outbox has one, with its picture; the next comes from the demo's own workers.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth import get_user_model

from accounts.access import access_for, zone_of
from monitoring.alerts.digest_times import Cadence, last_digest
from monitoring.alerts.digests import batch_at, digests_write
from monitoring.alerts.hours import Hours
from monitoring.alerts.models import Digest
from monitoring.alerts.preferences import Preferences, preferences_save
from synccenter.demo.cast import HOUSES, LOGINS

HOUR = 8
CHOSEN = timedelta(hours=1)


def digest_due(now: datetime) -> datetime:
    """Return when the admin's last daily digest was due. Pure."""
    hours = Hours(zone_of(LOGINS[0].time_zone))
    return last_digest(Cadence(is_weekly=False, hour=HOUR, hours=hours), now)


def digest_choose(at: datetime) -> None:
    """Have the admin want a digest every morning."""
    admin = get_user_model().objects.get(email=LOGINS[0].email)
    wanted = Preferences(digest=Digest.DAILY, digest_hour=HOUR)
    preferences_save(access=access_for(admin, HOUSES[0].slug), wanted=wanted, now=at)


def digests_tell(at: datetime) -> None:
    """Write the digests that are due at a moment."""
    if due := batch_at(at):
        digests_write(recipients=due, now=at)
