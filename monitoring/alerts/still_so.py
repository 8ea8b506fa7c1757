"""Whether what a message says of its alerts is still so, and so whether it is sent. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from monitoring.alerts.hours import Hours
from monitoring.alerts.kinds import ABOUT_PEOPLE, EVENTS, Severity
from monitoring.alerts.plan_facts import Phase


class Claim(NamedTuple):
    """What a message says of one alert, and how that stands now.

    `is_acknowledged`: since it was queued; what was acknowledged before was told in spite of that.
    `hours` are the recipient's; None for one who may be sent nothing any more. It says so many
    `people`; of `left` it would be said now, and `fewest` were left when it was withdrawn before
    because they were too few.
    """

    message: int
    phase: str
    kind: str
    severity: int
    is_over: bool
    is_silenced: bool
    is_acknowledged: bool
    is_escalation: bool
    hours: Hours | None
    notification: int = 0
    people: int = 0
    left: int = 0
    fewest: int | None = None


def decisive(claims: Sequence[Claim]) -> Claim | None:
    """Return the first claim for which a message is not sent; None where it may go. Pure.

    Among several alerts one that has healed does no harm: the message says when it was written, and
    an end will be told of it. Else a message of many would be withdrawn again and again while it
    waits. But what its subject names must be so, and so must all that is critical, and every end.
    """
    for place, claim in enumerate(claims):
        if (place == 0 or matters(claim)) and not is_right(claim):
            return claim
    return None


def matters(claim: Claim) -> bool:
    """Tell whether it must not be told where it is wrong. Pure."""
    is_grave = claim.severity >= Severity.CRITICAL or claim.phase == Phase.OVER
    return claim.hours is None or is_grave


def is_right(claim: Claim) -> bool:
    """Tell whether what a message says of an alert is still so, and still wanted. Pure."""
    if claim.hours is None:
        return False
    if claim.phase == Phase.OVER:
        return claim.is_over
    if claim.kind in EVENTS:
        return True
    is_answered = claim.phase == Phase.REMINDER or claim.is_escalation
    if claim.is_acknowledged and is_answered:
        return False
    return not (claim.is_over or claim.is_silenced or is_shrunk(claim))


def is_shrunk(claim: Claim) -> bool:
    """Tell whether half of the people that a message says, or fewer, are left. Pure.

    Written anew for that, it is half of those who were left then: else a number that falls and
    rises would have it written for ever. An end says how many there were, and an incident whom it
    ever hit: of those only a silence takes any away.
    """
    if claim.kind not in ABOUT_PEOPLE or claim.phase == Phase.OVER or not claim.people:
        return False
    said = claim.people if claim.fewest is None else min(claim.people, claim.fewest)
    return 2 * claim.left <= said
