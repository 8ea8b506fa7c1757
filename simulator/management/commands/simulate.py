from __future__ import annotations

import asyncio
import signal
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from simulator.dispatch import Simulator
from simulator.server import NotLoopback, finish, serve_until
from simulator.world import World
from simulator.worldfile import WorldFileError, WorldKeeper, read_world


class Command(BaseCommand):
    help = "Serve Google Calendar and Salesforce from memory, on this machine only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8900)
        parser.add_argument("--world", type=Path, help="JSON file that describes who exists")
        parser.add_argument(
            "--keep", action="store_true", help="write the world back to its file, so that it lasts"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path = options["world"]
        if options["keep"] and path is None:
            raise CommandError("--keep needs --world FILE")
        simulator = Simulator(self.load(path))
        keeper = WorldKeeper(simulator, path) if options["keep"] else None
        try:
            asyncio.run(self.serve(simulator, keeper, options["host"], options["port"]))
        except NotLoopback as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"cannot listen on port {options['port']}: {error}") from error

    async def serve(
        self, simulator: Simulator, keeper: WorldKeeper | None, host: str, port: int
    ) -> None:
        task = asyncio.create_task(keeper.run()) if keeper else None
        try:
            await serve_until(simulator, host, port, self.began)
        finally:
            if task and keeper:
                task.cancel()
                keeper.save()

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
            loop.add_signal_handler(number, finish, done)
        self.stdout.write(f"Simulator on http://127.0.0.1:{port}, control at /control/")
        self.stdout.flush()
