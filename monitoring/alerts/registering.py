"""What alerts do for the tick and the sender, named to them at start-up."""

from __future__ import annotations

from monitoring.alerts import incident_alerts, stalled
from monitoring.alerts.alert_checks import alerts_check
from monitoring.alerts.drafts import KIND
from monitoring.alerts.forgetting import alerts_forget_step
from monitoring.alerts.last_checks import check_register
from monitoring.alerts.sources import source_register
from monitoring.alerts.watch import alerts_step
from monitoring.jobs.steps import step_register


def alerts_register() -> None:
    source_register("stalled", stalled.KINDS, stalled.stalled_found)
    source_register("incidents", incident_alerts.KINDS, incident_alerts.incidents_found)
    step_register("alerts", alerts_step)
    step_register("forget alerts", alerts_forget_step)
    check_register([KIND], alerts_check)
