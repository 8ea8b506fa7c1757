"""Living through a database that goes away."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

DATABASE_ERRORS = (OperationalError, InterfaceError)
FIRST_WAIT = 0.25
LONGEST_WAIT = 5.0
# A transaction rolled back for another's sake, a lock or an answer waited for too long: the
# database is there, and the same may go well the next time.
PASSING = {"40001", "40P01", "55P03", "57014"}


def is_away(error: Exception) -> bool:
    """Tell whether one of DATABASE_ERRORS says that the database is away, or can do nothing now."""
    return getattr(error.__cause__, "sqlstate", None) not in PASSING


def is_connected() -> bool:
    """Tell whether the connection stands, as far as is known on this side."""
    return connection.connection is not None and not connection.connection.closed


def wait_after(failures: int, *, first: float = FIRST_WAIT, longest: float = LONGEST_WAIT) -> float:
    """Return the seconds to wait after so many failures in a row: doubling, up to a limit."""
    return min(longest, first * 2 ** min(failures - 1, 30)) if failures else 0.0


class Outage:
    """Runs database work that may fail because the database is away, and paces the next try.

    One log line when it goes, one when it is back. Work that had to give way to somebody else's is
    tried again when the caller next comes by. Errors of other kinds are the caller's.
    """

    def __init__(self, who: str) -> None:
        self._who = who
        self._failures = 0
        self._since = 0.0
        self._next_try = 0.0

    @property
    def is_on(self) -> bool:
        return self._failures > 0

    def must_wait(self) -> bool:
        """Tell whether it is too early to bother the database again."""
        return self.is_on and monotonic() < self._next_try

    def attempt(self, work: Callable[[], Result]) -> Result | None:
        """Return what the work returns, or None while the database is away or it gave way."""
        if self.must_wait():
            return None
        try:
            result = work()
        except DATABASE_ERRORS as error:
            if is_away(error):
                self._failed(error)
            else:
                logger.warning("%s: gave way: %s", self._who, str(error).strip())
                self._worked()
            return None
        self._worked()
        return result

    def _failed(self, error: Exception) -> None:
        connection.close()
        if not self.is_on:
            self._since = monotonic()
            logger.warning("%s: the database is away: %s", self._who, str(error).strip())
        self._failures += 1
        self._next_try = monotonic() + wait_after(self._failures)

    def _worked(self) -> None:
        if self.is_on:
            away = monotonic() - self._since
            logger.warning("%s: the database is back after %.1f s", self._who, away)
        self._failures = 0
