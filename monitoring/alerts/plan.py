"""Which messages are to be sent: one an episode, recipient and phase. Pure.

An episode is something worth telling: an incident, people who need a human for one cause, a
service in trouble. It is told when it has lasted for a while, again when it has grown much or goes
on for long, and its end is told to whom its beginning was. What heals meanwhile is never told.
People whom an open incident hits are not told of one by one; who is stalled for a reason of their
own is. Silences and flapping keep beginnings from being told, never ends.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from monitoring.alerts.hours import Hours, may_be_told
from monitoring.alerts.in_hand import in_hand_until, is_in_hand
from monitoring.alerts.kinds import ABOUT_HEALTH, ABOUT_PEOPLE, EVENTS, AlertKind
from monitoring.alerts.plan_facts import (
    Episode,
    Message,
    Mute,
    Muted,
    Name,
    Phase,
    Plan,
    Target,
    Told,
    Waits,
)

# So long after it is over an event is news, to whoever does not work at the weekend too.
STALE = timedelta(days=3)


def plan_at(
    episodes: Iterable[Episode],
    targets: Mapping[int | None, Collection[Target]],
    told: Mapping[tuple[Name, Name], Told],
    now: datetime,
    waits: Waits,
    unheard: Collection[tuple[Name, Name]] = frozenset(),
) -> Plan:
    """Return what is to be told at `now`.

    `targets` are those of each organization (None: of what belongs to none), in the order in which
    they count where one recipient has several. `told` is by episode and recipient; asking again
    with the messages folded in (`told_after`) gives none of them again. All messages of one
    recipient belong into one mail. Where recipients share an address, those of whose messages the
    first comes first get theirs, the others once the pace allows. Of what is in `unheard`, by
    episode and recipient, the end is not told: nothing has got to the recipient yet.
    """
    routes = {organization: by_recipient(each) for organization, each in targets.items()}
    found = [
        each
        for episode in episodes
        for each in due_of(episode, routes.get(episode.organization_id, {}), told, now, waits)
        if is_ripe(each, unheard)
    ]
    addresses = {each.recipient: each.address for some in targets.values() for each in some}
    messages = spaced([each for each in found if isinstance(each, Message)], addresses)
    return Plan(tuple(messages), tuple(each for each in found if isinstance(each, Mute)))


def is_ripe(each: Message | Mute, unheard: Collection[tuple[Name, Name]]) -> bool:
    """Tell whether a message may go: what does not must hold up no other to its address."""
    is_end = isinstance(each, Message) and each.phase == Phase.OVER
    return not is_end or (each.episode, each.recipient) not in unheard


def by_recipient(targets: Iterable[Target]) -> dict[Name, list[Target]]:
    routes: dict[Name, list[Target]] = {}
    for target in targets:
        routes.setdefault(target.recipient, []).append(target)
    return routes


def spaced(messages: Iterable[Message], addresses: Mapping[Name, str]) -> list[Message]:
    """Leave to each address the messages of one of its recipients: of whom the first is."""
    first: dict[str, Name] = {}
    kept = []
    for message in messages:
        address = addresses.get(message.recipient, "")
        if not address or first.setdefault(address, message.recipient) == message.recipient:
            kept.append(message)
    return kept


def due_of(
    episode: Episode,
    routes: Mapping[Name, Sequence[Target]],
    told: Mapping[tuple[Name, Name], Told],
    now: datetime,
    waits: Waits,
) -> Iterator[Message | Mute]:
    """Yield what recipients are to be told of one episode now, and what is kept from them."""
    delayed_from = escalates_from(episode, routes, told, now, waits)
    for recipient, theirs in routes.items():
        before = told.get((episode.key, recipient))
        each = due(episode, theirs, before, now, waits, delayed_from)
        if each is not None:
            yield each


def escalates_from(
    episode: Episode,
    routes: Mapping[Name, Sequence[Target]],
    told: Mapping[tuple[Name, Name], Told],
    now: datetime,
    waits: Waits,
) -> datetime | None:
    """Return from when on the delays of escalations count; None while it is others' turn first.

    From when somebody was first told without a delay. Where nobody was, and nobody can be told now
    (there is no such recipient, or none who is awake), from when they should have been.
    """
    if not any(each.after for theirs in routes.values() for each in theirs):
        return None
    places = ((episode.key, recipient) for recipient in routes)
    first = [each.at_once for place in places if (each := told.get(place)) and each.at_once]
    if first:
        return min(first)
    untold = [theirs for name, theirs in routes.items() if (episode.key, name) not in told]
    if any(is_first(episode, theirs, now, waits) for theirs in untold):
        return None
    return due_from(episode, waits)


def due_from(episode: Episode, waits: Waits) -> datetime:
    """Return from when on an episode that lasts is told."""
    wait = 0 if episode.kind in EVENTS else waits.opened
    return episode.began_at + timedelta(seconds=wait)


def is_first(episode: Episode, routes: Sequence[Target], now: datetime, waits: Waits) -> bool:
    """Tell whether a recipient is to be told of the beginning without a delay."""
    at_once = [
        each for each in routes if not each.after and is_in_force(each, episode, now, waits, None)
    ]
    if not at_once or not is_reachable(at_once[0].hours, episode, now):
        return False
    return isinstance(beginning(episode, at_once, now, waits), Message)


def due(
    episode: Episode,
    routes: Sequence[Target],
    told: Told | None,
    now: datetime,
    waits: Waits,
    delayed_from: datetime | None = None,
) -> Message | Mute | None:
    """Return what one recipient is to be told of one episode now, or what is kept from them.

    The delays of escalations count from `delayed_from` on, and from when an acknowledgement counts
    no more; without it none has passed yet.
    """
    if any(is_paced(route, now, waits) for route in routes):
        return None
    if not is_reachable(routes[0].hours, episode, now):
        return None
    if told is not None and (told.is_over or episode.ended_at is not None):
        return ending(episode, routes, told, now, waits)
    routes = [each for each in routes if is_in_force(each, episode, now, waits, delayed_from)]
    if not routes:
        return None
    if told is None:
        return beginning(episode, routes, now, waits)
    return continuation(episode, routes, told, now, waits)


def is_paced(target: Target, now: datetime, waits: Waits) -> bool:
    """Tell whether the target's last message is too short a while ago for another."""
    # A clock that was wrong for a while must not silence anybody until that time has come.
    pace = timedelta(seconds=waits.pace)
    return target.told_at is not None and abs(now - target.told_at) < pace


def is_reachable(hours: Hours, episode: Episode, now: datetime) -> bool:
    return may_be_told(hours, episode.severity, now)


def is_in_force(
    target: Target, episode: Episode, now: datetime, waits: Waits, delayed_from: datetime | None
) -> bool:
    """Tell whether a route is about an episode, and has waited long enough for it."""
    if not matches(target, episode) or now < due_from(episode, waits):
        return False
    if not target.after:
        return True
    if delayed_from is None:
        return False
    # Once an acknowledgement counts no more, each level of an escalation has its time to answer.
    unanswered_from = max(delayed_from, in_hand_until(episode, waits) or delayed_from)
    return now - unanswered_from >= timedelta(seconds=target.after)


def matches(target: Target, episode: Episode) -> bool:
    """Tell whether a route is about an episode, whoever is silenced in it."""
    if target.only_ends or (target.kinds and episode.kind not in target.kinds):
        return False
    if target.is_service and is_for_its_own(episode):
        return False
    return episode.severity >= target.least and concerns_teams(target, episode)


def is_for_its_own(episode: Episode) -> bool:
    """Tell whether an episode is for its organization alone: support hears of the whole, or not."""
    is_own_rule = episode.kind == AlertKind.RULE_CHANGE and episode.organization_id is not None
    return episode.is_part or is_own_rule


def concerns_teams(target: Target, episode: Episode) -> bool:
    """Tell whether an episode is about people of a route's teams; one of everybody's is of none."""
    if not target.teams:
        return True
    if episode.kind not in ABOUT_PEOPLE:
        return False
    if not episode.teams:
        # Where all are silenced it is not known whose they are: it is seen to be kept back.
        return not episode.people
    return any(map(episode.teams.get, target.teams))


def teams_of(routes: Iterable[Target]) -> frozenset[str]:
    """Return the teams that routes narrow it to together; empty where one of them does not."""
    teams = [route.teams for route in routes]
    return frozenset().union(*teams) if all(teams) else frozenset()


def teams_for(routes: Iterable[Target], episode: Episode) -> frozenset[str]:
    """Return the teams whose people of an episode concern a recipient; empty stands for all.

    Where it is not known who is of which team, all are counted.
    """
    return teams_of(routes) if episode.teams else frozenset()


def people_for(routes: Iterable[Target], episode: Episode) -> int:
    """Return how many people of an episode concern a recipient: those of the routes' teams."""
    return episode.people_in(teams_for(routes, episode))


def beginning(
    episode: Episode, routes: Sequence[Target], now: datetime, waits: Waits
) -> Message | Mute | None:
    is_event = episode.kind in EVENTS
    if episode.ended_at is not None and (not is_event or now - episode.ended_at > STALE):
        return None
    people = people_for(routes, episode)
    if not people and episode.silenced:
        reason = Muted.ABSORBED if episode.is_absorbed else Muted.SILENCED
        return mute_of(episode, routes, reason, episode.silenced)
    lasted = now - episode.began_at
    is_flapping = episode.flaps >= waits.flaps and not is_event
    if is_flapping and lasted < timedelta(seconds=waits.flapping):
        return mute_of(episode, routes, Muted.FLAPPING, people)
    return message_of(episode, routes, Phase.OPENED, people)


def ending(
    episode: Episode, routes: Sequence[Target], told: Told, now: datetime, waits: Waits
) -> Message | None:
    due_at = end_due_at(episode, waits)
    if told.is_over or episode.kind in EVENTS or due_at is None or now < due_at:
        return None
    # Whatever a route is about by now: who heard of the beginning hears of the end.
    meant = [each for each in routes if matches(each, episode)]
    people = max(told.people, people_for(meant, episode)) if meant else told.people
    return message_of(episode, meant or routes, Phase.OVER, people)


def end_due_at(episode: Episode, waits: Waits) -> datetime | None:
    """Return from when on the end of an episode is told; None while it, or one like it, goes on.

    What comes back before is not over for whoever hears of it, though it is an episode of its own.
    """
    if episode.ended_at is None or episode.is_back:
        return None
    last = max(episode.ended_at, episode.back_until or episode.ended_at)
    return last + timedelta(seconds=waits.over)


def continuation(
    episode: Episode, routes: Sequence[Target], told: Told, now: datetime, waits: Waits
) -> Message | None:
    """Return what is to be told of an episode that goes on, and was told before."""
    people = people_for(routes, episode)
    if episode.kind in EVENTS or (not people and episode.silenced):
        return None
    if episode.severity > told.severity:
        return message_of(episode, routes, Phase.GROWN, people, told.growths + 1)
    since = now - told.last_at
    has_waited = since >= timedelta(seconds=waits.grown)
    if has_waited and has_grown(episode, told, people, waits):
        return message_of(episode, routes, Phase.GROWN, people, told.growths + 1)
    # Who acknowledged knew of those who were told of, and of nobody else.
    is_known = is_in_hand(episode, now, waits) and people <= told.people
    if since >= timedelta(seconds=waits.reminder) and not is_known:
        return message_of(episode, routes, Phase.REMINDER, people, told.reminders + 1)
    return None


def has_grown(episode: Episode, told: Told, people: int, waits: Waits) -> bool:
    """Tell whether an episode, of which so many people concern a recipient, is much larger."""
    if episode.kind in ABOUT_HEALTH and told.people < waits.growth_people:
        return people > told.people and people >= told.people * waits.growth_few
    if people < told.people + waits.growth_people:
        return False
    are_many_more = people >= told.people * waits.growth
    if episode.kind in ABOUT_HEALTH:
        # The weight is how many the whole organization has, of whichever team and silenced or not.
        return are_many_more
    if episode.kind == AlertKind.INCIDENT:
        # Of those who merely come along later the same share fails.
        # Shares are hundredths, which floats are not: 0.6 is half as large again as 0.4.
        return are_many_more and episode.weight >= round(told.weight * waits.growth_share, 9) > 0
    return episode.weight >= told.weight * waits.growth > 0


def message_of(
    episode: Episode, routes: Sequence[Target], phase: Phase, people: int, number: int = 0
) -> Message:
    first = routes[0]
    return Message(
        episode.key,
        first.recipient,
        phase,
        people,
        number,
        first.route,
        teams_for(routes, episode),
        min(route.after for route in routes),
        episode.severity,
    )


def mute_of(episode: Episode, routes: Sequence[Target], reason: Muted, people: int) -> Mute:
    return Mute(episode.key, routes[0].recipient, reason, people, routes[0].route)


def told_after(told: Told | None, message: Message, weight: float, now: datetime) -> Told:
    """Return what a recipient was told of an episode, with one more message. `weight` is its."""
    at_once = None if message.after else now
    if told is None:
        is_over = message.phase == Phase.OVER
        return Told(
            now, message.people, weight, at_once, is_over=is_over, severity=message.severity
        )
    gravest = max(told.severity, message.severity)
    told = replace(told, at_once=told.at_once or at_once, severity=gravest)
    match message.phase:
        case Phase.OVER:
            return replace(told, last_at=now, is_over=True)
        case Phase.GROWN:
            told = replace(told, growths=message.number)
        case Phase.REMINDER:
            told = replace(told, reminders=message.number)
    return replace(told, last_at=now, people=message.people, weight=weight)
