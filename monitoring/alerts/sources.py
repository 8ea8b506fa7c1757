"""What is worth an alert now, from those who know: each source reports all it finds, every tick.

What a source no longer reports is over. A source that fails is as one that was not asked: nothing
of its kinds begins or ends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from monitoring.alerts.findings import Finding
from monitoring.alerts.kinds import AlertKind
from monitoring.jobs.outage import DATABASE_ERRORS

__all__ = ["Finding", "Found", "Source", "found_at", "source_register"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """The findings of all sources, and the kinds of those that answered."""

    findings: tuple[Finding, ...]
    kinds: frozenset[AlertKind]


Source = Callable[[datetime], Iterable[Finding]]

_sources: dict[str, tuple[frozenset[AlertKind], Source]] = {}


def source_register(name: str, kinds: Collection[AlertKind], source: Source) -> None:
    """Have `source(now)` asked at every tick for all there is of its kinds, which no other has.

    Its cost must follow what is wrong, never the number of people. Named twice, the later counts.
    """
    _sources[name] = (frozenset(kinds), source)


def found_at(now: datetime) -> Found:
    """Ask all sources."""
    findings: list[Finding] = []
    answered: set[AlertKind] = set()
    for name, (kinds, source) in _sources.items():
        try:
            # What breaks in the database is rolled back to here, for the sake of the others.
            with transaction.atomic():
                findings += source(now)
        except DATABASE_ERRORS:
            raise
        except Exception:
            logger.exception("the source %r of alerts failed; what it knew stands as it was", name)
        else:
            answered |= kinds
    return Found(tuple(findings), frozenset(answered))
