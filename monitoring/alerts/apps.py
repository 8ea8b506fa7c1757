from __future__ import annotations

from datetime import datetime
from functools import partial

from django.apps import AppConfig
from django.utils import timezone


class AlertsConfig(AppConfig):
    name = "monitoring.alerts"
    label = "alerts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from monitoring.alerts.models import Channel
        from monitoring.alerts.outbox import sender_ring
        from monitoring.alerts.registering import alerts_register
        from monitoring.jobs.bells import Bell, bell_register
        from monitoring.jobs.steps import step_register

        step_register("webhook events", health_tell)
        for channel in Channel:
            wanted = partial(channel_waits, channel)
            bell_register(channel, Bell(wanted, partial(sender_ring, channel)))
        alerts_register()


def channel_waits(channel: str) -> bool:
    from monitoring.alerts.claims import messages_wait

    return messages_wait(timezone.now(), channel)


def health_tell(now: datetime) -> None:
    from monitoring.alerts.health_cursor import webhook_events

    webhook_events(now)
