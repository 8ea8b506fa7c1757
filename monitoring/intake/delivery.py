"""Reading a delivery from a file or a stream, and outlasting a database that is away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import IO

import structlog
from django.db import InterfaceError, OperationalError, connection

from accounts.models import Organization
from monitoring.intake.ingest import BATCH, IngestReport, NumberedLine, ingest_batch
from monitoring.intake.schema import MAX_LINE, Refusal, split

log = structlog.get_logger(__name__)

PATIENCE = timedelta(minutes=15)
PAUSES = (0.2, 0.5, 1.0, 2.0)


def lines_of(stream: IO[bytes]) -> Iterator[NumberedLine]:
    """Yield the numbered lines of a stream: JSON lines as they come, or one JSON array."""
    start = stream.peek(4_096).lstrip() if hasattr(stream, "peek") else b""
    if start.startswith(b"["):
        yield from split(stream.read())
        return
    number = 0
    while line := stream.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE and not line.endswith(b"\n"):
            yield number, Refusal(number, "", f"The line is longer than {MAX_LINE:,} bytes.")
            skip_line(stream)
        elif line.strip():
            yield number, line


def skip_line(stream: IO[bytes]) -> None:
    """Read on to the end of an over-long line without keeping it."""
    while (piece := stream.readline(MAX_LINE)) and not piece.endswith(b"\n"):
        pass


def delivery_ingest(
    lines: Iterable[NumberedLine],
    *,
    organization: Organization | None,
    source: str,
    clock: Callable[[], datetime],
) -> IngestReport:
    """Record a delivery batch by batch, each tried again while the database is away.

    Trying again is safe: an attempt that was committed before the connection broke is a duplicate.
    Raises the database's error when it stays away for `PATIENCE`.
    """
    report = IngestReport()
    numbered = iter(lines)
    while batch := list(islice(numbered, BATCH)):
        persist(
            partial(
                ingest_batch,
                batch,
                organization=organization,
                source=source,
                now=clock(),
                report=report,
            ),
            clock,
        )
    return report


def persist(work: Callable[[], None], clock: Callable[[], datetime]) -> None:
    """Do a piece of database work, waiting for a database that has gone away."""
    give_up = clock() + PATIENCE
    for attempt in range(10**6):
        try:
            return work()
        except (OperationalError, InterfaceError) as error:
            if clock() >= give_up:
                raise
            if attempt == 0:
                log.warning("database_away", error=str(error).strip())
            connection.close()
            time.sleep(PAUSES[min(attempt, len(PAUSES) - 1)])
    return None
