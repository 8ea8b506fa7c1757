"""From what was seen of each event to the step that follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from syncing.engine.content import Base, EventContent, ends_at
from syncing.engine.fitting import fits_salesforce
from syncing.engine.links import Link, LinkState, Origin
from syncing.engine.merge import Merged, created_in_google, created_in_salesforce, merge
from syncing.engine.observed import (
    Deleted,
    Excluded,
    Observed,
    Present,
    Private,
    Unchanged,
    Unknown,
)

DELETES_ALWAYS_ALLOWED = 10
DELETED_SHARE_ALLOWED = 0.5


# A copy that is still being created counts as made when it is seen alive. One that seems deleted is
# made anew, for the deletion may be that of an earlier copy and must not take the original along.
SEEN = (Present, Private, Excluded)


@dataclass(frozen=True, slots=True)
class Pair:
    """One event as seen on both sides; ids are empty where there is none (yet)."""

    google_id: str
    salesforce_id: str
    google: Observed
    salesforce: Observed
    link: Link | None = None


class Verb(StrEnum):
    CREATE_GOOGLE = "create Google event"
    CREATE_SALESFORCE = "create Salesforce event"
    UPDATE = "update"
    AGREE = "remember what both hold"
    DELETE_GOOGLE = "delete Google event"
    DELETE_SALESFORCE = "delete Salesforce event"
    PART = "let nothing flow while one side is private"
    UNLINK = "forget the link"


@dataclass(frozen=True, slots=True)
class Step:
    """What to do about one pair. `scrub`: the delete takes back a copy that became private."""

    pair: Pair
    verb: Verb
    base: Base | None = None
    merged: Merged | None = None
    origin: Origin = Origin.BOTH
    scrub: bool = False

    @property
    def new_base(self) -> Base:
        """The base after the step; of a step that has one."""
        assert self.base is not None
        return self.base

    @property
    def update(self) -> Merged:
        """What an update writes; of a step that is one."""
        assert self.merged is not None
        return self.merged

    @property
    def deletes(self) -> bool:
        return self.verb in (Verb.DELETE_GOOGLE, Verb.DELETE_SALESFORCE)


@dataclass(frozen=True, slots=True)
class Decision:
    """The step for a pair, if any, and what is to be told about it.

    `skipped`: it is not synced, or not in full. `unfit`: because Salesforce can't hold it.
    """

    step: Step | None = None
    skipped: bool = False
    unfit: bool = False


NOTHING = Decision()
SKIPPED = Decision(skipped=True)


def decide(pair: Pair, window_start: date) -> Decision:
    """Return what follows for one pair. Events that ended before the window are not taken up."""
    link = pair.link
    if link is None:
        return _decide_unlinked(pair, window_start)
    google, salesforce = _resolved(pair, link)
    if link.creating and not isinstance(salesforce if _to_salesforce(link) else google, SEEN):
        return _decide_creating(pair, link, google, salesforce)
    return _decide_linked(replace(pair, google=google, salesforce=salesforce), link)


def _to_salesforce(link: Link) -> bool:
    return link.state is LinkState.CREATING_SALESFORCE


def _resolved(pair: Pair, link: Link) -> tuple[Observed, Observed]:
    """Fill in from the base what the provider had nothing new to say about."""
    google, salesforce = pair.google, pair.salesforce
    if isinstance(google, Unchanged):
        google = Present(link.base.google, link.google_etag)
    if isinstance(salesforce, Unchanged):
        salesforce = Present(link.base.salesforce, link.salesforce_stamp)
    return google, salesforce


def _decide_unlinked(pair: Pair, window_start: date) -> Decision:
    google, salesforce = pair.google, pair.salesforce
    if isinstance(google, (Private, Excluded)) or isinstance(salesforce, (Private, Excluded)):
        return SKIPPED
    if isinstance(google, Present) and isinstance(salesforce, Present):
        return _merged_decision(pair, None, google, salesforce, Origin.BOTH)
    if isinstance(google, Present) and isinstance(salesforce, Unknown):
        return _create_salesforce(pair, google.content, window_start)
    if isinstance(salesforce, Present) and isinstance(google, Unknown):
        if ends_at(salesforce.content) < window_start:
            return NOTHING
        base = created_in_google(salesforce.content)
        return Decision(Step(pair, Verb.CREATE_GOOGLE, base, origin=Origin.SALESFORCE))
    return NOTHING


def _create_salesforce(pair: Pair, content: EventContent, window_start: date) -> Decision:
    if ends_at(content) < window_start:
        return NOTHING
    if not fits_salesforce(content):
        return Decision(skipped=True, unfit=True)
    base = created_in_salesforce(content)
    return Decision(Step(pair, Verb.CREATE_SALESFORCE, base, origin=Origin.GOOGLE))


def _decide_creating(pair: Pair, link: Link, google: Observed, salesforce: Observed) -> Decision:
    """The create was announced and has not happened: start afresh, or drop it with its source."""
    source = google if _to_salesforce(link) else salesforce
    if not isinstance(source, Present):
        return Decision(Step(pair, Verb.UNLINK))
    if _to_salesforce(link):
        return _create_salesforce(pair, source.content, date.min)
    base = created_in_google(source.content, link.base)
    return Decision(Step(pair, Verb.CREATE_GOOGLE, base, origin=link.origin))


def _decide_linked(pair: Pair, link: Link) -> Decision:
    google, salesforce = pair.google, pair.salesforce
    if isinstance(google, Private) or isinstance(salesforce, Private):
        return _decide_private(pair, link)
    if isinstance(google, Deleted) or isinstance(salesforce, Deleted):
        return _decide_deleted(pair, link)
    if isinstance(google, Present) and isinstance(salesforce, Present):
        return _merged_decision(pair, link.base, google, salesforce, link.origin)
    return SKIPPED


def _decide_private(pair: Pair, link: Link) -> Decision:
    """Take back a copy whose original became private. A private copy stays, and stays apart."""
    google, salesforce = isinstance(pair.google, Private), isinstance(pair.salesforce, Private)
    if isinstance(pair.google, Deleted) or isinstance(pair.salesforce, Deleted):
        return Decision(Step(pair, Verb.UNLINK))
    if google and link.origin is Origin.GOOGLE:
        return Decision(Step(pair, Verb.DELETE_SALESFORCE, scrub=True), skipped=True)
    if salesforce and link.origin is Origin.SALESFORCE:
        return Decision(Step(pair, Verb.DELETE_GOOGLE, scrub=True), skipped=True)
    if google and salesforce:
        return Decision(Step(pair, Verb.UNLINK), skipped=True)
    return SKIPPED if link.apart else Decision(Step(pair, Verb.PART), skipped=True)


def _decide_deleted(pair: Pair, link: Link) -> Decision:
    """Deleted here and unchanged there: delete there. Edited there: the edit wins."""
    google, salesforce, base = pair.google, pair.salesforce, link.base
    if not isinstance(google, Present) and not isinstance(salesforce, Present):
        return Decision(Step(pair, Verb.UNLINK))
    if isinstance(google, Deleted) and isinstance(salesforce, Present):
        if salesforce.content == base.salesforce:
            return Decision(Step(pair, Verb.DELETE_SALESFORCE))
        made_anew = created_in_google(salesforce.content, base)
        return Decision(Step(pair, Verb.CREATE_GOOGLE, made_anew, origin=Origin.SALESFORCE))
    if isinstance(salesforce, Deleted) and isinstance(google, Present):
        if google.content == base.google:
            return Decision(Step(pair, Verb.DELETE_GOOGLE))
        return _create_salesforce(pair, google.content, date.min)
    return SKIPPED


def _merged_decision(
    pair: Pair, base: Base | None, google: Present, salesforce: Present, origin: Origin
) -> Decision:
    merged = merge(base, google.content, salesforce.content)
    if merged.unfit and base is None:
        return Decision(skipped=True, unfit=True)
    new_base = merged.base
    if merged.unfit and base is not None:
        new_base = Base(
            google=replace(merged.google, when=base.google.when),
            salesforce=replace(merged.salesforce, when=base.salesforce.when),
        )
    if merged.writes_nothing and pair.link and pair.link.state is LinkState.ACTIVE:
        same = new_base == base and _versions_known(pair.link, google, salesforce)
        step = None if same else Step(pair, Verb.AGREE, new_base, merged, origin)
    else:
        verb = Verb.AGREE if merged.writes_nothing else Verb.UPDATE
        step = Step(pair, verb, new_base, merged, origin)
    return Decision(step, skipped=merged.unfit, unfit=merged.unfit)


def _versions_known(link: Link, google: Present, salesforce: Present) -> bool:
    return google.version == link.google_etag and salesforce.version == link.salesforce_stamp


@dataclass(frozen=True, slots=True)
class Guarded:
    """Steps that may run, and the deletes that were held back because there are too many."""

    steps: tuple[Step, ...]
    held: tuple[Step, ...]


def deletes_allowed(linked: int) -> int:
    """Return how many deletes one plan may hold for a person with so many linked events."""
    return max(DELETES_ALWAYS_ALLOWED, int(linked * DELETED_SHARE_ALLOWED))


def guard_deletes(steps: Sequence[Step], linked: int) -> Guarded:
    """Hold back all deletes of a plan that has too many of them.

    Taking back a copy whose original became private is not one of them: the original stays.
    """
    deletes = [step for step in steps if step.deletes and not step.scrub]
    if len(deletes) <= deletes_allowed(linked):
        return Guarded(tuple(steps), ())
    held = {id(step) for step in deletes}
    return Guarded(tuple(step for step in steps if id(step) not in held), tuple(deletes))
