"""From what the feeds show to complete pairs: links, and the counterparts that have to be read."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from syncing.engine.content import ends_at
from syncing.engine.cursors import Cursor, SetAside, due_again
from syncing.engine.links import Link, LinkState, salesforce_key_for
from syncing.engine.matching import pair_up
from syncing.engine.observed import Present
from syncing.engine.plan import Pair, deletes_allowed
from syncing.engine.read import (
    Check,
    GoogleFeed,
    SalesforceFeed,
    google_event_now,
    in_window,
    salesforce_copies,
    salesforce_event_now,
    salesforce_events_shown,
)
from syncing.providers.sides import Sides
from syncing.store import PassStore
from syncing.work import PassWork


@dataclass(slots=True)
class Resolved:
    """All events to decide on. `missing` counts linked events that a complete read did not show.

    `missing` is set only where there are so many that they are not even looked up.
    """

    pairs: list[Pair]
    retried: list[SetAside]
    linked: int
    missing: int = 0
    missing_provider: str = ""


@dataclass(slots=True)
class Resolver:
    """One pass's reading of what the feeds leave open; `google` and `salesforce` are filled in."""

    work: PassWork
    cursor: Cursor
    sides: Sides
    store: PassStore
    google: GoogleFeed
    salesforce: SalesforceFeed
    now: datetime
    check: Check
    missing: int = 0
    missing_provider: str = ""
    links: list[Link] = field(default_factory=list)

    def resolve(self) -> Resolved:
        retried = due_again(self.cursor, self.google.seen, self.salesforce.seen, self.now)
        everything = self.google.full or self.salesforce.gap
        loaded = self._load_links(retried, everything)
        self.links = self._without_waiting(loaded, retried)
        self._read_set_aside(retried)
        self._find_unconfirmed_creates()
        self._read_apart()
        linked = len(loaded) if everything else self.store.link_count(self.work.person_id)
        self._compare_with_full_list(linked)
        self._compare_after_gap(linked)
        pairs = pair_up(
            self.work.person_id, self.google.seen, self.salesforce.seen, self._touched()
        )
        return Resolved(pairs, retried, linked, self.missing, self.missing_provider)

    def _load_links(self, retried: Iterable[SetAside], everything: bool) -> list[Link]:
        if everything:
            return self.store.all_links(self.work.person_id)
        google_ids = {*self.google.seen, *(aside.google_id for aside in retried)} - {""}
        salesforce_ids = {*self.salesforce.seen, *(aside.salesforce_id for aside in retried)} - {""}
        return self.store.links_of(self.work.person_id, google_ids, salesforce_ids)

    def _without_waiting(self, links: list[Link], retried: Collection[SetAside]) -> list[Link]:
        """Leave out creates that were set aside, are not due and have shown nothing new."""
        waiting = [aside for aside in self.cursor.set_aside if aside not in retried]
        ids = {each for aside in waiting for each in (aside.google_id, aside.salesforce_id)} - {""}
        keys = {seen.key for seen in self.salesforce.seen.values() if isinstance(seen, Present)}
        return [
            link
            for link in links
            if not link.creating
            or ids.isdisjoint((link.google_id, link.salesforce_id))
            or link.google_id in self.google.seen
            or link.salesforce_id in self.salesforce.seen
            or salesforce_key_for(self.work.person_id, link.google_id) in keys
        ]

    def _touched(self) -> list[Link]:
        """The links of which at least one side was read."""
        return [
            link
            for link in self.links
            if link.creating
            or link.google_id in self.google.seen
            or link.salesforce_id in self.salesforce.seen
        ]

    def _read_google(self, event_ids: Iterable[str]) -> None:
        for event_id in sorted(set(event_ids) - set(self.google.seen) - {""}):
            self.check()
            self.google.seen[event_id] = google_event_now(self.sides.google, event_id)

    def _query_salesforce(self, record_ids: Iterable[str]) -> list[str]:
        """Look for records, and return the ids the query did not show."""
        wanted = set(record_ids) - set(self.salesforce.seen) - {""}
        self.salesforce.seen |= salesforce_events_shown(
            self.sides.salesforce, wanted, self.work.salesforce_user_id, self.check
        )
        return sorted(wanted - set(self.salesforce.seen))

    def _read_salesforce(self, record_ids: Iterable[str]) -> None:
        self._confirm_salesforce(self._query_salesforce(record_ids))

    def _confirm_salesforce(self, record_ids: Iterable[str]) -> None:
        """Ask for records no query shows: deleted is only what its own address says is gone."""
        for record_id in record_ids:
            self.check()
            self.salesforce.seen[record_id] = salesforce_event_now(
                self.sides.salesforce, record_id, self.work.salesforce_user_id
            )

    def _read_set_aside(self, retried: Iterable[SetAside]) -> None:
        """Read both sides: an edit whose write failed is not in the base of its link."""
        self._read_google(aside.google_id for aside in retried)
        self._read_salesforce(aside.salesforce_id for aside in retried)

    def _find_unconfirmed_creates(self) -> None:
        """Find the copies of creates that were announced and whose answer nobody has seen."""
        making = [link for link in self.links if link.state is LinkState.CREATING_GOOGLE]
        self._read_google(link.google_id for link in making)
        keys = {
            salesforce_key_for(self.work.person_id, link.google_id): link
            for link in self.links
            if link.state is LinkState.CREATING_SALESFORCE
        }
        copies = salesforce_copies(
            self.sides.salesforce, keys, self.work.salesforce_user_id, self.check
        )
        for key, (record_id, observed) in copies.items():
            self.salesforce.seen[record_id] = observed
            index = self.links.index(keys[key])
            self.links[index] = replace(keys[key], salesforce_id=record_id)

    def _read_apart(self) -> None:
        """Read both sides of what was kept apart: edits meanwhile are not in the base."""
        apart = [link for link in self._touched() if link.apart]
        self._read_google(link.google_id for link in apart)
        self._read_salesforce(link.salesforce_id for link in apart)

    def _compare_with_full_list(self, linked: int) -> None:
        """Look up each linked event that the full list lacks: absence proves nothing."""
        if not self.google.full:
            return
        missing = [
            link.google_id
            for link in self.links
            if link.google_id not in self.google.seen
            and in_window(ends_at(link.base.google), self.cursor)
        ]
        if not self._too_many(missing, linked, "google"):
            self._read_google(missing)

    def _compare_after_gap(self, linked: int) -> None:
        if not self.salesforce.gap:
            return
        missing = self._query_salesforce(link.salesforce_id for link in self.links)
        if not self._too_many(missing, linked, "salesforce"):
            self._confirm_salesforce(missing)

    def _too_many(self, missing: list[str], linked: int, provider: str) -> bool:
        if len(missing) <= deletes_allowed(linked):
            return False
        self.missing, self.missing_provider = len(missing), provider
        return True
