"""What is worth an alert now, from those who know: each source reports all it finds, every tick.

What a source no longer reports is over. A source that fails, if only because it waited for a lock
for too long, is as one that was not asked: nothing of its kinds begins or ends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from monitoring.alerts.findings import Finding
from monitoring.alerts.kinds import AlertKind
from monitoring.jobs.outage import DATABASE_ERRORS, is_away

__all__ = ["Finding", "Found", "Source", "found_at", "source_register"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """The findings of sources, the kinds of those that answered, and the names of the others."""

    findings: tuple[Finding, ...]
    kinds: frozenset[AlertKind]
    failed: tuple[str, ...] = ()


Source = Callable[[datetime], Iterable[Finding]]

_sources: dict[str, tuple[frozenset[AlertKind], Source]] = {}


def source_register(name: str, kinds: Collection[AlertKind], source: Source) -> None:
    """Have `source(now)` asked at every tick for all there is of its kinds, which no other has.

    Its cost must follow what is wrong, never the number of people. Named twice, the later counts.
    """
    _sources[name] = (frozenset(kinds), source)


def found_at(now: datetime, kinds: Collection[AlertKind] = tuple(AlertKind)) -> Found:
    """Ask all sources, or those of some kinds.

    Raises OperationalError or InterfaceError only when the database goes away.
    """
    findings: list[Finding] = []
    answered: set[AlertKind] = set()
    failed: list[str] = []
    for name, (theirs, source) in _sources.items():
        if not theirs.intersection(kinds):
            continue
        try:
            # What breaks in the database is rolled back to here, for the sake of the others.
            with transaction.atomic():
                findings += source(now)
        except Exception as error:
            if isinstance(error, DATABASE_ERRORS) and is_away(error):
                raise
            logger.exception("the source %r of alerts failed; what it knew stands as it was", name)
            failed.append(name)
        else:
            answered |= theirs
    return Found(tuple(findings), frozenset(answered), tuple(failed))
