"""What rehearsed messages say: from what a stage sent to items, and from those to mails.

Nothing is queued. No link of a rehearsed message acknowledges or unsubscribes anything: where one
would, it leads to the list of alerts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from accounts.models import Organization, Person
from monitoring.alerts.alert_causes import explained
from monitoring.alerts.alert_links import address, people_link
from monitoring.alerts.item import Item, Reader
from monitoring.alerts.item_words import headline
from monitoring.alerts.items import readers_of
from monitoring.alerts.kinds import EVENTS, AlertKind
from monitoring.alerts.letters import alert_chat, alert_mail, subject_of
from monitoring.alerts.mails import Mail
from monitoring.alerts.models import Alert, Channel, Recipient
from monitoring.alerts.plan import is_in_hand
from monitoring.alerts.plan_facts import Episode, Message, Name, Phase, Waits
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
    """

    organization: Organization
    rules: Mapping[str, Explanation]
    built_in: Mapping[str, Explanation]
    routes: Mapping[int, RouteFacts]
    recipients: Mapping[int, Recipient]
    numbers: dict[Name, int] = field(default_factory=dict)
    told: defaultdict[tuple[Name, Name], int] = field(default_factory=lambda: defaultdict(int))

    @classmethod
    def of(cls, organization_id: int, rules: RuleSet, routes: Mapping[int, RouteFacts]) -> Words:
        """Load what is needed, in two statements."""
        recipients = Recipient.objects.select_related("user", "organization")
        theirs = recipients.filter(organization=organization_id) | recipients.filter(
            organization=None
        )
        return cls(
            Organization.objects.get(pk=organization_id),
            words_of(rules),
            words_of(built_in_rules()),
            routes,
            {recipient.pk: recipient for recipient in theirs},
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
            made.append(rehearsed(at, words.recipients[int(recipient)], parts))
    return made


def rehearsed(at: datetime, recipient: Recipient, parts: Sequence[Part]) -> Rehearsed:
    user = recipient.user
    return Rehearsed(
        at=at,
        recipient=recipient.pk,
        name=recipient.name or (user.get_full_name() if user else ""),
        address=user.email if user else recipient.address,
        channel=recipient.channel,
        subject=subject_of([part.item for part in parts]),
        parts=tuple(parts),
    )


def part_of(sent: Sent, words: Words) -> Part:
    route, message = words.route(sent.message), sent.message
    place = message.episode, message.recipient
    words.told[place] = max(words.told[place], message.people)
    return Part(item_of(sent, words), sent.who.people, route.name if route else "")


def item_of(sent: Sent, words: Words) -> Item:
    """Return the item of a message, as `monitoring.alerts.items` makes it of stored alerts."""
    message, episode, finding = sent.message, sent.episode, sent.finding
    is_own = episode.organization_id is not None
    is_over = message.phase == Phase.OVER
    said = explained(
        episode.kind, episode.cause, finding.facts, words.rules if is_own else words.built_in
    )
    route = words.route(message)
    alerts = address("alerts", words.organization.slug)
    is_answered = is_in_hand(episode, sent.at, Waits())
    may_acknowledge = not (is_over or is_answered or episode.kind in EVENTS)
    return Item(
        alert_id=words.numbers.setdefault(message.episode, len(words.numbers) + 1),
        kind=AlertKind(episode.kind),
        phase=message.phase,
        severity=episode.severity,
        cause=episode.cause,
        title=said.title,
        meaning=said.meaning,
        next_step=said.next_step,
        people=words.told[message.episode, message.recipient] if is_over else message.people,
        began_at=episode.began_at,
        ended_at=episode.ended_at,
        number=message.number,
        organization_name=words.organization.name if is_own else "",
        organization_slug=words.organization.slug if is_own else "",
        missing_since=sent.who.missing_since,
        people_link=people_link(alert_like(episode, sent, words), message.teams),
        alert_link=alerts,
        acknowledge_link=alerts if may_acknowledge else "",
        flaps=episode.flaps,
        facts=finding.facts,
        is_escalated=bool(route and route.after) and message.phase == Phase.OPENED,
    )


def alert_like(episode: Episode, sent: Sent, words: Words) -> Alert:
    """Return the row that there would have been, for its links; it is never stored."""
    return Alert(
        organization=None if episode.organization_id is None else words.organization,
        kind=episode.kind,
        cause=episode.cause,
        incident_id=sent.finding.incident_id,
        facts=dict(sent.finding.facts),
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
        return alert_mail(items, reader)
    chat = alert_chat(items, reader)
    return Mail(chat.title, chat.body, "")


def named(message: Rehearsed, organization: Organization) -> list[Item]:
    """Return the items with the names of people who are still there."""
    ids = {person for part in message.parts for person in part.people}
    people = Person.objects.filter(organization=organization, pk__in=ids)
    names = dict(people.values_list("pk", "name"))
    return [
        replace(part.item, names=tuple(names[each] for each in part.people if each in names))
        for part in message.parts
    ]


def reader_of(message: Rehearsed, organization: Organization) -> Reader:
    """Return who a recipient is; of one who is gone what is known of them."""
    recipients = Recipient.objects.select_related("user", "organization")
    found = recipients.filter(pk=message.recipient).first()
    if found is None:
        return Reader(message.name, message.address)
    reader = readers_of([found])[found.pk]
    harmless = address("alerts", organization.slug) if reader.unsubscribe_link else ""
    return replace(reader, unsubscribe_link=harmless)
