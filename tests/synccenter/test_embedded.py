"""The embedded PostgreSQL, held by processes of their own in a folder of their own."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from synccenter import embedded
from tests.monitoring.jobs.service import PROJECT, wait_until

HOLDER = """
import sys
from pathlib import Path
from synccenter import embedded
with embedded.held(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's own temporary folder: that is private, and as root PostgreSQL is another user.
    with TemporaryDirectory(prefix="embedded-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


class Holder:
    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=PROJECT,
            text=True,
        )
        self.url = self.process.stdout.readline().strip()
        assert self.url

    def leave(self) -> None:
        self.process.communicate()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


def serves(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


@pytest.mark.processes
def test_the_last_holder_stops_the_server_and_a_killed_one_holds_nothing(folder: Path) -> None:
    first = Holder(folder)
    second = Holder(folder)
    assert first.url == second.url
    first.leave()
    assert serves(second.url)
    second.kill()
    # Nobody stopped it, and it is there for the next one, who then does.
    assert serves(second.url)
    third = Holder(folder)
    third.leave()
    assert not serves(third.url)


@pytest.mark.processes
def test_a_server_that_was_killed_is_started_anew_with_its_data(folder: Path) -> None:
    first = Holder(folder)
    with psycopg.connect(first.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    pid = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
    first.kill()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not serves(first.url), 10, "the server is gone")
    second = Holder(folder)
    with psycopg.connect(second.url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    second.leave()


@pytest.mark.processes
def test_lock_and_sockets_stay_in_our_own_folder(folder: Path) -> None:
    holder = Holder(folder)
    assert stat.S_IMODE((folder / "lock").stat().st_mode) == 0o700
    assert list((folder / "lock").rglob(".lockfile"))
    holder.leave()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
def test_root_is_refused_a_folder_closed_to_others(tmp_path: Path) -> None:
    private = tmp_path / "home"
    private.mkdir(mode=0o700)
    with pytest.raises(embedded.EmbeddedDatabaseError, match="is private"):
        embedded.refuse_private_folder(private / "project" / ".data")


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["manage.py"], False),
        (["manage.py", "help"], False),
        (["manage.py", "interpret"], False),
        (["manage.py", "migrate", "--help"], False),
        (["manage.py", "migrate"], True),
        (["manage.py", "web", "--port", "1"], True),
    ],
)
def test_a_server_is_started_only_for_commands_that_need_one(
    arguments: list[str], needed: bool
) -> None:
    assert embedded.needs_database(arguments) is needed
