"""`manage.py replay NAME|FILE`: tell what the service would have done."""

from __future__ import annotations

import json
import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from monitoring.intake.delivery import lines_of
from monitoring.replay.recorded import play_recorded, read_outcomes
from monitoring.replay.scenarios import SCENARIOS
from monitoring.replay.simulation import play
from monitoring.replay.story import (
    Story,
    lines,
    objects,
    sentence,
    story_of,
    story_of_recording,
    summary_of,
)

NAMES = "\n".join(f"  {name:<18}{scenario.title}" for name, scenario in SCENARIOS.items())
HELP = f"""Play a story, or recorded outcomes, on a simulated clock by the service's own decisions.

Prints, for each hour, how many people are in which status and interval, incidents and mails, then
what the rules of June 2008 would have done with the same outcomes. Changes and sends nothing.

Stories:
{NAMES}

FILE holds outcomes as `manage.py ingest` takes them; - is standard input. Lines that can't be read
are listed on standard error and left out. Needs no database."""


class Command(BaseCommand):
    help = HELP
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **options
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("story", metavar="NAME|FILE", help="a story's name, or a file")
        parser.add_argument(
            "--json", action="store_true", help="one object an hour, and the summary last"
        )
        parser.add_argument(
            "--seed", type=int, default=1, help="another seed, another night (default 1)"
        )

    def handle(self, *, story: str, json: bool, seed: int, **options: Any) -> None:
        if story in SCENARIOS:
            stories = [story_of(play(SCENARIOS[story], seed))]
        else:
            stories = self.recorded(story)
        if json:
            self.tell_objects(stories)
        else:
            self.tell(stories)

    def recorded(self, file: str) -> list[Story]:
        with opened(file) as stream:
            outcomes, refused = read_outcomes(lines_of(stream), timezone.now())
        for refusal in refused:
            place = f"line {refusal.line}" + (f", {refusal.field}" if refusal.field else "")
            self.stderr.write(f"{place}: {refusal.reason}")
        if not outcomes:
            raise CommandError(f"No outcome could be read from {file}.")
        return [story_of_recording(recording) for recording in play_recorded(outcomes)]

    def tell(self, stories: Sequence[Story]) -> None:
        for story in stories:
            for line in lines(story):
                self.stdout.write(line)
            self.stdout.write("")
        self.stdout.write(sentence(stories))

    def tell_objects(self, stories: Sequence[Story]) -> None:
        for story in stories:
            for each in objects(story):
                self.stdout.write(json.dumps(each))
        self.stdout.write(json.dumps(summary_of(stories)))


def opened(file: str) -> AbstractContextManager[IO[bytes]]:
    """Open a file of outcomes. Raises CommandError."""
    if file == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(file).open("rb")
    except FileNotFoundError:
        names = ", ".join(SCENARIOS)
        raise CommandError(f"There is no story and no file {file!r}; stories: {names}.") from None
    except OSError as error:
        raise CommandError(f"{file} can't be read: {error.strerror}") from error
