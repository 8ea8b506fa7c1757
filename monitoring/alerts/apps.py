from __future__ import annotations

from django.apps import AppConfig
from django.utils import timezone


class AlertsConfig(AppConfig):
    name = "monitoring.alerts"
    label = "alerts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from monitoring.alerts.claims import messages_wait
        from monitoring.alerts.outbox import sender_ring
        from monitoring.jobs.bells import Bell, bell_register

        bell_register("mail", Bell(lambda: messages_wait(timezone.now()), sender_ring))
