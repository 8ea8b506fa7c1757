"""Attempt ids: UUIDv7, which begin with their time (RFC 9562, section 5.7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random, SystemRandom
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VERSION = 0x7 << 76
VARIANT = 0x2 << 62
_system = SystemRandom()


def milliseconds_of(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def first_id_at(moment: datetime) -> UUID:
    """Return the lower bound of all ids of a moment."""
    return UUID(int=milliseconds_of(moment) << 80)


def time_of(identifier: UUID) -> datetime:
    """Return the moment that an id, or a bound of ids, begins with."""
    return EPOCH + timedelta(milliseconds=identifier.int >> 80)


def attempt_id_at(moment: datetime, random: Random = _system) -> UUID:
    """Return a new UUIDv7 of a moment; a seeded `random` makes it repeatable."""
    high, low = random.getrandbits(12), random.getrandbits(62)
    return UUID(int=milliseconds_of(moment) << 80 | VERSION | high << 64 | VARIANT | low)
