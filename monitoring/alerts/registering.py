"""What alerts do for the tick and the sender, named to them at start-up."""

from __future__ import annotations

from functools import partial

from django.utils import timezone

from monitoring.alerts import confirming, incident_alerts, stalled
from monitoring.alerts.alert_checks import alerts_check
from monitoring.alerts.claims import messages_wait
from monitoring.alerts.confirming import confirmations_check
from monitoring.alerts.coverage import coverage_findings
from monitoring.alerts.digests import digests_ring, digests_wait
from monitoring.alerts.drafts import KIND
from monitoring.alerts.forgetting import alerts_forget_step
from monitoring.alerts.health_cursor import webhook_events
from monitoring.alerts.kinds import ABOUT_HEALTH, AlertKind
from monitoring.alerts.last_checks import check_register
from monitoring.alerts.models import Channel
from monitoring.alerts.outbox import sender_ring
from monitoring.alerts.recipient_checks import digests_check, trials_check
from monitoring.alerts.service import service_findings
from monitoring.alerts.sources import source_register
from monitoring.alerts.standby import standby_step
from monitoring.alerts.unrecognised import unrecognised_findings
from monitoring.alerts.watch import alerts_step
from monitoring.jobs.bells import Bell, bell_register
from monitoring.jobs.steps import step_register


def alerts_register() -> None:
    source_register("stalled", ABOUT_HEALTH, stalled.stalled_found)
    source_register("incidents", incident_alerts.INCIDENT_KINDS, incident_alerts.incidents_found)
    source_register("unrecognised", [AlertKind.UNRECOGNISED], unrecognised_findings)
    source_register("coverage", [AlertKind.COVERAGE], coverage_findings)
    source_register("service", [AlertKind.SERVICE], service_findings)
    step_register("webhook events", webhook_events)
    step_register("alerts", alerts_step)
    step_register("forget alerts", alerts_forget_step)
    step_register("standby", standby_step)
    check_register([KIND], alerts_check)
    check_register(["digest"], digests_check)
    check_register(["alert_test"], trials_check)
    check_register([confirming.KIND], confirmations_check)
    for channel in Channel:
        wanted = partial(channel_waits, channel)
        bell_register(channel, Bell(wanted, partial(sender_ring, channel)))
    bell_register("digests", Bell(lambda: digests_wait(timezone.now()), digests_ring))


def channel_waits(channel: str) -> bool:
    return messages_wait(timezone.now(), channel)
