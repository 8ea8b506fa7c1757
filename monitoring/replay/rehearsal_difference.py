"""Which messages of a time are new, gone, changed or as before with something that is tried. Pure.

A message of one play belongs to that of the other which the same recipient is sent about the same
alert, in the same phase, nearest in time. Further than APART from each other they are two messages.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from monitoring.alerts.item import Item
from monitoring.alerts.kinds import AlertKind
from monitoring.replay.rehearsal_result import Aspect, Difference, Mark, Rehearsed, Without

# Half of what lies between two reminders.
APART = timedelta(hours=12)

# Of which organization, of which kind, of what, and in which phase.
Topic = tuple[str, str, str, str]
# How far two messages are from being the same: in time, in how many topics, and if at all.
Distance = tuple[timedelta, int, bool]


@dataclass(frozen=True, slots=True, order=True)
class Likeness:
    """A message as far as it is compared. It has one topic at least, and they are sorted."""

    at: datetime
    recipient: int
    topics: tuple[Topic, ...]
    people: tuple[tuple[int, tuple[int, ...]], ...] = ()
    words: str = ""


def partners(in_force: Sequence[Likeness], tried: Sequence[Likeness]) -> dict[int, int]:
    """Return which messages belong together, by their places: of `tried`, and of `in_force`.

    Each belongs to one at most. Those least apart are put together first; nothing depends on the
    order in which they are given, but for which of two that are alike in all is meant.
    """
    pairs = sorted(
        (distance(one, other), min(one, other), max(one, other), after, before)
        for before, after in candidates(in_force, tried)
        for one, other in [(in_force[before], tried[after])]
    )
    found: dict[int, int] = {}
    taken: set[int] = set()
    for *_, after, before in pairs:
        if after not in found and before not in taken:
            found[after] = before
            taken.add(before)
    return found


def candidates(
    in_force: Sequence[Likeness], tried: Sequence[Likeness]
) -> Iterator[tuple[int, int]]:
    """Yield the places of messages that could belong together: of `in_force`, and of `tried`."""
    places: defaultdict[tuple[int, Topic], list[tuple[datetime, int]]] = defaultdict(list)
    for place, each in enumerate(in_force):
        for topic in each.topics:
            places[each.recipient, topic].append((each.at, place))
    for theirs in places.values():
        theirs.sort()
    for after, each in enumerate(tried):
        near: set[int] = set()
        for topic in each.topics:
            theirs = places.get((each.recipient, topic), [])
            begin = bisect_left(theirs, (each.at - APART, 0))
            end = bisect_right(theirs, (each.at + APART, len(in_force)))
            near.update(place for _, place in theirs[begin:end])
        for before in near:
            yield before, after


def distance(one: Likeness, other: Likeness) -> Distance:
    return abs(one.at - other.at), len({*one.topics} ^ {*other.topics}), one != other


def aspects_of(before: Likeness, after: Likeness, tick: timedelta) -> tuple[Aspect, ...]:
    """Return in what two messages that belong together differ; nothing for the same message.

    A tick later or earlier is no difference. Of those that tell of different alerts no more is
    said than that.
    """
    found = [Aspect.TIME] if abs(after.at - before.at) > tick else []
    if before.topics != after.topics:
        return *found, Aspect.ALERTS
    if before.people != after.people:
        found.append(Aspect.PEOPLE)
    if before.words != after.words:
        found.append(Aspect.WORDS)
    return tuple(found)


def compared(
    in_force: Sequence[Rehearsed], tried: Sequence[Rehearsed], tick: timedelta
) -> tuple[list[Rehearsed], list[Rehearsed]]:
    """Return the messages of the tried play, each marked, and those of the other that are gone."""
    before, after = [*map(likeness_of, in_force)], [*map(likeness_of, tried)]
    found = partners(before, after)
    marked = []
    for place, message in enumerate(tried):
        other = found.get(place)
        if other is None:
            marked.append(replace(message, mark=Mark.NEW))
            continue
        aspects = aspects_of(before[other], after[place], tick)
        marked.append(as_marked(message, in_force[other], aspects))
    stay = set(found.values())
    gone = [
        replace(message, mark=Mark.GONE)
        for place, message in enumerate(in_force)
        if place not in stay
    ]
    return marked, gone


def as_marked(message: Rehearsed, before: Rehearsed, aspects: tuple[Aspect, ...]) -> Rehearsed:
    if not aspects:
        return replace(message, mark=Mark.SAME)
    without = Without(before.at, before.subject, aspects)
    return replace(message, mark=Mark.CHANGED, without=without)


def difference_of(marked: Sequence[Rehearsed], gone: Sequence[Rehearsed]) -> Difference:
    """Return how many messages there are of each mark."""
    marks = Counter(message.mark for message in marked)
    return Difference(
        new=marks[Mark.NEW],
        gone=len(gone),
        changed=marks[Mark.CHANGED],
        same=marks[Mark.SAME],
    )


def likeness_of(message: Rehearsed) -> Likeness:
    """Return what of a message is compared: neither its routes nor the times that it tells."""
    parts = sorted((topic_of(part.item), part.item.people, part.people) for part in message.parts)
    return Likeness(
        at=message.at,
        recipient=message.recipient,
        topics=tuple(topic for topic, _, _ in parts),
        people=tuple((number, named) for _, number, named in parts),
        words=words_of([part.item for part in message.parts]),
    )


def topic_of(item: Item) -> Topic:
    """Return what an item tells of. Incidents are numbered anew by every play, so not by number."""
    is_incident = item.kind == AlertKind.INCIDENT
    cause = item.facts.get("provider", item.cause) if is_incident else item.cause
    return item.organization_slug, item.kind.value, cause, item.phase.value


def words_of(items: Sequence[Item]) -> str:
    """Return all that items say beside people and times, in an order of its own."""
    said = sorted(
        msgspec.json.encode(
            [
                topic_of(item),
                item.title,
                item.meaning,
                item.next_step,
                item.severity,
                item.flaps,
                item.is_escalated,
                item.facts,
            ],
            order="deterministic",
        )
        for item in items
    )
    return b"\n".join(said).decode()
