from __future__ import annotations

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "monitoring.console"
    label = "console"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from monitoring.console.sessions import sessions_ring, sessions_wait
        from monitoring.jobs.bells import Bell, bell_register

        bell_register("sessions", Bell(sessions_wait, sessions_ring))
