"""Deciding, for one event, what follows from both sides and the base they last agreed on.

Who changed is found by comparing with the base, never by clocks. Disjoint edits merge; where both
changed a field to different values, Google's value is kept, whatever the order of arrival.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from syncing.engine.content import FIELDS, Base, EventContent, different_fields
from syncing.engine.fitting import fits_salesforce, for_google, for_salesforce


@dataclass(frozen=True, slots=True)
class Merged:
    """What each side must hold, which fields of it have to be written, and the new base."""

    google: EventContent
    salesforce: EventContent
    google_fields: frozenset[str]
    salesforce_fields: frozenset[str]
    conflicts: int
    unfit: bool

    @property
    def base(self) -> Base:
        return Base(google=self.google, salesforce=self.salesforce)

    @property
    def writes_nothing(self) -> bool:
        return not self.google_fields and not self.salesforce_fields


def merge(base: Base | None, google: EventContent, salesforce: EventContent) -> Merged:
    """Settle two contents of one event. Without a base every difference is a conflict.

    A time that Salesforce can't hold stays as it was on both sides (`unfit`).
    """
    to_salesforce, to_google = for_salesforce(google), for_google(salesforce)
    unfit = not fits_salesforce(google)
    targets_google: dict[str, Any] = {}
    targets_salesforce: dict[str, Any] = {}
    conflicts = 0
    for name in FIELDS:
        if name == "when" and unfit:
            continue
        winner = _winner(name, base, google, salesforce, to_salesforce, to_google)
        conflicts += winner == "conflict"
        if winner == "salesforce":
            targets_google[name] = getattr(to_google, name)
        elif winner in ("google", "conflict"):
            targets_salesforce[name] = getattr(to_salesforce, name)
    new_google = replace(google, **targets_google)
    new_salesforce = replace(salesforce, **targets_salesforce)
    return Merged(
        google=new_google,
        salesforce=new_salesforce,
        google_fields=different_fields(google, new_google),
        salesforce_fields=different_fields(salesforce, new_salesforce),
        conflicts=conflicts,
        unfit=unfit,
    )


def _winner(
    name: str,
    base: Base | None,
    google: EventContent,
    salesforce: EventContent,
    to_salesforce: EventContent,
    to_google: EventContent,
) -> str:
    """Return which side's value of a field goes to the other; "" where nothing has to move."""
    here, there = getattr(google, name), getattr(salesforce, name)
    google_changed = base is None or here != getattr(base.google, name)
    salesforce_changed = base is None or there != getattr(base.salesforce, name)
    if google_changed and salesforce_changed:
        agree = getattr(to_salesforce, name) == there or getattr(to_google, name) == here
        return "" if agree else "conflict"
    if google_changed:
        return "google"
    return "salesforce" if salesforce_changed else ""


def created_in_salesforce(google: EventContent) -> Base:
    """Return the base of a Salesforce copy made from a Google event."""
    return Base(google=google, salesforce=for_salesforce(google))


def created_in_google(salesforce: EventContent, former: Base | None = None) -> Base:
    """Return the base of a Google copy made from a Salesforce event.

    Where a deleted copy is made anew, fields that Salesforce has not changed since come back as
    Google had them: richer than what Salesforce can hold.
    """
    if former is None:
        return Base(google=for_google(salesforce), salesforce=salesforce)
    merged = merge(former, former.google, salesforce)
    return merged.base
