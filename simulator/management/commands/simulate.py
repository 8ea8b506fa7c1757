from __future__ import annotations

import asyncio
import signal
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from simulator.dispatch import Simulator
from simulator.server import NotLoopback, serve_until
from simulator.world import World
from simulator.worldfile import WorldFileError, read_world


class Command(BaseCommand):
    help = "Serve Google Calendar and Salesforce from memory, on this machine only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8900)
        parser.add_argument("--world", type=Path, help="JSON file that describes who exists")

    def handle(self, *args: Any, **options: Any) -> None:
        world = self.load(options["world"])
        try:
            asyncio.run(serve_until(Simulator(world), options["host"], options["port"], self.began))
        except NotLoopback as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"cannot listen on port {options['port']}: {error}") from error

    def load(self, path: Path | None) -> World:
        if path is None:
            return World()
        try:
            return read_world(path)
        except WorldFileError as error:
            raise CommandError(str(error)) from error

    def began(self, port: int, done: asyncio.Future[None]) -> None:
        """Say where, and stop on Ctrl-C or a polite kill."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, done.cancel)
        self.stdout.write(f"Simulator on http://127.0.0.1:{port}, control at /control/")
        self.stdout.flush()
