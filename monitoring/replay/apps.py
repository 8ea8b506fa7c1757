from __future__ import annotations

from django.apps import AppConfig


class ReplayConfig(AppConfig):
    name = "monitoring.replay"
    label = "replay"

    def ready(self) -> None:
        from monitoring.jobs.bells import Bell, bell_register
        from monitoring.replay.claims import back_tests_wait, ring_back_tests

        bell_register("back-tests", Bell(back_tests_wait, ring_back_tests))
