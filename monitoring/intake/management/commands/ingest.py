"""`manage.py ingest FILE`."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import Organization
from monitoring.intake.delivery import delivery_ingest, lines_of


class Command(BaseCommand):
    help = (
        "Record outcomes from a file of JSON lines, or a JSON array. Every line is recorded once, "
        "however often it is sent; a bad line is refused with its reason and the rest is kept. "
        "Prints one JSON object: accepted, duplicate, rejected. Ends with status 1 if a line was "
        "refused. Waits up to 15 minutes for a database that is away."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the file to read; - for standard input")
        parser.add_argument(
            "--organization", metavar="SLUG", help="whose people all lines speak of"
        )

    def handle(self, *, file: str, organization: str | None, **options: Any) -> None:
        with opened(file) as stream:
            report = delivery_ingest(
                lines_of(stream),
                organization=found(organization) if organization else None,
                source=f"ingest {file}",
                clock=timezone.now,
            )
        rejected = [
            {"line": refusal.line, "field": refusal.field, "reason": refusal.reason}
            for refusal in report.rejected
        ]
        answer = {"accepted": report.accepted, "duplicate": report.duplicate, "rejected": rejected}
        self.stdout.write(json.dumps(answer, indent=2))
        if rejected:
            sys.exit(1)


def opened(file: str) -> AbstractContextManager[IO[bytes]]:
    if file == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise CommandError(f"{file} can't be read: {error.strerror}") from error


def found(slug: str) -> Organization:
    try:
        return Organization.objects.get(slug=slug)
    except Organization.DoesNotExist:
        raise CommandError(f"There is no organization {slug!r}.") from None
