from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from monitoring.jobs.supervisor import Supervisor


class Command(BaseCommand):
    help = "Run this host's workers until stopped; a wedged or dead cluster is started anew."
    # These look at pages and forms, and would double the time to start.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--workers",
            type=int,
            default=settings.WORKERS,
            help="processes for all jobs (default: WORKERS, %(default)s); one a core",
        )
        parser.add_argument(
            "--fast",
            type=int,
            default=settings.FAST_WORKERS,
            help="processes for admins' jobs only (default: FAST_WORKERS, %(default)s)",
        )

    def handle(self, *args: Any, workers: int, fast: int, **options: Any) -> None:
        Supervisor(workers=workers, fast=fast).run()
