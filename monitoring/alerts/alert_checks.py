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

from django.db.models import Max, Q
from django.db.models.functions import Now

from monitoring.alerts.drafts import KIND
from monitoring.alerts.hours import Hours, may_be_told, next_awake
from monitoring.alerts.last_checks import Decision, Leave, Withdrawal
from monitoring.alerts.models import Alert, Channel, Message, MessageState, Notification
from monitoring.alerts.plan import end_due_at
from monitoring.alerts.plan_facts import Phase, Waits
from monitoring.alerts.recipients import hours_by
from monitoring.alerts.returning import returns_of
from monitoring.alerts.still_so import Claim, is_shrunk
from monitoring.alerts.targets import waits_of
from monitoring.alerts.telling import episode_of
from monitoring.alerts.told import notifications_note_fewest
from monitoring.alerts.withdrawals import why_not

PACE = timedelta(seconds=Waits().pace)
A_DAY = timedelta(days=1)


def alerts_check(messages: Sequence[Message], now: datetime) -> dict[int, Decision]:
    """Decide which of these alerts are sent now, wait for hours or pace, or are withdrawn.

    Of what is withdrawn it is noted where too few people were left, in the caller's transaction.
    """
    claims = claims_of(messages, now)
    decided: dict[int, Decision] = {}
    for message in messages:
        if reason := why_not(claims[message.pk]):
            decided[message.pk] = Withdrawal(reason)
        elif until := asleep_until(claims[message.pk], now):
            decided[message.pk] = until
    gone = [claims[pk] for pk, decision in decided.items() if isinstance(decision, Withdrawal)]
    if left := left_of(chain.from_iterable(gone)):
        notifications_note_fewest(left=left)
    awake = [message for message in messages if message.pk not in decided]
    return decided | paced(awake, sent_lately(awake, now), now)


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
