"""The one step that helps the people of a cause, and where it begins. Pure."""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import urlencode

from django.urls import reverse

from monitoring.actions.models import Kind
from monitoring.alerts.number_words import people_of
from monitoring.errors.rules import Interpretation


class Help(StrEnum):
    """SYNC and REAUTHORIZE are actions; with MEND something else is put right before a sync.

    MEND_ELSEWHERE is that alone, for people whom another engine syncs.
    READ is for an error that nobody understands yet; with NOTHING, nobody at the console can help.
    """

    SYNC = "sync"
    REAUTHORIZE = "reauthorize"
    MEND = "mend"
    MEND_ELSEWHERE = "mend_elsewhere"
    READ = "read"
    NOTHING = "nothing"


BY_CAUSE = {"unrecognised": Help.READ, "incident": Help.NOTHING, "held": Help.NOTHING}
BY_CLASS = {
    Interpretation.NEEDS_USER: Help.REAUTHORIZE,
    Interpretation.NEEDS_ADMIN: Help.MEND,
    Interpretation.RECORD: Help.MEND,
    Interpretation.CLIENT_BUG: Help.NOTHING,
}
KINDS = {Help.SYNC: Kind.SYNC, Help.REAUTHORIZE: Kind.REAUTHORIZE, Help.MEND: Kind.SYNC}


# What is left where no run can be asked for, because another engine syncs all of them.
ELSEWHERE = {Help.SYNC: Help.NOTHING, Help.MEND: Help.MEND_ELSEWHERE}


def help_for(cause: str, interpretation: Interpretation | None, *, any_here: bool = True) -> Help:
    """Return what helps people who need attention for a cause.

    `interpretation` is that of the rule whose id the cause is, None for a cause that is no rule;
    `any_here` tells whether any of the people is synced here and not by another engine.
    """
    known = BY_CAUSE.get(cause)
    if known is None and interpretation is not None:
        known = BY_CLASS.get(interpretation)
    helps = known or Help.SYNC
    return helps if any_here else ELSEWHERE.get(helps, helps)


def help_words(step: Help, people: int) -> str:
    """Return what the button or link says; three dots where a preview comes first."""
    who = people_of(people)
    return {
        Help.SYNC: f"Sync {who}\N{HORIZONTAL ELLIPSIS}",
        Help.REAUTHORIZE: f"Re-authorize {who}\N{HORIZONTAL ELLIPSIS}",
        Help.MEND: f"Then sync {who}\N{HORIZONTAL ELLIPSIS}",
        Help.MEND_ELSEWHERE: "",
        Help.READ: "Read the errors",
        Help.NOTHING: "",
    }[step]


def help_address(step: Help, slug: str, cause: str) -> str:
    """Return where the step begins, for everybody who needs attention for the cause."""
    if step in KINDS:
        return f"{reverse('action_new', args=[slug])}?{urlencode(help_fields(step, cause))}"
    return reverse("errors", args=[slug]) if step is Help.READ else ""


def help_fields(step: Help, cause: str) -> dict[str, str]:
    """Return what the action of a step is told: its kind and whom it is for."""
    them = urlencode({"status": "stalled", "cause": cause})
    return {"kind": KINDS[step].value, "scope": "filter", "filter": them}
