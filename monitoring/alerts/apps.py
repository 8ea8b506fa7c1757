from __future__ import annotations

from django.apps import AppConfig
from django.utils import timezone


class AlertsConfig(AppConfig):
    name = "monitoring.alerts"
    label = "alerts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from monitoring.alerts import incident_alerts, stalled
        from monitoring.alerts.alert_checks import alerts_check
        from monitoring.alerts.claims import messages_wait
        from monitoring.alerts.drafts import KIND
        from monitoring.alerts.forgetting import alerts_forget_step
        from monitoring.alerts.last_checks import check_register
        from monitoring.alerts.outbox import sender_ring
        from monitoring.alerts.sources import source_register
        from monitoring.alerts.watch import alerts_step
        from monitoring.jobs.bells import Bell, bell_register
        from monitoring.jobs.steps import step_register

        bell_register("mail", Bell(lambda: messages_wait(timezone.now()), sender_ring))
        source_register("stalled", stalled.KINDS, stalled.stalled_found)
        source_register("incidents", incident_alerts.KINDS, incident_alerts.incidents_found)
        step_register("alerts", alerts_step)
        step_register("forget alerts", alerts_forget_step)
        check_register([KIND], alerts_check)
