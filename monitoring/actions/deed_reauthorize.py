"""Re-authorize: get the people's accesses anew, by the organization's apps or by asking them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q

from accounts.access import Access
from accounts.models import Provider
from monitoring.actions.access_conditions import (
    abilities,
    credentials_of,
    held_back,
    is_invited,
    needs_any,
)
from monitoring.actions.deeds import ActionRefusedError, Manner, Result
from monitoring.actions.models import Action, ActionPerson, Kind
from monitoring.actions.parameters import text_of
from monitoring.actions.reauthorization import Method, asked_for, minted_for
from monitoring.actions.reauthorizing import reauthorize

LONGEST_MESSAGE = 1_000


class ReauthorizeDeed:
    kind = Kind.REAUTHORIZE
    manner = Manner.NETWORK
    reversible = False
    slice = 1

    def clean(self, given: Mapping[str, Any], *, access: Access, now: datetime) -> dict[str, Any]:
        """Keep the way and the message, and what the organization's apps can do at this time."""
        method, message = text_of(given, "method"), text_of(given, "message")
        if method not in list(Method):
            raise ActionRefusedError("Choose how access is to be got.", "method")
        if len(message) > LONGEST_MESSAGE:
            sentence = f"A message may have {LONGEST_MESSAGE:,} characters."
            raise ActionRefusedError(sentence, "message")
        acts, asks = abilities(credentials_of(access.organization))
        return {
            "method": method,
            "message": message,
            "acts": sorted(acts),
            "asks": sorted(asks),
        }

    def left_out(self, parameters: Mapping[str, Any], now: datetime) -> list[tuple[str, Q]]:
        """The same reasons, in the same order, as `reauthorization_of`."""
        method = Method(parameters["method"])
        acts, asks = frozenset(parameters["acts"]), frozenset(parameters["asks"])
        asked = asked_for(method, acts, asks)
        not_minted = ~needs_any(minted_for(method, acts))
        return [
            ("in_order", ~needs_any(Provider.values)),
            ("no_app", not_minted & ~needs_any(asked)),
            ("invited_already", not_minted & is_invited()),
            ("in_incident", not_minted & held_back(asked)),
        ]

    def do(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        return {one.person_id: reauthorize(action, one.person_id, now) for one in people}

    def undo(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        raise NotImplementedError("An access that was given stays.")
