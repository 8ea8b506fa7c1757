"""The engine as a worker process runs it: many passes at once on a few database connections."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from syncing.engine.run import run_pass
from syncing.gate import Gate
from syncing.providers.sides import Providers, providers_from_settings
from syncing.reports import PassReport
from syncing.store import PassStore, load_work
from syncing.work import PassWork


@dataclass(frozen=True, slots=True)
class Equipment:
    """What the passes of one process share."""

    gate: Gate
    providers: Providers


@cache
def equipment(process_id: int) -> Equipment:
    """Return the equipment of a process, by its id: threads do not survive a fork."""
    return Equipment(Gate(), providers_from_settings())


def providers_here() -> Providers:
    """Return the providers as this process reaches them, connections shared by its threads."""
    return equipment(os.getpid()).providers


class EngineRunner:
    """Loads work where the database is at hand and runs passes in threads that have none."""

    def __init__(self) -> None:
        self._equipment = equipment(os.getpid())
        self._store = PassStore(self._equipment.gate.run_within)

    def load(self, person_ids: Sequence[int]) -> Mapping[int, PassWork]:
        """Return the work of each person, by id, in a constant number of queries."""
        return load_work(person_ids)

    def run(self, work: PassWork, deadline: float) -> PassReport:
        """Run one pass. After the `time.monotonic()` given, no write is begun."""
        return run_pass(
            work,
            store=self._store,
            providers=self._equipment.providers,
            clock=utc_now,
            remaining=lambda: deadline - time.monotonic(),
        )


def utc_now() -> datetime:
    return datetime.now(UTC)
