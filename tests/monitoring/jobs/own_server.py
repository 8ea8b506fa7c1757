"""A PostgreSQL server of a test's own, to be stopped and started at will.

Runs as a process, because the embedded server's library keeps its folders for the whole process.
Takes a folder and the URL of a database to copy. Prints the URL of the copy; then obeys lines on
its input: `crash`, `start`. At the end of the input it stops the server.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synccenter import embedded


def main(folder: Path, source: str) -> None:
    (folder / "postgres").mkdir()
    with (folder / "holders").open("w") as holders:
        server = embedded.start(folder, holders)
        url = embedded.url_of(server.get_postmaster_info().socket_dir)
        copy(source, url, folder / "dump.sql", server.bin_path)
        tell(url)
        for line in sys.stdin:
            if line.strip() == "crash":
                crash(server.get_pid())
            else:
                server.start()
            tell("done")
        server.stop()


def copy(source: str, target: str, dump: Path, programs: Path) -> None:
    """Copy a database from server to server, which takes a fraction of the migrations' time."""
    subprocess.run([programs / "pg_dump", "--no-owner", "-f", dump, source], check=True)
    load = ["--quiet", "--output", os.devnull, "-v", "ON_ERROR_STOP=1", "-f", dump, target]
    subprocess.run([programs / "psql", *load], check=True)


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def crash(pid: int) -> None:
    """Have the server drop everything at once, as in a crash of its host, and wait for its end."""
    os.kill(pid, signal.SIGQUIT)
    until = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < until
        time.sleep(0.02)


class OwnServer:
    """The handle of the test: the process above and its pipes."""

    def __init__(self, folder: Path, source: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.monitoring.jobs.own_server", folder, source],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self.answer()

    def answer(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        assert line, "the server could not be started or stopped"
        return line

    def ask(self, what: str) -> None:
        assert self.process.stdin is not None
        print(what, file=self.process.stdin, flush=True)
        assert self.answer() == "done"

    def crash(self) -> None:
        self.ask("crash")

    def start(self) -> None:
        self.ask("start")

    def close(self) -> None:
        self.process.communicate()


@contextmanager
def own_server(source: str) -> Iterator[OwnServer]:
    with tempfile.TemporaryDirectory(prefix="own-server-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = OwnServer(folder, source)
        try:
            yield server
        finally:
            server.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2])
