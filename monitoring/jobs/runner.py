"""What a drain runs: the seam between jobs and the sync engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from syncing.reports import PassReport


class Runner(Protocol):
    """Runs passes. The setting JOB_RUNNER names the class; it is made without arguments.

    `load` is called in the drain's main thread, where the database is at hand: it returns what a
    pass needs, by person id; who is missing there does not exist any more. `run` is called in a
    thread without a database connection, with one loaded value and the `time.monotonic()` by which
    the pass must be over and after which it must not write any more. It returns what came of it. A
    little later the drain stops waiting.
    """

    def load(self, person_ids: Sequence[int]) -> Mapping[int, Any]: ...

    def run(self, work: Any, deadline: float) -> PassReport: ...


def make_runner() -> Runner:
    """Return a new runner of the class in force. Raises ImportError."""
    return import_string(settings.JOB_RUNNER)()
