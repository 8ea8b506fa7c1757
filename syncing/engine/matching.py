"""Finding, among events nobody has linked yet, those that are one and the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from syncing.engine.content import EventContent, ShowAs
from syncing.engine.fitting import for_google, for_salesforce
from syncing.engine.links import Link, LinkState, google_id_for, salesforce_key_for
from syncing.engine.observed import Deleted, Observed, Present, Unchanged, Unknown
from syncing.engine.plan import Pair


def pair_up(
    person_id: int,
    google: Mapping[str, Observed],
    salesforce: Mapping[str, Observed],
    links: Iterable[Link],
) -> list[Pair]:
    """Return a pair for every event seen, each event in exactly one.

    Linked events go by their link. Of the rest, a copy of ours is known by its id or key (its link
    was lost), and two events with equal content are taken for one, so that a first sync doubles
    nothing.
    """
    pairs = [_linked_pair(link, google, salesforce) for link in links]
    taken_google = {pair.google_id for pair in pairs}
    taken_salesforce = {pair.salesforce_id for pair in pairs}
    free_google = {key: seen for key, seen in google.items() if key not in taken_google}
    free_salesforce = {key: seen for key, seen in salesforce.items() if key not in taken_salesforce}
    matches = _own_copies(person_id, free_google, free_salesforce)
    matches |= _equal_contents(free_google, free_salesforce, matches)
    for google_id, seen in free_google.items():
        partner = matches.get(google_id, "")
        there = free_salesforce.pop(partner) if partner else Unknown()
        pairs.append(Pair(google_id, partner, seen, there))
    pairs += [Pair("", key, Unknown(), seen) for key, seen in free_salesforce.items()]
    return pairs


def _linked_pair(
    link: Link, google: Mapping[str, Observed], salesforce: Mapping[str, Observed]
) -> Pair:
    """A side that is being created and was not found is unknown; else no news is no change."""
    making_google = link.state is LinkState.CREATING_GOOGLE
    making_salesforce = link.state is LinkState.CREATING_SALESFORCE
    here = google.get(link.google_id, Unknown() if making_google else Unchanged())
    there = salesforce.get(link.salesforce_id, Unknown() if making_salesforce else Unchanged())
    return Pair(link.google_id, link.salesforce_id, here, there, link)


def _own_copies(
    person_id: int, google: Mapping[str, Observed], salesforce: Mapping[str, Observed]
) -> dict[str, str]:
    """Return Google id → Salesforce id of events one of which was made from the other.

    A deleted copy matches nothing: its id is only taken.
    """
    found = {}
    google = {key: seen for key, seen in google.items() if not isinstance(seen, Deleted)}
    by_key = {
        seen.key: key for key, seen in salesforce.items() if isinstance(seen, Present) and seen.key
    }
    for salesforce_id in salesforce:
        copy = google_id_for(person_id, salesforce_id)
        if copy in google:
            found[copy] = salesforce_id
    if by_key:
        for google_id in google:
            origin = by_key.get(salesforce_key_for(person_id, google_id))
            if origin and google_id not in found and origin not in found.values():
                found[google_id] = origin
    return found


def _fingerprint(content: EventContent) -> EventContent:
    busy = content.show_as is not ShowAs.FREE
    return replace(content, show_as=ShowAs.BUSY if busy else ShowAs.FREE)


def _equal_contents(
    google: Mapping[str, Observed],
    salesforce: Mapping[str, Observed],
    matched: Mapping[str, str],
) -> dict[str, str]:
    waiting: dict[EventContent, list[str]] = defaultdict(list)
    taken = set(matched.values())
    for key, seen in sorted(salesforce.items(), reverse=True):
        if isinstance(seen, Present) and key not in taken:
            same_after_trip = for_salesforce(for_google(seen.content))
            waiting[_fingerprint(same_after_trip)].append(key)
    found = {}
    for key, seen in sorted(google.items()):
        if not isinstance(seen, Present) or key in matched:
            continue
        candidates = waiting.get(_fingerprint(for_salesforce(seen.content)))
        if candidates:
            found[key] = candidates.pop()
    return found
