"""`manage.py demo`: everything set up and running."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
import urllib.request
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from random import Random
from typing import IO, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import Organization
from simulator.world import World
from simulator.worldfile import save_world
from synccenter.demo.cast import HOUSES, LOGINS, PASSWORD
from synccenter.demo.processes import ProcessError, Processes, free_port, is_free
from synccenter.demo.seed import demo_seed, is_seeded
from synccenter.demo.world import build_world, planned_faults
from synccenter.mail_url import KEPT

SEED = 20080606


class Stopped(BaseException):
    """Ctrl-C or a polite kill."""


class Command(BaseCommand):
    help = (
        "Set up and run the whole service on this machine: database, simulator of Google and "
        "Salesforce, 60 people in 3 organizations with a month of history, web, workers, tick. "
        "Ctrl-C stops all of it; the next start keeps the data."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--data",
            type=Path,
            default=settings.BASE_DIR / ".data" / "demo",
            help="where the simulated vendors and the logs are kept; the rest is in the database",
        )

    def handle(self, *, port: int, data: Path, **options: Any) -> None:
        if not is_free(port):
            raise CommandError(
                f"Port {port} is in use. Stop what listens there, or choose another: "
                f"make demo PORT={port + 1}"
            )
        started = time.monotonic()
        # Mails of the past lead to the pages of this demo as well.
        settings.BASE_URL = f"http://127.0.0.1:{port}"
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, stop)
        processes = Processes(settings.BASE_DIR, data / "logs")
        only_one = self.alone(data)
        try:
            self.start(processes, data, port)
            self.welcome(processes, port, time.monotonic() - started)
            while True:
                time.sleep(1)
                processes.check()
        except ProcessError as error:
            raise CommandError(str(error)) from error
        except Stopped:
            self.stdout.write("\n· Stopping")
        finally:
            processes.stop()
            only_one.close()
        self.stdout.write("· Stopped. The data is kept for the next `make demo`.")

    def alone(self, folder: Path) -> IO[str]:
        """Take the lock of the one demo that may use this data. Raises CommandError."""
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError("A demo runs here already; stop it first (Ctrl-C).") from None
        return lock

    def start(self, processes: Processes, folder: Path, port: int) -> None:
        """Bring database, world and processes into being; return when the service is ready.

        What needs no data starts while the past is made. Workers and tick find it whole.
        """
        self.migrate()
        now, random = timezone.now(), Random(SEED)  # noqa: S311 - a story, not a secret
        world = self.world_made(folder, now, random)
        self.say("Simulator of Google and Salesforce, web")
        # Not before, as others could take the port while the past is made.
        simulator_port = free_port()
        processes.environment = environment(port, simulator_port)
        simulator = processes.environment["GOOGLE_API_ROOT"]
        processes.start(
            "simulator",
            "simulate",
            *("--port", str(simulator_port)),
            *("--world", str(folder / "world.json"), "--keep"),
        )
        processes.start("web", "web", "--port", str(port))
        if world is not None:
            self.say("Demo data: people and their past")
            demo_seed(world=world, now=now, random=random, say=lambda text: self.say(f"  {text}"))
        processes.wait_for("simulator", f"{simulator}/control/health")
        for fault in planned_faults():
            plan(simulator, fault)
        self.say("Workers, tick")
        processes.start("worker", "worker")
        processes.start("tick", "tick")
        processes.wait_for("web", f"http://127.0.0.1:{port}/readyz")

    def migrate(self) -> None:
        self.say("Database: migrations")
        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)

    def world_made(self, folder: Path, now: datetime, random: Random) -> World | None:
        """Make the vendors' world and return it; None where it is there, and the data with it."""
        if is_seeded() and (folder / "world.json").exists():
            self.say("Demo data is here already; `make clean` removes it")
            return None
        if is_seeded():
            raise CommandError(
                "The demo's database is here but its simulated world is gone. Run `make clean`."
            )
        if Organization.objects.exists():
            raise CommandError(
                "The database holds organizations that are not the demo's. Its logins, whose "
                "passwords everybody knows, must not come beside them: unset DATABASE_URL."
            )
        world = build_world(now, random)
        save_world(world, folder / "world.json")
        return world

    def welcome(self, processes: Processes, port: int, seconds: float) -> None:
        simulator = processes.environment["GOOGLE_API_ROOT"]
        self.stdout.write(f"\nsynccenter is running at http://127.0.0.1:{port} ({seconds:.0f} s)\n")
        for login in LOGINS:
            where = ", ".join(f"{role} of {slug}" for slug, role in login.roles.items())
            self.stdout.write(
                f"  {login.email:<24} {PASSWORD}   {where or 'support, all organizations'}"
            )
        self.stdout.write(
            f"\nGoogle and Salesforce are simulated: {simulator}/setup/ mends and breaks them."
        )
        outbox = f"http://127.0.0.1:{port}/o/{HOUSES[0].slug}/outbox/"
        self.stdout.write(f"Mails are sent to nobody: {outbox} shows them, alerts among them.")
        self.stdout.write(f"Logs: {processes.logs}. Ctrl-C stops everything.")
        self.stdout.flush()

    def say(self, text: str) -> None:
        self.stdout.write(f"· {text}")
        self.stdout.flush()


def environment(port: int, simulator_port: int) -> dict[str, str]:
    """Return the settings of the demo's processes."""
    simulator = f"http://127.0.0.1:{simulator_port}"
    return os.environ | {
        "BASE_URL": f"http://127.0.0.1:{port}",
        "GOOGLE_API_ROOT": simulator,
        "GOOGLE_TOKEN_URL": f"{simulator}/token",
        "GOOGLE_AUTHORIZE_URL": f"{simulator}/o/oauth2/v2/auth",
        "SALESFORCE_LOGIN_URL": simulator,
        "GOOGLE_STATUS_URL": f"{simulator}/appsstatus/dashboard",
        "SALESFORCE_STATUS_URL": f"{simulator}/trust/v1",
        "MAINTENANCE_ASK_HOURS": "24",
        # Nobody's real mailbox is written to, and whoever plays the person needs their links.
        "EMAIL_URL": KEPT,
        "OUTBOX_SHOWS_LINKS": "1",
    }


def stop(number: int, frame: object) -> None:
    # Once is enough; a second Ctrl-C must not cut the stopping short.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise Stopped


def plan(simulator: str, fault: dict[str, Any]) -> None:
    """Plan a fault at the simulator's control endpoint."""
    request = urllib.request.Request(  # noqa: S310 - our own loopback address
        f"{simulator}/control/faults",
        data=json.dumps(fault).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=5):  # noqa: S310 - as above
        pass
