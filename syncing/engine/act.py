"""Carrying out the steps of a plan, each remembered as soon as it is confirmed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from syncing.engine.batches import batches
from syncing.engine.content import FIELDS, Base
from syncing.engine.cursors import stamp_time
from syncing.engine.google_form import google_event, google_observed, google_patch
from syncing.engine.links import Link, LinkState, google_id_for, salesforce_key_for
from syncing.engine.observed import Deleted, Excluded, Observed, Present, Private
from syncing.engine.plan import Step, Verb, decide
from syncing.engine.read import Check, google_event_now, salesforce_event_now
from syncing.engine.salesforce_form import KEY_FIELD, salesforce_record
from syncing.engine.tally import Tally
from syncing.providers.google import is_about_one_event
from syncing.providers.salesforce import is_about_one_record
from syncing.providers.sides import Sides
from syncing.providers.wire import ProviderError, own_error
from syncing.reports import RawError
from syncing.store import PassStore
from syncing.work import PassWork

ALL_FIELDS = frozenset(FIELDS)
WORDS = frozenset({"title", "location", "description"})
CREATES_A_BATCH = 50
SAVES_A_BATCH = 20
MOST_TAKEN_IDS = 8
GONE = frozenset({404, 410})
LOCAL = frozenset({Verb.AGREE, Verb.PART, Verb.UNLINK})
ORDER = {verb: place for place, verb in enumerate(Verb)}


class Stale(Exception):
    """A side has moved on since it was read; what it holds now.

    `link` is the link to decide anew with, where a write of ours has moved its base meanwhile.
    """

    def __init__(
        self,
        *,
        google: Observed | None = None,
        salesforce: Observed | None = None,
        link: Link | None = None,
    ):
        super().__init__("the event changed while it was being synced")
        self.google = google
        self.salesforce = salesforce
        self.link = link


@dataclass(slots=True)
class Actor:
    """Runs steps for one person. `failed` are the pairs (Google id, Salesforce id) to set aside.

    An error about one event is kept and the rest goes on; any other is raised, and the event it
    happened at is set aside too, so that it comes last next time.
    """

    work: PassWork
    sides: Sides
    store: PassStore
    clock: Callable[[], datetime]
    check: Check
    tally: Tally
    failed: list[tuple[str, str]] = field(default_factory=list)
    first_error: RawError | None = None
    _saves: list[Link] = field(default_factory=list)
    _drops: list[int] = field(default_factory=list)

    def run(self, steps: Iterable[Step], last: Callable[[Step], bool]) -> None:
        """Run steps, local ones first and those `last` names at the end."""
        ordered = sorted(steps, key=lambda step: (last(step), ORDER[step.verb]))
        local = [step for step in ordered if step.verb in LOCAL]
        creates = [s for s in ordered if s.verb is Verb.CREATE_SALESFORCE and not last(s)]
        at_once = {id(step) for step in (*local, *creates)}
        try:
            for step in local:
                self._perform(step)
            for some in batches(creates, CREATES_A_BATCH):
                self._create_in_salesforce(some)
            for step in ordered:
                if id(step) not in at_once:
                    self._attempt(step)
        except Exception:
            self.flush()
            raise
        self.flush()

    def flush(self) -> None:
        """Make durable what was confirmed."""
        if self._saves or self._drops:
            self.store.links_save(self.work, self._saves, dropped=self._drops, now=self.clock())
        self._saves, self._drops = [], []

    def _save(self, link: Link) -> None:
        if link.id is not None:
            self._saves = [each for each in self._saves if each.id != link.id]
        self._saves.append(link)
        if len(self._saves) >= SAVES_A_BATCH:
            self.flush()

    def _drop(self, step: Step) -> None:
        if step.pair.link and step.pair.link.id is not None:
            self._drops.append(step.pair.link.id)

    def _fail(self, step: Step, raw: RawError | None) -> None:
        self.failed.append((step.pair.google_id, step.pair.salesforce_id))
        self.first_error = self.first_error or raw

    def _attempt(self, step: Step) -> None:
        """Run one step; if the event has moved on meanwhile, decide once more and run that."""
        try:
            try:
                self._perform(step)
            except Stale as stale:
                self._replan(step, stale)
        except ProviderError as error:
            self._fail(step, error.raw)
            if not (is_about_one_event(error) or is_about_one_record(error)):
                raise

    def _replan(self, step: Step, stale: Stale) -> None:
        pair = replace(
            step.pair,
            google=stale.google or step.pair.google,
            salesforce=stale.salesforce or step.pair.salesforce,
            link=stale.link or step.pair.link,
        )
        again = decide(pair, date.min).step
        if again is None:
            return
        try:
            self._perform(again)
        except Stale as moved:
            # Somebody keeps editing it: the next pass reads it anew.
            self._fail(step, _keeps_changing(moved))

    def _perform(self, step: Step) -> None:
        if step.verb is Verb.AGREE:
            self._save(_agreed(step, step.new_base))
        elif step.verb is Verb.PART:
            self._save(_parted(step))
        elif step.verb is Verb.UNLINK:
            self._drop(step)
        elif step.verb is Verb.UPDATE:
            self._update(step)
        elif step.verb is Verb.CREATE_GOOGLE:
            self._create_in_google(step)
        elif step.verb is Verb.CREATE_SALESFORCE:
            self._create_in_salesforce([step], alone=True)
        elif step.verb is Verb.DELETE_GOOGLE:
            self._delete_in_google(step)
        else:
            self._delete_in_salesforce(step)

    def _before_write(self) -> None:
        """Raise if a later pass has begun or the time is over; what is announced has been asked."""
        self.store.still_newest(self.work)
        self.check()

    def _announce(self, links: Sequence[Link]) -> list[Link]:
        """Write down, before creates are sent, what is going to be created."""
        self.flush()
        return self.store.links_save(self.work, links, dropped=(), now=self.clock())

    # Salesforce

    def _create_in_salesforce(self, steps: Sequence[Step], *, alone: bool = False) -> None:
        self.check()
        links = self._announce([_announced_salesforce(step) for step in steps])
        self.check()
        bodies = [self._salesforce_body(step) for step in steps]
        if alone or len(steps) == 1:
            self._create_alone(zip(steps, links, bodies, strict=True), raising=alone)
            return
        try:
            record_ids = self.sides.salesforce.upsert_many(KEY_FIELD, bodies)
        except ProviderError:
            for step in steps[:1]:
                self._fail(step, None)
            raise
        refused = []
        for step, link, body, record_id in zip(steps, links, bodies, record_ids, strict=True):
            if record_id:
                self._created_in_salesforce(link, record_id)
            else:
                refused.append((step, link, body))
        self.flush()
        self._create_alone(refused)

    def _create_alone(
        self, creates: Iterable[tuple[Step, Link, dict[str, object]]], *, raising: bool = False
    ) -> None:
        """Create one by one: the answer tells what a collection's answer only hints at."""
        for step, link, body in creates:
            self._before_write()
            key = str(body.pop(KEY_FIELD))
            try:
                record_id = self.sides.salesforce.upsert(KEY_FIELD, key, body)
            except ProviderError as error:
                if raising:
                    raise
                self._fail(step, error.raw)
                if not is_about_one_record(error):
                    raise
                continue
            self._created_in_salesforce(link, record_id)

    def _salesforce_body(self, step: Step) -> dict[str, object]:
        key = salesforce_key_for(self.work.person_id, step.pair.google_id)
        owner = {"OwnerId": self.work.salesforce_user_id, KEY_FIELD: key}
        return salesforce_record(step.new_base.salesforce, ALL_FIELDS) | owner

    def _created_in_salesforce(self, link: Link, record_id: str) -> None:
        self.tally.salesforce_created += 1
        self._save(replace(link, salesforce_id=record_id, state=LinkState.ACTIVE))

    def _salesforce_now(self, step: Step) -> Observed:
        return salesforce_event_now(
            self.sides.salesforce, step.pair.salesforce_id, self.work.salesforce_user_id
        )

    def _unmoved_in_salesforce(self, step: Step) -> Present:
        """Return the record as it is now; raise Stale if it holds something else than was read."""
        now, was = self._salesforce_now(step), step.pair.salesforce
        if not isinstance(now, Present):
            raise Stale(salesforce=now)
        if isinstance(was, Present) and now.content != was.content:
            raise Stale(salesforce=now)
        return now

    def _delete_in_salesforce(self, step: Step) -> None:
        self.check()
        try:
            if step.scrub:
                self._blank_in_salesforce(step)
            else:
                self._unmoved_in_salesforce(step)
            self._before_write()
            self.sides.salesforce.delete(step.pair.salesforce_id)
            self.tally.salesforce_deleted += 1
        except Stale as stale:
            if not isinstance(stale.salesforce, Deleted):
                raise
        except ProviderError as error:
            if error.status not in GONE:
                raise
        self._drop(step)

    def _blank_in_salesforce(self, step: Step) -> None:
        """Take the words out of a copy before it goes to the recycle bin, where it can be read.

        The link forgets them first: should the original be opened before the copy is gone, the
        blanks must not pass for an edit. A record that may not be blanked is told and still goes.
        """
        link = step.pair.link
        assert link is not None
        self._announce([replace(link, base=_wordless(link.base))])
        self.check()
        body = salesforce_record(_wordless(link.base).salesforce, WORDS)
        try:
            self.sides.salesforce.update(step.pair.salesforce_id, body, None)
        except ProviderError as error:
            if error.status in GONE or not is_about_one_record(error):
                raise
            self.first_error = self.first_error or error.raw

    # Google

    def _create_in_google(self, step: Step) -> None:
        base, link = step.new_base, step.pair.link
        taken = link.google_id if link and link.state is LinkState.ACTIVE else ""
        event_id = google_id_for(self.work.person_id, step.pair.salesforce_id, taken)
        if link and link.creating:
            event_id = link.google_id
        for _ in range(MOST_TAKEN_IDS):
            self.check()
            (link,) = self._announce([_announced_google(step, event_id, link)])
            self.check()
            try:
                item = self.sides.google.insert(
                    google_event(
                        base.google,
                        event_id=event_id,
                        key=step.pair.salesforce_id,
                        zone=self.work.time_zone,
                    )
                )
            except ProviderError as error:
                if error.status != 409 or error.code != "duplicate":
                    raise
                there = google_event_now(self.sides.google, event_id)
                if isinstance(there, Deleted):
                    # An id once used is taken for ever, even by a copy that is long gone.
                    event_id = google_id_for(self.work.person_id, step.pair.salesforce_id, event_id)
                    continue
                self._adopt(step, link, there)
                return
            self.tally.google_created += 1
            self._save(_agreed(step, base, link=link, google=google_observed(item)))
            return
        raise ProviderError(
            own_error("google", "NoFreeId", "every id for this copy is taken", "events.insert")
        )

    def _adopt(self, step: Step, link: Link, there: Observed) -> None:
        """The copy exists: its create was answered to nobody. Go on from what was announced."""
        pair = replace(step.pair, google_id=link.google_id, google=there, link=link)
        self.tally.google_created += 1
        again = decide(pair, date.min).step
        if again is not None:
            self._perform(again)

    def _etag(self, step: Step) -> str:
        """The version the step was decided on; read anew where it is not known."""
        seen = step.pair.google
        if isinstance(seen, Present | Private | Excluded) and seen.version:
            return seen.version
        now = google_event_now(self.sides.google, step.pair.google_id)
        if not isinstance(now, Present):
            raise Stale(google=now)
        if isinstance(seen, Present) and now.content != seen.content:
            raise Stale(google=now)
        return now.version

    def _delete_in_google(self, step: Step) -> None:
        try:
            etag = self._etag(step)
            self._before_write()
            self.sides.google.delete(step.pair.google_id, etag)
            self.tally.google_deleted += 1
        except Stale as stale:
            if not isinstance(stale.google, Deleted):
                raise
        except ProviderError as error:
            if error.status == 412:
                now = google_event_now(self.sides.google, step.pair.google_id)
                raise Stale(google=now) from error
            if error.status not in GONE:
                raise
        self._drop(step)

    # Both

    def _update(self, step: Step) -> None:
        """Write Google first, then Salesforce; a break in between is seen as agreement later."""
        merged, google, link = step.update, step.pair.google, step.pair.link
        if merged.google_fields:
            google = self._patch_google(step)
            link = _half_agreed(step, google)
            # Kept even if the rest fails: what we wrote must not pass for an edit of Google's.
            self._save(link)
        if merged.salesforce_fields:
            try:
                self._update_salesforce(step)
            except Stale as stale:
                raise Stale(google=google, salesforce=stale.salesforce, link=link) from stale
        self.tally.conflicts += merged.conflicts
        self._save(_agreed(step, step.new_base, google=google))

    def _patch_google(self, step: Step) -> Observed:
        merged, seen = step.update, step.pair.google
        assert isinstance(seen, Present)
        body = google_patch(
            merged.google, merged.google_fields, zone=self.work.time_zone, was=seen.content.when
        )
        etag = self._etag(step)
        self._before_write()
        try:
            item = self.sides.google.patch(step.pair.google_id, body, etag)
        except ProviderError as error:
            if error.status == 412 or error.status in GONE:
                now = google_event_now(self.sides.google, step.pair.google_id)
                raise Stale(google=now) from error
            raise
        self.tally.google_updated += 1
        return google_observed(item)

    def _update_salesforce(self, step: Step) -> None:
        self.check()
        unmodified_since = stamp_time(self._unmoved_in_salesforce(step).version)
        self._before_write()
        body = salesforce_record(step.update.salesforce, step.update.salesforce_fields)
        try:
            self.sides.salesforce.update(step.pair.salesforce_id, body, unmodified_since)
        except ProviderError as error:
            if error.status in (404, 412):
                raise Stale(salesforce=self._salesforce_now(step)) from error
            raise
        self.tally.salesforce_updated += 1


def _keeps_changing(moved: Stale) -> RawError:
    provider = "salesforce" if moved.salesforce else "google"
    return own_error(provider, "KeepsChanging", "an event changed twice while it was being synced")


def _wordless(base: Base) -> Base:
    return Base(
        google=replace(base.google, title="", location="", description=""),
        salesforce=replace(base.salesforce, title="", location="", description=""),
    )


def _announced_salesforce(step: Step) -> Link:
    seen, link = step.pair.google, step.pair.link
    return Link(
        id=link.id if link else None,
        google_id=step.pair.google_id,
        salesforce_id="",
        base=step.new_base,
        origin=step.origin,
        state=LinkState.CREATING_SALESFORCE,
        google_etag=seen.version if isinstance(seen, Present) else "",
    )


def _announced_google(step: Step, event_id: str, link: Link | None) -> Link:
    seen = step.pair.salesforce
    return Link(
        id=link.id if link else None,
        google_id=event_id,
        salesforce_id=step.pair.salesforce_id,
        base=step.new_base,
        origin=step.origin,
        state=LinkState.CREATING_GOOGLE,
        salesforce_stamp=seen.version if isinstance(seen, Present) else "",
    )


def _parted(step: Step) -> Link:
    link = step.pair.link
    assert link is not None
    google_is_private = isinstance(step.pair.google, Private)
    state = LinkState.PRIVATE_GOOGLE if google_is_private else LinkState.PRIVATE_SALESFORCE
    return replace(link, state=state)


def _half_agreed(step: Step, google: Observed) -> Link:
    """The link after Google was patched: its base moves for exactly the fields written there.

    Its versions stay, because its base is not all that they stand for.
    """
    link, seen, merged = step.pair.link, step.pair.salesforce, step.update
    # Without a base Google's values win, so only linked events are ever patched.
    assert link is not None
    assert isinstance(seen, Present)
    stored = google.content if isinstance(google, Present) else merged.google
    names = merged.google_fields
    base = Base(
        google=replace(link.base.google, **{name: getattr(stored, name) for name in names}),
        salesforce=replace(
            link.base.salesforce, **{name: getattr(seen.content, name) for name in names}
        ),
    )
    return replace(link, base=base)


def _agreed(
    step: Step, base: Base, *, link: Link | None = None, google: Observed | None = None
) -> Link:
    """The link after a step: its base as Google really stored it, versions where they are known."""
    pair, link = step.pair, link or step.pair.link
    google = google or pair.google
    if isinstance(google, Present) and not (step.merged and step.merged.unfit):
        base = Base(google=google.content, salesforce=base.salesforce)
    wrote_salesforce = bool(step.merged and step.merged.salesforce_fields)
    salesforce = pair.salesforce
    return Link(
        id=link.id if link else None,
        google_id=link.google_id if link else pair.google_id,
        salesforce_id=pair.salesforce_id,
        base=base,
        origin=step.origin,
        state=LinkState.ACTIVE,
        google_etag=google.version if isinstance(google, Present) else "",
        salesforce_stamp=(
            salesforce.version if isinstance(salesforce, Present) and not wrote_salesforce else ""
        ),
    )
