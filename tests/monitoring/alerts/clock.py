"""A clock that tests set: the minutes after NOW by which senders go."""

from __future__ import annotations


class Clock:
    minute: float = 0.0
