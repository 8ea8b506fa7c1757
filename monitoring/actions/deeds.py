"""What an action can do to people: one deed for each kind, all of the same shape.

A deed decides in SQL who is left out and why, and does its work for a slice of people at a time,
each of whom gets exactly one result. `monitoring.actions.running` calls it; nobody else does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Protocol
from uuid import UUID

from django.db.models import Q

from accounts.access import Access
from monitoring.actions.models import Action, ActionPerson, Kind, PersonState


class ActionRefusedError(Exception):
    """An action that can't be taken so; the message is a sentence for the admin.

    `field` names the parameter at fault, "" if none is.
    """

    def __init__(self, sentence: str, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


class Manner(Enum):
    """How a deed gets to its results."""

    AT_ONCE = "a slice is done and written in one transaction"
    PACED = "a slice puts jobs into the queue; their outcomes bring the results"
    NETWORK = "each person is claimed, asked for over the network, and written; fenced by a token"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one person. `former` is what an undo needs; None where there is nothing to."""

    state: PersonState
    code: str = ""
    detail: str = ""
    former: dict[str, Any] | None = None
    attempt_id: UUID | None = None


class Deed(Protocol):
    """One kind of action."""

    kind: Kind
    manner: Manner
    reversible: bool
    # How many people a slice has at most.
    slice: int

    def clean(self, given: Mapping[str, Any], *, access: Access, now: datetime) -> dict[str, Any]:
        """Return what was typed as parameters that JSON can hold. Raises ActionRefusedError."""

    def left_out(self, parameters: Mapping[str, Any], now: datetime) -> list[tuple[str, Q]]:
        """Return, for a query of Health, the conditions on which somebody is left out, by code.

        The first that holds is the reason.
        """

    def do(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        """Do it; return a result for each of `people`, by person id.

        Called in a transaction, and again where it did not commit; for NETWORK without one, and
        perhaps more than once for a person.
        """

    def undo(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        """Restore what `former` says of people of an action, unless it was changed since.

        `action` is the undo, `people` those of the action undone. Called in a transaction.
        """
