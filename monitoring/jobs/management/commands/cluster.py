from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from monitoring.jobs.cluster import run_cluster


class Command(BaseCommand):
    help = "Run one queue cluster. Started by `manage.py worker`, which watches over it."

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(run_cluster())
