"""Why a message is withdrawn rather than sent, in a sentence for the Outbox.

Asked of messages that their checks withdrew just now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from monitoring.alerts.alert_checks import Claim, claims_of, is_right, is_shrunk, matters
from monitoring.alerts.models import Digest, Message
from monitoring.alerts.plan_facts import Phase
from monitoring.alerts.recipient_checks import recipients_in

NOBODY = "Whoever it is to has left, or wants none any more, so it is not sent."
TOO_OLD = "It is more than a day old, and there is a newer one, so it is not sent."


def alerts_why(messages: Sequence[Message], now: datetime) -> Mapping[int, str]:
    claims = claims_of(messages, now)
    return {message.pk: why_not(claims[message.pk]) for message in messages}


def digests_why(messages: Sequence[Message], now: datetime) -> Mapping[int, str]:
    whose, there = recipients_in(messages)
    return {
        key: TOO_OLD if there.get(recipient, Digest.NEVER) != Digest.NEVER else NOBODY
        for key, recipient in whose.items()
    }


def trials_why(messages: Sequence[Message], now: datetime) -> Mapping[int, str]:
    return dict.fromkeys([message.pk for message in messages], NOBODY)


def why_not(claims: Sequence[Claim]) -> str:
    """Return why a message that says this is not sent; empty where nothing in it is wrong. Pure."""
    wrong = [claim for claim in claims if is_wrong(claim)]
    decisive = [claim for claim in wrong if claim is claims[0] or matters(claim)]
    for claim in [*decisive, *wrong]:
        if claim.hours is None:
            return NOBODY
        what = "It" if len(claims) == 1 else "One of its alerts"
        return f"{what} {what_is_wrong(claim)}, so it is not sent."
    return ""


def is_wrong(claim: Claim) -> bool:
    """Tell whether it is not as it says, also where a check has noted how few are left. Pure."""
    return not is_right(claim._replace(fewest=None))


def what_is_wrong(claim: Claim) -> str:
    """Return what has become of an alert, in words that follow it. Pure."""
    if claim.phase == Phase.OVER:
        return "came back"
    if claim.is_over:
        return "is over by now"
    if claim.is_silenced:
        return "is silenced by now"
    if is_shrunk(claim._replace(fewest=None)):
        return "is about far fewer people by now"
    return "is acknowledged by now"
