from __future__ import annotations

from functools import partial

from django.apps import AppConfig
from django.utils import timezone


class AlertsConfig(AppConfig):
    name = "monitoring.alerts"
    label = "alerts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from monitoring.alerts.claims import messages_wait
        from monitoring.alerts.outbox import WORK
        from monitoring.jobs.bells import Bell, bell_register
        from monitoring.jobs.doorbell import ring_task

        bell_register("mail", Bell(lambda: messages_wait(timezone.now()), partial(ring_task, WORK)))
