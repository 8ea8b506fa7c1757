from __future__ import annotations

from django.apps import AppConfig


class ReplayConfig(AppConfig):
    name = "monitoring.replay"
    label = "replay"

    def ready(self) -> None:
        from monitoring.alerts.kinds import AlertKind
        from monitoring.alerts.sources import source_register
        from monitoring.jobs.bells import Bell, bell_register
        from monitoring.replay.change_alerts import rule_change_findings
        from monitoring.replay.claims import back_tests_wait, ring_back_tests

        bell_register("back-tests", Bell(back_tests_wait, ring_back_tests))
        source_register("rule changes", [AlertKind.RULE_CHANGE], rule_change_findings)
