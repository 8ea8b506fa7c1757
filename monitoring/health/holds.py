"""Placing and lifting holds. Permission and audit are their callers'.

Whoever locks holds and Health rows locks the holds first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import F

from accounts.models import Person
from monitoring.health.change import Change, HealthFacts, take_hold, was_ever_run
from monitoring.health.fold import PolicyFacts
from monitoring.health.models import Hold, HoldAuthor
from monitoring.health.returning import next_turns, return_waits
from monitoring.health.store import Row, advance, lock


class Wanted(NamedTuple):
    """A hold to be placed on a person, given by id."""

    person: int
    reason: str
    ends_at: datetime | None


@transaction.atomic
def hold_place(
    *,
    person: Person,
    author_kind: HoldAuthor,
    author: Any,
    author_name: str,
    reason: str,
    now: datetime,
    ends_at: datetime | None = None,
) -> Hold:
    """Record a human's decision that this person must not sync now, and let health show it.

    The database raises IntegrityError for a hold without a human author.
    """
    placed = holds_place(
        people=[person.pk],
        author_kind=author_kind,
        author=author,
        author_name=author_name,
        reason=reason,
        now=now,
        ends_at=ends_at,
    )
    return Hold.objects.get(pk=placed[person.pk])


def holds_place(
    *,
    people: Collection[int],
    author_kind: HoldAuthor,
    author: Any,
    author_name: str,
    reason: str,
    now: datetime,
    ends_at: datetime | None = None,
) -> dict[int, int]:
    """Do for many people, given by id, what `hold_place` does for one.

    Returns the holds' ids by person; who is gone meanwhile has none.
    """
    placed = holds_place_each(
        wanted=[Wanted(person, reason, ends_at) for person in people],
        author_kind=author_kind,
        author=author,
        author_name=author_name,
        now=now,
    )
    return {person: holds[0] for person, holds in placed.items()}


@transaction.atomic
def holds_place_each(
    *,
    wanted: Sequence[Wanted],
    author_kind: HoldAuthor,
    author: Any,
    author_name: str,
    now: datetime,
) -> dict[int, list[int]]:
    """Place holds of which each has its own reason and end; return their ids by person."""
    locked = lock({one.person for one in wanted})
    placed = Hold.objects.bulk_create(
        Hold(
            organization_id=locked[one.person].organization_id,
            person_id=one.person,
            author_kind=author_kind,
            author=author,
            author_name=author_name,
            reason=one.reason,
            started_at=now,
            ends_at=one.ends_at,
        )
        for one in wanted
        if one.person in locked
    )
    _follow(locked, now)
    by_person: defaultdict[int, list[int]] = defaultdict(list)
    for hold in placed:
        by_person[hold.person_id].append(hold.pk)
    return by_person


def hold_release(*, hold: Hold, author: Any, now: datetime) -> None:
    """Lift one hold. Another hold on the same person stays, and keeps them disabled."""
    holds_release(holds=[hold.pk], author=author, now=now, at_once=True)


@transaction.atomic
def holds_release(
    *, holds: Collection[int], author: Any, now: datetime, at_once: bool = False
) -> dict[int, int]:
    """Do for many holds, given by id, what `hold_release` does for one.

    Unless told `at_once`, those who come back are due one after the other at the pace of bulk
    actions, behind those of their organization who are still coming back. Returns the people by
    hold of those lifted; the others had been lifted, or their end had been carried out.
    """
    lifted = dict(
        Hold.objects.unreleased()
        .filter(pk__in=holds)
        .order_by("pk")
        .select_for_update(no_key=True)
        .values_list("pk", "person_id")
    )
    Hold.objects.filter(pk__in=lifted).update(released_at=now, released_by=author)
    _follow(lock(set(lifted.values())), now, paced=not at_once)
    return lifted


@transaction.atomic
def holds_end(*, now: datetime, limit: int = 1_000) -> int:
    """Let people sync again whose holds have run out; return how many holds ended.

    Those of an organization come back one after the other, as from a bulk action, however many
    ticks it takes to end their holds.
    """
    ended = list(
        # Not against the foreign key of a Health row that is being pointed at one of them.
        Hold.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(ends_at__lte=now, released_at=None)
        .order_by("ends_at")[:limit]
    )
    Hold.objects.filter(pk__in=[hold.pk for hold in ended]).update(released_at=now)
    _follow(lock({hold.person_id for hold in ended}), now, paced=True)
    return len(ended)


def _follow(locked: Mapping[int, Row], now: datetime, *, paced: bool = False) -> None:
    """Point locked Health rows at an active hold of their person, or at none.

    Because they are locked before the holds are read, who places and who lifts a hold at the same
    time see each other's. Of several holds the one that lasts longest is shown.
    """
    # One that began a moment after this `now`, and was committed before, is active as well.
    holds = Hold.objects.unreleased().filter(person_id__in=locked).exclude(ends_at__lte=now)
    longest_last = holds.order_by(F("ends_at").asc(nulls_last=True), "started_at")
    active = dict(longest_last.values_list("person_id", "id"))
    waits = waits_of(locked, active, now) if paced else {}

    def step(
        person: int, facts: HealthFacts, policy: PolicyFacts
    ) -> tuple[HealthFacts, list[Change]]:
        wait = waits.get(person, timedelta())
        return take_hold(facts, active.get(person), policy, now, wait)

    advance(locked, step)


def waits_of(
    locked: Mapping[int, Row], active: Collection[int], now: datetime
) -> dict[int, timedelta]:
    """Return how long each of those who come back waits for their turn, by person id."""
    back = {
        person: row.organization_id
        for person, row in locked.items()
        if row.facts.hold_id and person not in active and was_ever_run(row.facts.runs)
    }
    per_second = settings.ACTION_PEOPLE_PER_SECOND
    first = next_turns(set(back.values()), now, per_second) if back else {}
    return return_waits(back, first, per_second)
