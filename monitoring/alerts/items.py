"""Loading what messages say: from the messages of a plan to their items, and to their readers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Max

from accounts.access import zone_of
from accounts.models import Member, StaffTimeZone
from monitoring.alerts.alert_causes import explained
from monitoring.alerts.alert_links import (
    alert_link,
    alerts_link,
    people_link,
    person_link,
    settings_link,
)
from monitoring.alerts.in_hand import is_in_hand
from monitoring.alerts.item import Item, Reader
from monitoring.alerts.item_people import Asked, Named, named_of
from monitoring.alerts.kinds import ABOUT_HEALTH, EVENTS, AlertKind, Severity
from monitoring.alerts.mail_threads import first_mails
from monitoring.alerts.models import Alert, Channel, Notification, Recipient, Route
from monitoring.alerts.plan_facts import Message, Name, Phase
from monitoring.alerts.recipients import who_may_change
from monitoring.alerts.tickets import acknowledge_link, unsubscribe_link
from monitoring.errors.interpretation import built_in_rules
from monitoring.errors.rulebook import rule_sets_of
from monitoring.health.causes import Explanation, words_of

Key = tuple[Name, Name, Phase, int]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the items of many messages are made of, by the ids of alerts and routes.

    `acknowledging` are the recipients who may acknowledge.
    """

    alerts: Mapping[int, Alert]
    routes: Mapping[int, Route]
    rules: Mapping[int | None, Mapping[str, Explanation]]
    named: Mapping[tuple[int, tuple[str, ...]], Named]
    told: Mapping[tuple[int, int], int]
    acknowledging: Collection[int]
    first_mails: Mapping[tuple[int, int], str]
    now: datetime


def items_of(
    messages: Sequence[Message], now: datetime, *, recipients: Mapping[int, Recipient]
) -> dict[Key, Item]:
    """Return what each message says, by its key; its episode and recipient are ids of rows.

    Half a dozen statements, whatever the number of messages. `recipients` are those of the
    messages, by id.
    """
    loaded = loaded_for(messages, now)
    return {each.key: item_of(each, loaded, recipients) for each in messages}


def loaded_for(messages: Sequence[Message], now: datetime) -> Loaded:
    ids = {int(each.episode) for each in messages}
    alerts = Alert.objects.select_related("organization").in_bulk(ids)
    routes = Route.objects.in_bulk({each.route for each in messages if each.route is not None})
    acknowledging = who_may_change({int(each.recipient) for each in messages})
    rules, told = rules_of(alerts.values()), told_of(messages)
    pairs = {
        (int(each.episode), ordered(each.teams)) for each in messages if each.phase != Phase.OVER
    }
    named = named_by(pairs, alerts, now)
    return Loaded(alerts, routes, rules, named, told, acknowledging, first_mails(messages), now)


def ordered(teams: Collection[str]) -> tuple[str, ...]:
    """Return teams so that the same ones are the same."""
    return tuple(sorted(teams))


def rules_of(alerts: Collection[Alert]) -> dict[int | None, Mapping[str, Explanation]]:
    """Return the words of the rules in force for each organization, and those for the service."""
    organizations = {each.organization_id for each in alerts if each.organization_id is not None}
    sets = rule_sets_of(organizations)
    return {None: words_of(built_in_rules())} | {
        key: words_of(rules) for key, rules in sets.items()
    }


def told_of(messages: Sequence[Message]) -> dict[tuple[int, int], int]:
    """Return the most people that each recipient was told of, for the messages of an end."""
    over = [each for each in messages if each.phase == Phase.OVER]
    if not over:
        return {}
    told = Notification.objects.filter(
        alert__in={int(each.episode) for each in over},
        recipient__in={int(each.recipient) for each in over},
    )
    most = told.order_by().values_list("alert", "recipient").annotate(Max("people"))
    return {(alert, recipient): people for alert, recipient, people in most}


def named_by(
    pairs: Collection[tuple[int, tuple[str, ...]]], alerts: Mapping[int, Alert], now: datetime
) -> dict[tuple[int, tuple[str, ...]], Named]:
    """Return the first people of each alert, as far as they are of those teams."""
    in_turn = list(pairs)
    asked = [
        Asked(key, alert.organization_id, alert.cause, alert.incident_id, teams)
        for key, (alert_id, teams) in enumerate(in_turn)
        if (alert := alerts[alert_id]).kind in ABOUT_HEALTH or alert.kind == AlertKind.INCIDENT
    ]
    found = named_of(asked, now)
    return {in_turn[key]: named for key, named in found.items()}


def item_of(message: Message, loaded: Loaded, recipients: Mapping[int, Recipient]) -> Item:
    alert, recipient = loaded.alerts[int(message.episode)], recipients[int(message.recipient)]
    teams, route = ordered(message.teams), loaded.routes.get(message.route or 0)
    item = item_told(
        message,
        alert,
        loaded.rules[alert.organization_id],
        teams=teams,
        named=loaded.named.get((alert.pk, teams), Named()),
        most_told=loaded.told.get((alert.pk, recipient.pk), 0),
        is_late=bool(route and route.after),
    )
    is_waiting = waits_for_somebody(alert, message.phase, loaded.now)
    may_acknowledge = is_waiting and recipient.pk in loaded.acknowledging
    return replace(
        item,
        acknowledge_link=acknowledge_link(alert.pk, recipient.pk) if may_acknowledge else "",
        first_mail=loaded.first_mails.get((alert.pk, recipient.pk), ""),
    )


def item_told(
    message: Message,
    alert: Alert,
    rules: Mapping[str, Explanation],
    *,
    teams: Collection[str],
    named: Named,
    most_told: int,
    is_late: bool,
) -> Item:
    """Return what a message says of an alert, which need not be stored; asks no database.

    `named` are the first of its people, as far as they are of `teams`, `most_told` the most that
    the recipient was told of. `is_late` is what comes by a route with a delay. Nothing is there to
    acknowledge it by.
    """
    is_over = message.phase == Phase.OVER
    is_one = message.people == 1 and named.first is not None and alert.kind in ABOUT_HEALTH
    return replace(
        plain_item(alert, message.phase, rules),
        people=max(most_told, message.people) if is_over else message.people,
        number=message.number,
        names=tuple(named.names),
        missing_since=named.missing_since,
        people_link=person_link(alert, named.first) if is_one else people_link(alert, teams),
        is_one=is_one,
        is_escalated=is_late and message.phase == Phase.OPENED,
    )


def waits_for_somebody(alert: Alert, phase: Phase, now: datetime) -> bool:
    """Tell whether there is something to acknowledge of an alert where it is told."""
    return not (phase == Phase.OVER or is_in_hand(alert, now) or alert.kind in EVENTS)


def item_alone(alert: Alert) -> Item:
    """Return what there is to say of an alert to whoever may hear of it; it names nobody."""
    phase = Phase.OPENED if alert.ended_at is None else Phase.OVER
    return plain_item(alert, phase, rules_of([alert])[alert.organization_id])


def plain_item(alert: Alert, phase: Phase, rules: Mapping[str, Explanation]) -> Item:
    words, is_over = explained(alert.kind, alert.cause, alert.facts, rules), phase == Phase.OVER
    return Item(
        alert_id=alert.pk,
        kind=AlertKind(alert.kind),
        phase=phase,
        severity=Severity(alert.severity),
        cause=alert.cause,
        title=words.title,
        meaning=words.meaning,
        next_step=words.next_step,
        people=alert.most_people if is_over else alert.people - alert.silenced,
        began_at=alert.began_at,
        ended_at=alert.ended_at,
        organization_name=alert.organization.name if alert.organization else "",
        organization_slug=alert.organization.slug if alert.organization else "",
        people_link=people_link(alert, ()),
        alert_link=alert_link(alert),
        flaps=alert.flaps,
        facts=alert.facts,
        acknowledged_by=alert.acknowledged_by_name if alert.acknowledged_at else "",
        acknowledged_at=alert.acknowledged_at,
    )


def reader_of(recipient: Recipient) -> Reader:
    """Return who a recipient is to a message."""
    return readers_of([recipient])[recipient.pk]


def readers_of(recipients: Collection[Recipient]) -> dict[int, Reader]:
    """Return who each recipient is to a message, by id, in two statements for many.

    Of who signs in, address and zone are those of their login. The rows should be read with
    `select_related("user", "organization")`.
    """
    users = {each.user_id for each in recipients if each.user_id is not None}
    members = Member.objects.filter(user__in=users) if users else Member.objects.none()
    zones: dict[tuple[int | None, int | None], str] = {
        (organization, user): zone
        for organization, user, zone in members.values_list("organization", "user", "time_zone")
    }
    staff = {each.user_id for each in recipients if each.organization_id is None} - {None}
    chosen = StaffTimeZone.objects.filter(user__in=staff) if staff else StaffTimeZone.objects.none()
    zones |= {(None, user): zone for user, zone in chosen.values_list("user", "time_zone")}
    return {
        each.pk: reader_in(each, zones.get((each.organization_id, each.user_id)))
        for each in recipients
    }


def reader_in(recipient: Recipient, zone: str | None) -> Reader:
    user, is_mail = recipient.user, recipient.channel == Channel.MAIL
    return Reader(
        name=recipient.name or (user.get_full_name() if user else ""),
        address=user.email if user else recipient.address,
        zone=zone_of(zone or recipient.time_zone),
        unsubscribe_link=unsubscribe_link(recipient.pk) if is_mail else "",
        alerts_link=alerts_link(recipient),
        settings_link=settings_link(recipient),
        is_support=recipient.organization_id is None,
        recipient_id=recipient.pk,
        organization_name=recipient.organization.name if recipient.organization else "",
    )
