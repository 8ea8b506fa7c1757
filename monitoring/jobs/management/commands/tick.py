from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from monitoring.jobs.clockwork import Clockwork
from monitoring.jobs.tick import tick


class Command(BaseCommand):
    help = "Queue the jobs that are due, record lost ones, and judge who has gone silent."
    # These look at pages and forms, and would double the time to start.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--loop", action="store_true", help="go on until stopped (the default)")
        how.add_argument("--once", action="store_true", help="tick once and print what was done")
        parser.add_argument(
            "--every",
            type=float,
            default=settings.TICK_SECONDS,
            help="seconds from tick to tick (default: TICK_SECONDS, %(default)s)",
        )

    def handle(self, *args: Any, once: bool, every: float, **options: Any) -> None:
        if once:
            for name, value in asdict(tick(datetime.now(UTC))).items():
                self.stdout.write(f"{name}: {value}")
            return
        stop = threading.Event()
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signal_number, lambda *_: stop.set())
        Clockwork(every=every, stop=stop).run()
