"""Working at an action that asks a provider for each person.

Nobody's row is locked while a provider is waited for. Each person is claimed under a token and a
lease by the database's clock; their result is written only while that claim holds. Who was claimed
by a worker that died is claimed anew when the lease has ended.
"""

from __future__ import annotations

import logging
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, connections, transaction

from monitoring.actions.deeds import Deed, Result
from monitoring.actions.models import Action, ActionPerson, PersonState
from monitoring.actions.registry import deed_of
from monitoring.actions.results import results_write
from monitoring.actions.running import finish, take
from monitoring.jobs.beats import worker_beat
from monitoring.jobs.models import Lane
from monitoring.jobs.outage import DATABASE_ERRORS, is_connected

logger = logging.getLogger(__name__)

# So many people are asked for at the same time, of one organization and of all.
THREADS = 4
SEATS = 16
# Seconds after which somebody who waits for results looks for other work.
LOOK_AGAIN = 1.0
# Seconds. A deed's calls must all have timed out well before.
LEASE = 180

CLAIM = f"""
    WITH picked AS (
        SELECT id FROM actions_actionperson
        WHERE action_id = %(action)s AND (
            state = {int(PersonState.WAITING)}
            OR state = {int(PersonState.RUNNING)} AND lease_until < now()
        )
        ORDER BY state, id LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    )
    UPDATE actions_actionperson AS member
    SET state = {int(PersonState.RUNNING)}, token = %(token)s,
        lease_until = now() + make_interval(secs => %(lease)s)
    FROM picked WHERE member.id = picked.id
    RETURNING member.id
"""  # noqa: S608 - made of constants


class Crew:
    """Asks providers for people of many actions at the same time, a few of each organization.

    So that nobody waits for the slow provider of somebody else. The caller's thread claims and
    writes; each person is asked for in a thread of their own.
    """

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(SEATS)
        self.asked: dict[Future[Result | None], Asked] = {}

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for who is still asked for; without `finish` their leases have to end."""
        self.threads.shutdown()

    @property
    def is_busy(self) -> bool:
        return bool(self.asked)

    def begin(self, action: Action, now: datetime) -> None:
        """Claim people of an action, as many as may be asked for now, and ask for them.

        Waits while everybody is busy; whose turn it is gets the first seat that is free.
        """
        while len(self.asked) >= SEATS:
            self.gather()
        theirs = sum(one.organization_id == action.organization_id for one in self.asked.values())
        limit = min(THREADS - theirs, SEATS - len(self.asked))
        if limit < 1:
            return
        token = uuid4()
        claimed, people = claim(action.pk, token, now, limit=limit)
        if claimed is None:
            return
        deed = deed_of(claimed.kind)
        for one in people:
            future = self.threads.submit(ask, deed, claimed, one, now)
            self.asked[future] = Asked(claimed, one, token, now)

    def gather(self, timeout: float = LOOK_AGAIN) -> None:
        """Write the results that are there, having waited for the first so many seconds at most."""
        # The manager must not take who waits for a provider for a worker that is stuck.
        worker_beat(lane=Lane.SCHEDULE, in_flight=0)
        for future in wait(self.asked, timeout, FIRST_COMPLETED).done:
            asked, result = self.asked.pop(future), future.result()
            if result is not None:
                self.write(asked, result)

    def finish(self) -> None:
        """Wait for all who are asked for and write their results."""
        while self.is_busy:
            self.gather()

    def write(self, asked: Asked, result: Result) -> None:
        try:
            result_write(asked.action, asked.one, result, asked.token, asked.now)
            if all(other.action.pk != asked.action.pk for other in self.asked.values()):
                end(asked.action.pk, asked.now)
        except Exception:
            if not is_connected():
                raise
            person = asked.one.person_id
            logger.exception("action %s: no result of person %s", asked.action.pk, person)


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody who is being asked for, and under which claim."""

    action: Action
    one: ActionPerson
    token: UUID
    now: datetime

    @property
    def organization_id(self) -> int:
        return self.action.organization_id


@transaction.atomic
def end(action_id: int, now: datetime) -> None:
    action = take(action_id)
    if action is not None:
        finish(action, now)


@transaction.atomic
def claim(
    action_id: int, token: UUID, now: datetime, *, limit: int = THREADS
) -> tuple[Action | None, list[ActionPerson]]:
    """Claim people whose turn it is. An action that has nobody left is ended."""
    action = take(action_id)
    if action is None or finish(action, now):
        return None, []
    values: dict[str, Any] = {"action": action.pk, "token": token}
    values |= {"lease": LEASE, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        claimed = [row for (row,) in cursor.fetchall()]
    people = ActionPerson.objects.filter(pk__in=claimed).select_related("person").order_by("pk")
    return action, list(people)


def ask(deed: Deed, action: Action, one: ActionPerson, now: datetime) -> Result | None:
    """Do the deed to one person; None where the database went away, and the lease must end."""
    try:
        return deed.do(action, [one], now)[one.person_id]
    except DATABASE_ERRORS:
        logger.warning("action %s: no database for person %s", action.pk, one.person_id)
        return None
    except Exception:
        logger.exception("action %s broke at person %s", action.pk, one.person_id)
        return Result(PersonState.FAILED, "broken")
    finally:
        connections.close_all()


@transaction.atomic
def result_write(
    action: Action, one: ActionPerson, result: Result, token: UUID, now: datetime
) -> None:
    """Write one result, unless somebody else has claimed the person since."""
    results_write(action, [one], {one.person_id: result}, now, token=token)
