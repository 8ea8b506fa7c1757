"""What the codes of results mean: why somebody is left out, skipped or failed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from monitoring.actions.models import Kind, PersonState
from monitoring.actions.refusal_places import CASES
from monitoring.health.causes import Explanation, explanation_of

if TYPE_CHECKING:
    from monitoring.actions.reading import LeftOutGroup

# Why somebody is left out of an action, by kind; what any kind may say stands under "".
LEFT_OUT: Mapping[str, Mapping[str, str]] = {
    "": {
        "held": "Syncing is switched off for them. Release them first.",
        "not_connected": "Google and Salesforce are not both connected, so there is nothing to do.",
        "elsewhere": "Another engine syncs them and reports here. Ask for a run there.",
        "told_to_wait": "A provider told us to wait with them. They sync when that time is over.",
        "held_already": "An admin's hold that lasts as long or longer is active already.",
        "not_held": "They are not held.",
        "held_by_other": "Only the person or the off-boarding feed holds them.",
        "same_interval": "They have this interval already.",
        "silenced_already": "A silence that ends then or later is active already.",
        "in_order": "Their access is in order.",
        "no_app": "The organization has no access of its own by which to act for them.",
        "in_incident": "An incident hits them. Nobody is asked to re-authorize while it lasts.",
        "invited_already": "A link they have not used yet is open already.",
    }
}

# What else is to be said of somebody for whom it went well.
DONE = {
    "held_by_other": "Still held, by the person or the off-boarding feed",
}
REFUSALS = {case.code: case.title for case in CASES} | {
    "temporary": "The provider could not be asked just now",
    "not_recognised": "The provider gave no access, and no reason that is known here",
}
CODES = {
    "called_off": "The run was called off before it began",
    "changed_since": "Changed by somebody else since",
    "ended_meanwhile": "The end was past before its turn came",
    "lifted_already": "Taken out of the silence by somebody else since",
    "released_already": "Released by somebody else since",
    "held_again": "Held by somebody else since",
    "broken": "Something went wrong on our side; it is in the log of whoever runs the service",
    "gone": "No longer there",
    "success": "",
    "partial": "Synced in part",
}


def left_out_words(kind: str, code: str) -> str:
    """Return why somebody is left out, as a sentence."""
    own = LEFT_OUT.get(kind, {})
    return own.get(code) or LEFT_OUT[""].get(code) or f"Not possible for them ({spelled(code)})."


def code_words(
    kind: str, state: int, code: str, detail: str, rules: Mapping[str, Explanation]
) -> str:
    """Return why the result of one person is what it is; empty where the result says it all.

    A detail says more than its code does, which then needs no words of its own.
    """
    if PersonState(state) == PersonState.LEFT_OUT:
        return left_out_words(kind, code)
    said = DONE.get(code) if PersonState(state) == PersonState.DONE else None
    said = CODES.get(code) if said is None else said
    if said is None:
        said = "" if detail or not code else reason_words(kind, state, code, rules)
    parts = [part.rstrip(".") for part in (said, detail) if part]
    return ". ".join(parts)


def reason_words(kind: str, state: int, code: str, rules: Mapping[str, Explanation]) -> str:
    """Return what a code means that names a rule, a refusal, or why somebody is left out."""
    if kind == Kind.SYNC and PersonState(state) == PersonState.FAILED:
        return explanation_of(code, rules).title
    known = LEFT_OUT.get(kind, {}).get(code) or LEFT_OUT[""].get(code) or REFUSALS.get(code)
    return known or (rules[code].title if code in rules else spelled(code))


def spelled(code: str) -> str:
    """Return a code that has no words of its own as something to be read."""
    said = code.replace("_", " ").replace("-", " ")
    return said[:1].upper() + said[1:]


GIVEN = {
    "restored": "restored",
    "invited": "asked for by mail",
    "restored_and_invited": "restored at one side and asked for by mail at the other",
}


def access_given(groups: Sequence[LeftOutGroup]) -> str:
    """Return how those stand for whom re-authorizing went well: "3 restored, 1 asked for"."""
    parts = [f"{group.people:,} {GIVEN.get(group.code, spelled(group.code))}" for group in groups]
    return ", ".join(parts)
