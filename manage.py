#!/usr/bin/env python
"""Run synccenter's commands: `python manage.py help`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    if sys.argv[1:] == ["interpret"]:
        # It needs nothing of Django, whose start takes longer than judging 10,000 errors.
        from monitoring.errors.lines import interpret_stream

        sys.exit(interpret_stream(sys.stdin.buffer, sys.stdout.buffer))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synccenter.settings")
    from synccenter import embedded

    with embedded.database_for_command(sys.argv):
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
