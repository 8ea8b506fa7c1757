"""Telling recipients of alerts: what is due of all of them, as one message each in the outbox.

But a paging service gets several where many are due (`monitoring.alerts.drafts`).
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from uuid import uuid4

from monitoring.alerts.drafts import Part, alerts_said, draft_given_up, drafts_of
from monitoring.alerts.findings import ABSORBED
from monitoring.alerts.gravest import Due, due_of
from monitoring.alerts.item import Item, Reader, Rest
from monitoring.alerts.items import items_of, readers_of
from monitoring.alerts.kinds import Severity
from monitoring.alerts.matchers import in_force_sentence
from monitoring.alerts.models import Alert, Channel, Recipient
from monitoring.alerts.mutes import silences_in_force
from monitoring.alerts.outbox import Draft, messages_queue
from monitoring.alerts.plan import plan_at, spaced
from monitoring.alerts.plan_facts import Episode, Message, Mute, Name, Plan, Target, Waits
from monitoring.alerts.returning import NO_RETURN, Return
from monitoring.alerts.targets import targets_of, waits_of
from monitoring.alerts.told import Pair, Record, mutes_write, notifications_write, places_left
from monitoring.jobs.outage import DATABASE_ERRORS

logger = logging.getLogger(__name__)

# Recipients whose messages are written at once, which bounds what is in memory, and about how many
# in one tick: writing and encrypting takes milliseconds each. Whoever is left is told at the next.
AT_ONCE = 100
A_TICK = 500
ByRecipient = dict[int, list[Message]]


def alerts_tell(
    alerts: Sequence[Alert],
    record: Record,
    now: datetime,
    returns: Mapping[int, Return],
) -> int:
    """Queue what is due of alerts, one message a recipient; return how many messages.

    Of very many recipients those of the gravest alerts come first, the others at the next ticks.
    `record` is what is known of them, and `returns` what came back of those that are over. What is
    kept from somebody is noted with the reason. Runs in the caller's transaction.
    """
    if not alerts:
        return 0
    alerts = sorted(alerts, key=lambda alert: (-alert.severity, alert.began_at, alert.pk))
    plan = planned(alerts, record, now, returns)
    mutes_write(
        [mute for mute in plan.mutes if record.muted.get(pair_of(mute)) != kept_back(mute)], now
    )
    by_id = {alert.pk: alert for alert in alerts}
    told: list[int] = []
    for some, recipients in in_batches(plan.messages):
        if len(told) >= A_TICK:
            break
        told += tell_some(some, recipients, by_id, now)
    note_told(told, now)
    return len(told)


def note_told(recipient_ids: Collection[int], now: datetime) -> None:
    """Note when recipients were told last.

    Digests change the same rows: all who do lock them in the order of their ids.
    """
    rows = Recipient.objects.filter(pk__in=recipient_ids).order_by("pk")
    locked = list(rows.select_for_update(no_key=True).values_list("pk", flat=True))
    if locked:
        Recipient.objects.filter(pk__in=locked).update(told_at=now)


def planned(
    alerts: Sequence[Alert],
    record: Record,
    now: datetime,
    returns: Mapping[int, Return],
) -> Plan:
    """Return what is to be told of alerts, by the waits of each organization.

    An end whose beginning is still in the outbox is not told; that beginning is withdrawn when it
    is its turn (`monitoring.alerts.alert_checks`). Nor is one whose beginning was given up.
    """
    unheard = record.unsent | record.failed
    organization_ids = {alert.organization_id for alert in alerts}
    told_recipients = {int(recipient) for _, recipient in record.told}
    targets = targets_of(organization_ids, now, told_recipients=told_recipients)
    waits = waits_of(organization_ids)
    by_waits: defaultdict[Waits, list[Episode]] = defaultdict(list)
    for alert in alerts:
        episode = episode_of(alert, returns.get(alert.pk, NO_RETURN))
        by_waits[waits[alert.organization_id]].append(episode)
    plans = [
        plan_at(episodes, targets_for(episodes, targets), record.told, now, each, unheard)
        for each, episodes in by_waits.items()
    ]
    places = {alert.pk: place for place, alert in enumerate(alerts)}
    messages = [message for plan in plans for message in plan.messages]
    messages.sort(key=lambda message: places[int(message.episode)])
    return Plan(tuple(messages), tuple(mute for plan in plans for mute in plan.mutes))


def targets_for(
    episodes: Iterable[Episode], targets: Mapping[int | None, Collection[Target]]
) -> dict[int | None, Collection[Target]]:
    """Return the targets of the organizations that episodes are of."""
    return {each.organization_id: targets[each.organization_id] for each in episodes}


def episode_of(alert: Alert, back: Return = NO_RETURN) -> Episode:
    return Episode(
        key=alert.pk,
        organization_id=alert.organization_id,
        kind=alert.kind,
        cause=alert.cause,
        people=alert.people - alert.silenced,
        began_at=alert.began_at,
        ended_at=alert.ended_at,
        severity=Severity(alert.severity),
        silenced=alert.silenced,
        is_absorbed=ABSORBED in alert.facts,
        teams=alert.teams,
        weight=alert.weight,
        flaps=alert.flaps,
        acknowledged_at=alert.acknowledged_at,
        is_part=alert.is_part,
        is_back=back.is_back,
        back_until=back.until,
    )


def pair_of(told: Message | Mute) -> Pair:
    return told.episode, told.recipient


def kept_back(mute: Mute) -> tuple[str, int]:
    return mute.reason, mute.people


def in_batches(messages: Iterable[Message]) -> Iterator[tuple[ByRecipient, dict[int, Recipient]]]:
    """Yield the messages of some recipients at a time, those of an address in one place only."""
    messages = list(messages)
    recipients = recipients_of(messages)
    addresses: dict[Name, str] = {pk: address_of(recipient) for pk, recipient in recipients.items()}
    by_recipient: defaultdict[int, list[Message]] = defaultdict(list)
    for message in spaced(messages, addresses):
        by_recipient[int(message.recipient)].append(message)
    left = iter(by_recipient.items())
    while some := dict(islice(left, AT_ONCE)):
        yield some, recipients


def recipients_of(messages: Iterable[Message]) -> dict[int, Recipient]:
    ids = {int(message.recipient) for message in messages}
    return Recipient.objects.select_related("organization", "user").in_bulk(list(ids))


def address_of(recipient: Recipient) -> str:
    """Return what two recipients may share; a chat or a webhook is one for itself."""
    return recipient.address.lower() if recipient.channel == Channel.MAIL else ""


def tell_some(
    by_recipient: ByRecipient,
    recipients: Mapping[int, Recipient],
    alerts: Mapping[int, Alert],
    now: datetime,
) -> list[int]:
    """Queue the messages of some recipients and note what they tell; return whose each is."""
    messages = [message for theirs in by_recipient.values() for message in theirs]
    due: dict[int, Due] = {
        recipient_id: due_of(theirs, alerts, alerts_said(recipients[recipient_id]))
        for recipient_id, theirs in by_recipient.items()
    }
    said = [message for each in due.values() for message in each.gravest]
    items = items_of(said, now, recipients=recipients)
    readers = with_silences([recipients[recipient_id] for recipient_id in by_recipient], now)
    places = places_left(messages, now)
    drafts: list[Draft] = []
    told: dict[str, list[Pair]] = {}
    for recipient_id, theirs in due.items():
        recipient, reader = recipients[recipient_id], readers[recipient_id]
        full = [items[message.key] for message in theirs.gravest]
        for part in drafted(recipient, full, reader, theirs.rest, now):
            drafts.append(replace(part.draft, in_place_since=places.get(recipient_id)))
            told[part.draft.key] = [
                *((item.alert_id, recipient_id) for item in part.items),
                *map(pair_of, theirs.counted),
            ]
    queued = messages_queue(drafts=drafts, now=now)
    message_ids = {pair: message.pk for message in queued for pair in told[message.key]}
    noted = [message for message in messages if pair_of(message) in message_ids]
    weights = {pk: alert.weight for pk, alert in alerts.items()}
    notifications_write(noted, message_ids, weights, now)
    return [int(told[message.key][0][1]) for message in queued]


def with_silences(recipients: Collection[Recipient], now: datetime) -> dict[int, Reader]:
    """Return the readers that recipients are, with what is muted in their organizations."""
    organizations = {each.organization_id for each in recipients if each.organization_id}
    muted = silences_in_force(organizations, now)
    said = {organization: in_force_sentence(*numbers) for organization, numbers in muted.items()}
    readers = readers_of(recipients)
    return {
        each.pk: replace(readers[each.pk], silences=said.get(each.organization_id or 0, ""))
        for each in recipients
    }


def drafted(
    recipient: Recipient, items: Sequence[Item], reader: Reader, rest: Rest, now: datetime
) -> list[Part]:
    """Return the messages to one recipient; where they can't be written, one that is given up.

    So others need not wait, and an admin sees it.
    """
    key = f"alert/{uuid4()}"
    try:
        return drafts_of(recipient, items, key, now, reader=reader, rest=rest)
    except DATABASE_ERRORS:
        raise
    except Exception as error:
        logger.exception("no message could be written for recipient %s", recipient.pk)
        draft = draft_given_up(recipient, items, key, now, error, reader=reader, rest=rest)
        return [Part(draft, items)]
