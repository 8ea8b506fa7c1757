"""Deeds that are held up in the middle of their work as long as a file is there."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from monitoring.actions.deed_hold import HoldDeed
from monitoring.actions.deeds import Manner, Result
from monitoring.actions.models import Action, ActionPerson, PersonState
from tests.monitoring.actions.fake_deed import FakeDeed


def is_held_up(action: Action) -> bool:
    """Tell whether to wait: not before the action has got somewhere."""
    begun = ActionPerson.objects.filter(action=action, state=PersonState.DONE).exists()
    return begun and Path(os.environ["FAKE_PASS_WHILE"]).exists()


class SlowHoldDeed(HoldDeed):
    """Goes on meanwhile, but slowly: the same worker has other actions to be held up in."""

    slice = 20

    def do(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        results = super().do(action, people, now)
        if is_held_up(action):
            time.sleep(1)
        return results


class SlowReauthorizeDeed(FakeDeed):
    def __init__(self) -> None:
        super().__init__(Manner.NETWORK)

    def do(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        while is_held_up(action):
            time.sleep(0.02)
        return super().do(action, people, now)
