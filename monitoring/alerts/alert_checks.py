"""Whether an alert is still right to send when it is its turn.

A message may wait for a mail server for hours. Where something has become untrue that matters it is
withdrawn as a whole, and the next tick plans anew what is left of it. It is also here that nobody
gets two alerts within a minute, nor one in their quiet hours, however long they have waited.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import NamedTuple

from django.db.models import Max, Q
from django.db.models.functions import Now

from monitoring.alerts.drafts import KIND
from monitoring.alerts.hours import Hours, may_be_told, next_awake
from monitoring.alerts.kinds import ABOUT_PEOPLE, EVENTS, Severity
from monitoring.alerts.last_checks import Decision, Leave
from monitoring.alerts.models import Alert, Channel, Message, MessageState, Notification
from monitoring.alerts.plan import end_due_at
from monitoring.alerts.plan_facts import Phase, Waits
from monitoring.alerts.recipients import hours_by
from monitoring.alerts.returning import returns_of
from monitoring.alerts.targets import waits_of
from monitoring.alerts.telling import episode_of
from monitoring.alerts.told import notifications_note_fewest

PACE = timedelta(seconds=Waits().pace)
A_DAY = timedelta(days=1)


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


def alerts_check(messages: Sequence[Message], now: datetime) -> dict[int, Decision]:
    """Decide which of these alerts are sent now, wait for hours or pace, or are withdrawn.

    Of what is withdrawn it is noted where too few people were left, in the caller's transaction.
    """
    claims = claims_of(messages, now)
    kept = [message for message in messages if is_worth_sending(claims[message.pk])]
    decided: dict[int, Decision] = {message.pk: Leave.WITHDRAW for message in messages}
    for message in kept:
        if until := asleep_until(claims[message.pk], now):
            decided[message.pk] = until
    awake = [message for message in kept if decided[message.pk] == Leave.WITHDRAW]
    decided |= paced(awake, sent_lately(awake, now), now)
    gone = [claims[pk] for pk, decision in decided.items() if decision == Leave.WITHDRAW]
    if left := left_of(chain.from_iterable(gone)):
        notifications_note_fewest(left=left)
    return decided


def left_of(withdrawn: Iterable[Claim]) -> dict[int, int]:
    """Return how many people are left of claims that shrank, by notification. Pure.

    Where nobody is left it is never told, so that need not be known.
    """
    return {each.notification: each.left for each in withdrawn if each.left and is_shrunk(each)}


def claims_of(messages: Iterable[Message], now: datetime) -> defaultdict[int, list[Claim]]:
    """Return what the messages say, each message's as it tells them, in two statements.

    Two more where they tell of ends. Of one sent by hand nothing is known.
    """
    rows = Notification.objects.filter(message__in=[each.pk for each in messages])
    claims: defaultdict[int, list[Claim]] = defaultdict(list)
    told = sorted(rows.select_related("alert", "route"), key=place_in_message)
    hours = hours_by({each.recipient_id for each in told})
    back = still_back([each.alert for each in told if each.phase == Phase.OVER], now)
    for each in told:
        is_back = each.alert_id in back
        claims[each.message_id or 0].append(claim_of(each, hours.get(each.recipient_id), is_back))
    return claims


def still_back(alerts: Collection[Alert], now: datetime) -> set[int]:
    """Return which alerts that are over are not to be told so now: they came back, or just did."""
    returns = returns_of(alerts)
    if not returns:
        return set()
    waits = waits_of({alert.organization_id for alert in alerts})
    due = {
        alert.pk: end_due_at(episode_of(alert, returns[alert.pk]), waits[alert.organization_id])
        for alert in alerts
        if alert.pk in returns
    }
    return {pk for pk, due_at in due.items() if due_at is None or now < due_at}


def claim_of(told: Notification, hours: Hours | None, is_back: bool = False) -> Claim:
    """Return what a message says of one alert; its alert and route are read.

    What is back, or was a moment ago, is not over.
    """
    alert = told.alert
    return Claim(
        message=told.message_id or 0,
        phase=told.phase,
        kind=alert.kind,
        severity=alert.severity,
        is_over=alert.ended_at is not None and not is_back,
        is_silenced=0 < alert.people <= alert.silenced,
        is_acknowledged=alert.acknowledged_at is not None and alert.acknowledged_at >= told.at,
        is_escalation=told.route is not None and told.route.after > 0,
        hours=hours,
        notification=told.pk,
        people=told.people,
        left=episode_of(alert).people_in(told.teams),
        fewest=told.fewest,
    )


def place_in_message(notification: Notification) -> tuple[bool, int, int, datetime, int]:
    """Return what the alerts of a message are ordered by (`monitoring.alerts.letters`)."""
    alert, is_over = notification.alert, notification.phase == Phase.OVER
    return is_over, -alert.severity, -notification.people, alert.began_at, alert.pk


def is_worth_sending(claims: Sequence[Claim]) -> bool:
    """Tell whether a message may go although not all it tells is so any more. Pure.

    Among several alerts one that has healed does no harm: the message says when it was written, and
    an end will be told of it. Else a message of many would be withdrawn again and again while it
    waits. But what its subject names must be so, and so must all that is critical, and every end.
    """
    wrong = [claim for claim in claims if not is_right(claim)]
    if not wrong:
        return True
    return claims[0] not in wrong and not any(map(matters, wrong))


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


def asleep_until(claims: Sequence[Claim], now: datetime) -> datetime | None:
    """Return when whoever gets this message is awake, None where it may be sent now. Pure.

    All claims of a message are to one recipient. An hour of theirs that never comes is asked for
    again tomorrow: they may change it.
    """
    hours = claims[0].hours if claims else None
    gravest = max((claim.severity for claim in claims), default=0)
    if hours is None or may_be_told(hours, gravest, now):
        return None
    return next_awake(hours, now) or now + A_DAY


def sent_lately(messages: Collection[Message], now: datetime) -> dict[str, datetime]:
    """Return when the addresses of messages were sent an alert, within the pace, by place.

    What another sender has in hand counts as sent now.
    """
    mails = {each.recipient for each in messages if each.channel == Channel.MAIL}
    targets = {each.target_id for each in messages if each.channel != Channel.MAIL}
    alerts = Message.objects.filter(
        Q(channel=Channel.MAIL, recipient__in=mails) | Q(target__in=targets - {None}), kind=KIND
    )
    ours = [each.pk for each in messages]
    sent = alerts.filter(state=MessageState.SENT, sent_at__gt=now - PACE)
    in_hand = alerts.filter(state=MessageState.SENDING, lease_until__gt=Now()).exclude(pk__in=ours)
    lately: dict[str, datetime] = {}
    for channel, recipient, target, at in [
        *sent.values_list("channel", "recipient", "target").annotate(at=Max("sent_at")),
        *((*each, now) for each in in_hand.values_list("channel", "recipient", "target")),
    ]:
        place = place_of(channel, recipient, target)
        lately[place] = max(at, lately.get(place, at))
    return lately


def place_of(channel: str, recipient: str, target: int | None) -> str:
    """Return what stands for whoever gets a message."""
    return recipient.lower() if channel == Channel.MAIL else f"{channel} {target}"


def paced(
    messages: Iterable[Message], lately: Mapping[str, datetime], now: datetime
) -> dict[int, Decision]:
    """Let go one message to each place that got none within the pace; the others wait. Pure."""
    decided: dict[int, Decision] = {}
    last = dict(lately)
    for message in sorted(messages, key=lambda each: (each.created_at, each.pk)):
        place = place_of(message.channel, message.recipient, message.target_id)
        if place in last:
            decided[message.pk] = last[place] + PACE
        else:
            decided[message.pk] = Leave.SEND
            last[place] = now
    return decided
