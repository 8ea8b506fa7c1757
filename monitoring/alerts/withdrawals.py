"""Why a message is withdrawn rather than sent, in a sentence for the Outbox. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from monitoring.alerts.plan_facts import Phase
from monitoring.alerts.still_so import Claim, decisive, is_shrunk

NOBODY = "Whoever it is to has left, or wants none any more, so it is not sent."
TOO_OLD = "It is more than a day old, and there is a newer one, so it is not sent."


def why_not(claims: Sequence[Claim]) -> str:
    """Return why a message that says this is not sent; empty where it may be. Pure."""
    claim = decisive(claims)
    if claim is None:
        return ""
    if claim.hours is None:
        return NOBODY
    what = "It" if len(claims) == 1 else "One of its alerts"
    return f"{what} {what_is_wrong(claim)}, so it is not sent."


def what_is_wrong(claim: Claim) -> str:
    """Return what has become of an alert that is not as it was told, in words after it. Pure."""
    if claim.phase == Phase.OVER:
        return "came back"
    if claim.is_over:
        return "is over by now"
    if claim.is_silenced:
        return "is silenced by now"
    if is_shrunk(claim):
        return "is about far fewer people by now"
    return "is acknowledged by now"
