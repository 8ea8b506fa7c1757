"""`manage.py populate`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError
from django.utils import timezone

from monitoring.intake.populate import RUNS_A_DAY, populate


class Command(BaseCommand):
    help = (
        "Fill the database with organizations, people and a past, to see how the service behaves "
        "at scale. Every outcome goes through the intake."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organizations", type=int, default=1, metavar="N")
        parser.add_argument(
            "--people", type=int, default=1_000, metavar="N", help="in all organizations together"
        )
        parser.add_argument("--days", type=int, default=1, metavar="N", help="12 runs a day each")
        parser.add_argument("--seed", type=int, default=1, metavar="N")

    def handle(
        self, *, organizations: int, people: int, days: int, seed: int, **options: Any
    ) -> None:
        if organizations < 1 or people < organizations or days < 0:
            raise CommandError(
                "At least one organization, one person in each, and no days below 0."
            )
        try:
            recorded = populate(
                organizations=organizations,
                people=people,
                runs=days * RUNS_A_DAY,
                seed=seed,
                now=timezone.now(),
                say=self.stdout.write,
            )
        except IntegrityError as error:
            raise CommandError(
                "There is scale data here already; it can be made once a database."
            ) from error
        self.stdout.write(f"{people:,} people and {recorded:,} outcomes.")
