"""What rehearsed messages say: from what a stage sent to items, and from those to mails.

Nothing is queued. No link of a rehearsed message acknowledges or unsubscribes anything: where one
would, it leads to the list of alerts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from accounts.models import Organization, Person
from monitoring.alerts.alert_links import address
from monitoring.alerts.item import Item, Reader
from monitoring.alerts.item_people import Asked, Named, named_of
from monitoring.alerts.item_words import headline
from monitoring.alerts.items import item_told, readers_of, waits_for_somebody
from monitoring.alerts.letters import alert_chat, alert_mail, subject_of
from monitoring.alerts.mails import Mail
from monitoring.alerts.models import Alert, Channel, Recipient
from monitoring.alerts.plan_facts import Message, Name, Phase
from monitoring.alerts.recipients import who_may_change
from monitoring.alerts.routing import RouteFacts
from monitoring.alerts.webhooks import alert_body
from monitoring.errors.interpretation import built_in_rules
from monitoring.errors.ruleset import RuleSet
from monitoring.health.causes import Explanation, words_of
from monitoring.replay.notices import Kept, Sent
from monitoring.replay.rehearsal import mails_of
from monitoring.replay.rehearsal_result import KeptBack, Part, Rehearsed


@dataclass(slots=True)
class Words:
    """What the items of a rehearsal are made of.

    numbers   of the episodes, in the order in which they are first told
    told      the most people a recipient was told of, by episode and recipient

    `acknowledging` are the recipients who may acknowledge.
    """

    organization: Organization
    rules: Mapping[str, Explanation]
    built_in: Mapping[str, Explanation]
    routes: Mapping[int, RouteFacts]
    recipients: Mapping[int, Recipient]
    acknowledging: Collection[Name]
    numbers: dict[Name, int] = field(default_factory=dict)
    told: defaultdict[tuple[Name, Name], int] = field(default_factory=lambda: defaultdict(int))

    @classmethod
    def of(cls, organization_id: int, rules: RuleSet, routes: Mapping[int, RouteFacts]) -> Words:
        """Load what is needed, in a few statements."""
        recipients = Recipient.objects.select_related("user", "organization")
        theirs = recipients.filter(organization=organization_id) | recipients.filter(
            organization=None
        )
        by_id = {recipient.pk: recipient for recipient in theirs}
        return cls(
            Organization.objects.get(pk=organization_id),
            words_of(rules),
            words_of(built_in_rules()),
            routes,
            by_id,
            who_may_change(by_id),
        )

    def route(self, message: Message) -> RouteFacts | None:
        return self.routes.get(message.route or 0)


def messages_of(sent: Iterable[Sent], since: datetime, words: Words) -> list[Rehearsed]:
    """Return what was sent since then, as one message a recipient and moment."""
    made = []
    for (at, recipient), bundle in mails_of(sent).items():
        # What was told before is told by nobody now, but says what is known by then.
        parts = [part_of(each, words) for each in bundle]
        if at >= since:
            silences = bundle[0].silences
            made.append(rehearsed(at, words.recipients[int(recipient)], parts, silences))
    return made


def rehearsed(
    at: datetime, recipient: Recipient, parts: Sequence[Part], silences: str
) -> Rehearsed:
    user = recipient.user
    return Rehearsed(
        at=at,
        recipient=recipient.pk,
        name=recipient.name or (user.get_full_name() if user else ""),
        address=user.email if user else recipient.address,
        channel=recipient.channel,
        subject=subject_of([part.item for part in parts]),
        parts=tuple(parts),
        silences=silences if recipient.organization_id else "",
    )


def part_of(sent: Sent, words: Words) -> Part:
    route, message = words.route(sent.message), sent.message
    place = message.episode, message.recipient
    words.told[place] = max(words.told[place], message.people)
    return Part(item_of(sent, words), sent.who.people, route.name if route else "")


def item_of(sent: Sent, words: Words) -> Item:
    """Return the item of a message, as it is made of stored alerts."""
    message, alert, route = sent.message, alert_like(sent, words), words.route(sent.message)
    item = item_told(
        message,
        alert,
        words.rules if alert.organization else words.built_in,
        teams=message.teams if sent.episode.teams else (),
        named=named_in(sent),
        most_told=words.told[message.episode, message.recipient],
        is_late=bool(route and route.after),
    )
    is_waiting = waits_for_somebody(alert, message.phase, sent.at)
    may_acknowledge = is_waiting and message.recipient in words.acknowledging
    return replace(
        item,
        alert_id=words.numbers.setdefault(message.episode, len(words.numbers) + 1),
        acknowledge_link=item.alert_link if may_acknowledge else "",
    )


def named_in(sent: Sent) -> Named:
    """Return whom a message is about; people's names are looked up when it is shown."""
    who, incident_id = sent.who, sent.finding.incident_id
    is_across = sent.episode.organization_id is None and incident_id is not None
    if is_across and sent.message.phase != Phase.OVER:
        return named_of([Asked(0, None, incident=incident_id)], sent.at).get(0, Named())
    return Named(missing_since=who.missing_since, first=next(iter(who.people), None))


def alert_like(sent: Sent, words: Words) -> Alert:
    """Return the row that there would have been; it is never stored."""
    episode, finding, in_hand = sent.episode, sent.finding, sent.in_hand
    return Alert(
        organization=None if episode.organization_id is None else words.organization,
        kind=episode.kind,
        cause=episode.cause,
        severity=episode.severity,
        incident_id=finding.incident_id,
        facts=dict(finding.facts),
        began_at=episode.began_at,
        ended_at=episode.ended_at,
        flaps=episode.flaps,
        acknowledged_at=in_hand.acknowledged_at if in_hand else None,
        acknowledged_by_name=in_hand.name if in_hand else "",
    )


def kept_back(kept: Kept, words: Words) -> KeptBack:
    """Return what was kept from somebody, in words."""
    mute, recipient = kept.mute, words.recipients[int(kept.mute.recipient)]
    message = Message(mute.episode, mute.recipient, Phase.OPENED, mute.people, route=mute.route)
    item = item_of(Sent(kept.at, message, kept.episode, kept.finding), words)
    route = words.route(message)
    return KeptBack(
        at=kept.at,
        recipient=recipient.pk,
        name=recipient.name or (recipient.user.email if recipient.user else recipient.address),
        reason=mute.reason,
        people=mute.people,
        headline=headline(replace(item, flaps=0)),
        route=route.name if route else "",
    )


def mail_of(message: Rehearsed, organization: Organization) -> Mail:
    """Return a rehearsed message as it would have been written, in a few statements.

    Of a chat the HTML is empty; so it is of a webhook, whose text is its JSON.
    """
    items = named(message, organization)
    if message.channel == Channel.WEBHOOK:
        return Mail(message.subject, alert_body(organization, items, message.at), "")
    reader = reader_of(message, organization)
    if message.channel == Channel.MAIL:
        return alert_mail(items, reader, written_at=message.at)
    chat = alert_chat(items, reader, written_at=message.at)
    return Mail(chat.title, chat.body, "")


def named(message: Rehearsed, organization: Organization) -> list[Item]:
    """Return the items with the names of people who are still there."""
    ids = {person for part in message.parts for person in part.people}
    people = Person.objects.filter(organization=organization, pk__in=ids)
    names = dict(people.values_list("pk", "name"))
    return [
        replace(part.item, names=tuple(names[each] for each in part.people if each in names))
        if part.people
        else part.item
        for part in message.parts
    ]


def reader_of(message: Rehearsed, organization: Organization) -> Reader:
    """Return who a recipient is; of one who is gone what is known of them."""
    recipients = Recipient.objects.select_related("user", "organization")
    found = recipients.filter(pk=message.recipient).first()
    if found is None:
        return Reader(message.name, message.address, silences=message.silences)
    reader = readers_of([found])[found.pk]
    harmless = address("alerts", organization.slug) if reader.unsubscribe_link else ""
    return replace(reader, unsubscribe_link=harmless, silences=message.silences)
