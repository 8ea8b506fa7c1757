"""How fast a bulk sync goes on. Pure; durations are seconds.

The providers of an organization see a steady stream: `per_second` people start a second, whatever
number of actions is under way and however often somebody comes by to queue the next.
"""

from __future__ import annotations


def start_offsets(count: int, last_start: float | None, per_second: float) -> list[float]:
    """Return in how many seconds each of the next people starts, evenly spaced.

    `last_start` says in how many seconds the last of those starts who wait for their start.
    """
    step = 1 / per_second
    first = 0.0 if last_start is None else max(last_start + step, 0.0)
    return [first + step * place for place in range(count)]
