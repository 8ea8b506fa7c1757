"""What else the tick rings for: work of capabilities above the jobs, which name it at start-up."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from monitoring.jobs.outage import DATABASE_ERRORS

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bell:
    """Work in a table of its own: whether some waits that nobody is at, cheaply, and its bell.

    `waits_for_runs`: it is also rung when runs have ended that admins asked for.
    """

    is_wanted: Callable[[], bool]
    ring: Callable[[], None]
    waits_for_runs: bool = False


_bells: dict[str, Bell] = {}


def bell_register(name: str, bell: Bell) -> None:
    """Have the tick ring a bell as long as it is wanted. Named twice, the later one counts."""
    _bells[name] = bell


def bells_ring(*, runs_ended: bool = False) -> None:
    """Ring the bells that are wanted. One that breaks is logged, and the others are rung.

    With `runs_ended` only those that wait for that.
    """
    for name, bell in _bells.items():
        try:
            if (bell.waits_for_runs or not runs_ended) and bell.is_wanted():
                bell.ring()
        except DATABASE_ERRORS:
            raise
        except Exception:
            logger.exception("the bell of %s could not be rung; the next tick will", name)
