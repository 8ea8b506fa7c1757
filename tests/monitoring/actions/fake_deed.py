"""A deed that does what the test says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q

from accounts.access import Access
from monitoring.actions.deeds import Manner, Result
from monitoring.actions.models import Action, ActionPerson, Kind, PersonState

DONE = Result(PersonState.DONE)


class FakeDeed:
    """Does each person by a function of their id. Stands in for re-authorizing."""

    kind = Kind.REAUTHORIZE
    reversible = False

    def __init__(
        self,
        manner: Manner = Manner.AT_ONCE,
        do: Callable[[int], Result] = lambda person_id: DONE,
        size: int = 5,
    ) -> None:
        self.manner, self.slice, self.one = manner, size, do
        self.asked: list[int] = []

    def clean(self, given: Mapping[str, Any], *, access: Access, now: datetime) -> dict[str, Any]:
        return {}

    def left_out(self, parameters: Mapping[str, Any], now: datetime) -> list[tuple[str, Q]]:
        return []

    def do(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        self.asked += [one.person_id for one in people]
        return {one.person_id: self.one(one.person_id) for one in people}

    def undo(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        raise NotImplementedError
