"""Doing an action to its people, a slice at a time.

Whoever works at an action, or stops it, holds the lock of its row for the length of a transaction;
a slice and its results are that transaction. A worker killed in the middle leaves the slice as if
it had never begun, and no lock. What takes longer than a transaction may last, a sync or a call to
a provider, is marked as begun in one, and its result is written by a statement that finds only who
has none yet (docs/actions.md).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

from monitoring.actions.deeds import Deed, Manner, Result
from monitoring.actions.models import (
    Action,
    ActionPerson,
    ActionState,
    Kind,
    PersonState,
)
from monitoring.actions.registry import deed_of
from monitoring.actions.results import results_write
from monitoring.jobs.outage import DATABASE_ERRORS

logger = logging.getLogger(__name__)


def deed_at(action: Action) -> Deed:
    """Return the deed that an action does, or undoes."""
    return deed_of(action.kind if action.undo_of is None else action.undo_of.kind)


def manner_of(action: Action) -> Manner:
    """Return how the action gets to its results; what is undone is undone at once."""
    return Manner.AT_ONCE if action.kind == Kind.UNDO else deed_at(action).manner


@transaction.atomic
def slice_work(action_id: int, now: datetime, *, wait: bool = False) -> bool:
    """Do the next slice of people; tell whether there may be more.

    Nothing happens while somebody else is at the action, unless told to wait for them.
    """
    action = take(action_id, wait=wait)
    if action is None:
        return False
    deed = deed_at(action)
    waiting = ActionPerson.objects.filter(action=action, state=PersonState.WAITING)
    people = list(waiting.order_by("id")[: deed.slice])
    if people:
        results_write(action, people, slice_do(deed, action, people, now), now)
    finish(action, now)
    return len(people) == deed.slice


def take(action_id: int, *, wait: bool = False) -> Action | None:
    """Lock a running action for the transaction.

    None where it does not run or, unless told to wait, where somebody else has it locked.
    """
    running = Action.objects.running().select_related("organization", "author", "undo_of")
    locked = running.select_for_update(skip_locked=not wait, of=("self",), no_key=True)
    action: Action | None = locked.filter(pk=action_id).first()
    return action


def slice_do(
    deed: Deed, action: Action, people: Sequence[ActionPerson], now: datetime
) -> Mapping[int, Result]:
    """Have the deed do, or undo, a slice; where that breaks, one by one."""
    try:
        with transaction.atomic():
            if action.undo_of is None:
                return deed.do(action, people, now)
            return deed.undo(action, undone_people(action, people), now)
    except DATABASE_ERRORS:
        raise
    except Exception:
        if len(people) == 1:
            logger.exception("action %s broke at person %s", action.pk, people[0].person_id)
            return {people[0].person_id: Result(PersonState.FAILED, "broken")}
        results: dict[int, Result] = {}
        for one in people:
            results |= slice_do(deed, action, [one], now)
        return results


def undone_people(action: Action, people: Sequence[ActionPerson]) -> list[ActionPerson]:
    """Return the rows of the action undone of those whose turn it is, in their order."""
    rows = ActionPerson.objects.filter(action=action.undo_of_id)
    return list(rows.filter(person__in=[one.person_id for one in people]).order_by("id"))


def finish(action: Action, now: datetime) -> bool:
    """End a locked action that has nobody left; tell whether it has ended."""
    open_states = [PersonState.WAITING, PersonState.RUNNING]
    if ActionPerson.objects.filter(action=action, state__in=open_states).exists():
        return False
    action.state = ActionState.DONE if action.stopped_by_id is None else ActionState.STOPPED
    action.finished_at = now
    action.save(update_fields=["state", "finished_at"])
    return True
