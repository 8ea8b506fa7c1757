"""The queue tasks behind the doorbell of actions: they work at all that run, in turns."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

from django.conf import settings
from django.db import close_old_connections, connection
from django.db.models.functions import Coalesce
from django.utils import timezone

from monitoring.actions.deeds import Manner
from monitoring.actions.keeping import actions_keep, is_to_be_let_go
from monitoring.actions.models import Action, ActionQuerySet, ActionState
from monitoring.actions.network import LOOK_AGAIN, Crew
from monitoring.actions.paced import pace_work
from monitoring.actions.running import manner_of, slice_work
from monitoring.jobs import lifeline
from monitoring.jobs.beats import worker_beat
from monitoring.jobs.doorbell import FAST, ring_task
from monitoring.jobs.models import Lane
from monitoring.jobs.outage import is_connected

logger = logging.getLogger(__name__)

WORK = "monitoring.actions.working.actions_work"
WORK_BRIEFLY = "monitoring.actions.working.actions_work_briefly"
# Seconds a worker stays at it before others have a turn. The fast cluster also has to start the
# sync that an admin asks for within a second.
TURN = 20.0
BRIEF_TURN = 1.0
# So many people at most are done within the request that asks for it.
FEW = 20
# Longer than a preview can be confirmed.
KEPT = timedelta(hours=25)
NEVER_BEGUN = [ActionState.PREVIEW, ActionState.DISCARDED]
FORGOTTEN_AT_ONCE = 20
# Any fixed number will do; it is that of working at actions among the advisory locks.
LOCK = 7_430_126_003

# What is done in one turn of an action that asks nobody; each tells whether it wants another.
STEPS = {Manner.AT_ONCE: slice_work, Manner.PACED: pace_work}


def action_begin_work(action: Action, now: datetime) -> None:
    """Do of an action that has begun what is quick, and have workers do the rest."""
    try:
        manner = manner_of(action)
        if manner == Manner.PACED:
            pace_work(action.pk, now, wait=True)
        elif manner == Manner.AT_ONCE and action.people <= FEW:
            while slice_work(action.pk, now, wait=True):
                pass
    finally:
        if Action.objects.running().filter(pk=action.pk).exists():
            ring_actions()


def ring_actions() -> None:
    """Wake workers for actions, once the current transaction is committed."""
    ring_task(WORK_BRIEFLY, cluster=FAST, unheard=1)
    ring_task(WORK, unheard=settings.DRAIN_SLOTS)


def actions_work() -> None:
    """Work at the actions that run, in turns, until this worker's time is up or nothing is left.

    Of the main cluster's workers one is at it at a time, so that the others can sync. Who only
    waits for providers lets another go on.
    """
    close_old_connections()
    with Crew() as crew:
        with only_one() as mine:
            if mine:
                actions_forget(timezone.now())
                actions_keep(timezone.now())
            more = mine and work(TURN, Lane.SCHEDULE, crew)
        if more:
            ring_actions()
        crew.finish()


def actions_work_briefly() -> None:
    """Do the same for a second, and only of what doesn't wait for a provider.

    For the fast cluster: what an admin began goes on although all drains are busy.
    """
    close_old_connections()
    if work(BRIEF_TURN, Lane.ADMIN):
        ring_actions()


def work(seconds: float, lane: Lane, crew: Crew | None = None) -> bool:
    """Work for so long; tell whether there is more to do. Providers are asked by the crew, if any.

    All that run have their turn before one has its second, whatever number of bells it takes.
    """
    until = monotonic() + seconds
    while True:
        running = Action.objects.running().select_related("undo_of").order_by("pk")
        for action in running.exclude(pk__in=this_round.served):
            # The manager must not take who works at actions for a worker that is stuck.
            worker_beat(lane=lane, in_flight=0)
            this_round.served.add(action.pk)
            this_round.wants_another |= action_work(action, crew)
            if monotonic() >= until or lifeline.is_cut():
                return True
        wants_another = this_round.end()
        if crew is not None and crew.is_busy:
            crew.gather(0 if wants_another else LOOK_AGAIN)
        elif not wants_another:
            return False


@dataclass(slots=True)
class Round:
    """Which actions have had their turn, and whether one of them wants another at once."""

    served: set[int] = field(default_factory=set)
    wants_another: bool = False

    def end(self) -> bool:
        """Begin anew; tell whether one wants another turn."""
        wants_another = self.wants_another
        self.served, self.wants_another = set(), False
        return wants_another


# This process goes on with it at the next bell, where its time was up in the middle.
this_round = Round()


def action_work(action: Action, crew: Crew | None) -> bool:
    """Give an action its turn; tell whether it wants another at once.

    Raises when the connection is lost. An action that breaks does not keep the others from theirs.
    """
    try:
        manner = manner_of(action)
        if manner != Manner.NETWORK:
            return STEPS[manner](action.pk, timezone.now())
        if crew is not None:
            crew.begin(action, timezone.now())
        return False
    except Exception:
        if not is_connected():
            raise
        logger.exception("action %s broke; the next tick tries again", action.pk)
        return False


@contextmanager
def only_one() -> Iterator[bool]:
    """Tell whether nobody else is in here; the lock goes with the connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        (mine,) = cursor.fetchone()
    try:
        yield mine
    finally:
        if mine and is_connected():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def actions_wait() -> bool:
    """Tell whether an action runs, or there is something to forget."""
    now = timezone.now()
    running = Action.objects.running().exists()
    return running or forgettable(now).exists() or is_to_be_let_go(now)


def forgettable(now: datetime) -> ActionQuerySet:
    """Return previews that are no longer looked at; what was asked for and refused is kept."""
    before = now - KEPT
    old: ActionQuerySet = Action.objects.filter(
        state__in=NEVER_BEGUN, confirmed_at=None, created_at__lt=before
    )
    return old.annotate(left_at=Coalesce("second_at", "created_at")).filter(left_at__lt=before)


def actions_forget(now: datetime) -> int:
    """Forget previews and discarded actions older than a day; return how many."""
    old = list(forgettable(now).values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
    Action.objects.filter(pk__in=old, state__in=NEVER_BEGUN).delete()
    return len(old)
