"""`manage.py interpret < errors.jsonl`: say what errors mean."""

from __future__ import annotations

import sys
from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from monitoring.errors.lines import interpret_stream

HELP = """Say what errors mean, by the rules that ship with synccenter.

Reads one JSON object a line from standard input:
  {"id": ..., "provider": "google|salesforce|network",
   "channel": "http-json|oauth-json|soap-fault|html|exception-text",
   "status": 403 or null, "headers": {...}, "body": "..."}
Only provider is required; other keys are ignored.

Writes one JSON object for each, in the same order, as the lines come:
  {"id": ..., "interpretation": "transient|needs_user|needs_admin|record|client_bug|unknown",
   "rule": "..." or null, "title": "...", "next_step": "..."}

A line that can't be judged gives {"id": ..., "line": 7, "error": "..."} and the rest go on.
Exit code: 0, or 1 if there was input and not one line of it could be judged.
Needs no database."""


class Command(BaseCommand):
    help = HELP
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **options
        )

    def handle(self, *arguments: Any, **options: Any) -> None:
        code = interpret_stream(sys.stdin.buffer, sys.stdout.buffer)
        if code:
            sys.exit(code)
