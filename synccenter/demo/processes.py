"""Starting the service's processes, watching them, and stopping all of them cleanly."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

START_SECONDS = 60.0
# A worker finishes the passes it has begun; each has a deadline well below this.
STOP_SECONDS = 60.0


class ProcessError(Exception):
    """A process did not start, or ended by itself; the message says which and where its log is."""


@dataclass(slots=True)
class Processes:
    """Our own child processes, by name, in the order they were started."""

    project: Path
    logs: Path
    # That of those that are started from now on.
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *arguments: str) -> None:
        """Start `manage.py ARGUMENTS`; what it prints goes to a log of its own."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{name}.log").open("ab") as log:
            # A session of its own: Ctrl-C reaches us alone, and we stop the others in order.
            self.running[name] = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, str(self.project / "manage.py"), *arguments],
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_for(self, name: str, url: str) -> None:
        """Wait until a process answers at `url`. Raises ProcessError if it does not."""
        give_up = time.monotonic() + START_SECONDS
        while not answers(url):
            self.check()
            if time.monotonic() > give_up:
                raise ProcessError(f"{name} did not start; see {self.logs / name}.log")
            time.sleep(0.1)

    def check(self) -> None:
        """Raise ProcessError if one of the processes has ended."""
        for name, process in self.running.items():
            if process.poll() is not None:
                raise ProcessError(f"{name} ended by itself; see {self.logs / name}.log")

    def stop(self) -> None:
        """Stop all, the last started first; kill what does not end in time."""
        for process in reversed(self.running.values()):
            process.send_signal(signal.SIGTERM)
        give_up = time.monotonic() + STOP_SECONDS
        for process in reversed(self.running.values()):
            try:
                process.wait(max(0.1, give_up - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.running.clear()


def answers(url: str) -> bool:
    """Tell whether something answers there with success."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own loopback address
            return bool(response.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def is_free(port: int) -> bool:
    """Tell whether we could listen on a loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
