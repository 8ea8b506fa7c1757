"""`manage.py create_token ORGANIZATION`."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import Organization
from monitoring.api.tokens import api_token_create


class Command(BaseCommand):
    help = (
        "Make an API token with which another program reports outcomes for an organization's "
        "people, and print it. Only its digest is stored, so it can't be shown again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("organization", help="the organization's slug")
        parser.add_argument("--name", default="created on the command line")

    def handle(self, *, organization: str, name: str, **options: Any) -> None:
        found = Organization.objects.filter(slug=organization).first()
        if found is None:
            raise CommandError(f"There is no organization {organization!r}.")
        token = api_token_create(
            organization=found,
            name=name,
            author=None,
            author_name=f"{getpass.getuser()} (command line)",
            now=timezone.now(),
        )
        self.stdout.write(token)
