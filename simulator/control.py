"""`/control/…`: the simulator's own JSON endpoint, to edit the world and plan faults."""

from __future__ import annotations

from simulator.dispatch import Simulator
from simulator.messages import Answer, Call


def answer(simulator: Simulator, call: Call) -> Answer:
    return Answer.of_json({"healthy": True})
