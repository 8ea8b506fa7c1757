"""What the benchmarks share: a database of their own, timing, and the lines they print."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from synccenter import embedded


@contextmanager
def bench_database(name: str) -> Iterator[str]:
    """Make a migrated, empty database, set Django up on it, yield its URL, and drop it.

    On the server of DATABASE_URL, else on the embedded one. Import what needs Django's models
    inside the block. One a process: Django keeps its settings.
    """
    with ExitStack() as stack:
        server = os.environ.get("DATABASE_URL") or stack.enter_context(embedded.held())
        database = f"bench_{name}_{os.getpid()}"
        with psycopg.connect(with_database(server, "postgres"), autocommit=True) as admin:
            quoted = sql.Identifier(database)
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(quoted))
            try:
                url = with_database(server, database)
                set_up(url)
                yield url
            finally:
                close_connections()
                admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(quoted))


def with_database(url: str, database: str) -> str:
    """Return the URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def set_up(url: str) -> None:
    os.environ["DATABASE_URL"] = url
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synccenter.settings")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)


def close_connections() -> None:
    from django.db import connections

    connections.close_all()


def execute(statement: str, values: Any = None) -> None:
    """Run one statement on Django's connection, outside of any transaction."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def seconds(work: Callable[[], Any]) -> float:
    """Return how long the work takes."""
    begun = perf_counter()
    work()
    return perf_counter() - begun


def median_seconds(
    work: Callable[[], Any], *, times: int, before: Callable[[], Any] = lambda: None
) -> float:
    """Return the median of so many runs; `before` is done ahead of each and not counted."""
    found = []
    for _ in range(times):
        before()
        found.append(seconds(work))
    return median(found)


class Report:
    """Prints a figure and a ratio a line, and all of them as one JSON line at the end."""

    def __init__(self, bench: str) -> None:
        self.figures: dict[str, Any] = {"bench": bench}

    def line(self, key: str, label: str, value: float, unit: str, ratio: float, of: str) -> None:
        """Print one figure and its ratio, e.g. "1.31 x the goal of 20,000"."""
        self.figures[key] = {"value": round(value, 3), "unit": unit, "ratio": round(ratio, 3)}
        shown = f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"
        print(f"{label:<48} {shown:>12} {unit:<10} {ratio:6.2f} x {of}", flush=True)

    def close(self) -> None:
        print(json.dumps(self.figures), flush=True)


def note(text: str) -> None:
    """Say what is being done; not a result."""
    print(f"  {text}", flush=True)
