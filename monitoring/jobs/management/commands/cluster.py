from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from monitoring.jobs.cluster import run_cluster


class Command(BaseCommand):
    help = "Run one queue cluster. Started by `manage.py worker`, which watches over it."
    # These look at pages and forms, and would double the time to start.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(run_cluster())
