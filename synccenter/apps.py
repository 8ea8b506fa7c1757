from __future__ import annotations

from django.apps import AppConfig


class SynccenterConfig(AppConfig):
    name = "synccenter"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from synccenter import checks  # noqa: F401 - they register themselves
