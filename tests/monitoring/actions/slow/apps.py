from __future__ import annotations

from django.apps import AppConfig


class SlowConfig(AppConfig):
    name = "tests.monitoring.actions.slow"
    label = "slow"

    def ready(self) -> None:
        from monitoring.actions import network
        from monitoring.actions.registry import deed_register
        from tests.monitoring.actions.slow.deeds import SlowHoldDeed, SlowReauthorizeDeed

        network.LEASE = 3
        deed_register(SlowHoldDeed())
        deed_register(SlowReauthorizeDeed())
