"""What else the tick does: steps of capabilities above the jobs, which name them at start-up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

Step = Callable[[datetime], None]

_steps: dict[str, Step] = {}


def step_register(name: str, step: Step) -> None:
    """Have every tick call `step(now)` after its own steps. Named twice, the later one counts.

    It is called in no transaction, by one tick at a time as a rule, and by two now and then; what
    it raises is logged, and the other steps go on. Its cost must follow what is due.
    """
    _steps[name] = step


def steps_registered() -> dict[str, Step]:
    return dict(_steps)
