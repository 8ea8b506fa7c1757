"""Working at an action that asks a provider for each person.

Nobody's row is locked while a provider is waited for. Each person is claimed under a token and a
lease by the database's clock; their result is written only while that claim holds. Who was claimed
by a worker that died is claimed anew when the lease has ended.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, connections, transaction

from monitoring.actions.deeds import Deed, Result
from monitoring.actions.models import Action, ActionPerson, PersonState
from monitoring.actions.registry import deed_of
from monitoring.actions.results import results_write
from monitoring.actions.running import finish, take
from monitoring.jobs.outage import DATABASE_ERRORS

logger = logging.getLogger(__name__)

# So many people are asked for at the same time.
THREADS = 4
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


def network_work(action_id: int, now: datetime) -> bool:
    """Claim a few people, do the deed to them side by side, and write what came of each.

    Tells whether there may be more. Nothing happens while somebody else is claiming.
    """
    token = uuid4()
    action, people = claim(action_id, token, now)
    if action is None or not people:
        return False
    for one, result in asked(deed_of(action.kind), action, people, now):
        result_write(action, one, result, token, now)
    with transaction.atomic():
        still = take(action_id)
        return still is not None and not finish(still, now)


@transaction.atomic
def claim(action_id: int, token: UUID, now: datetime) -> tuple[Action | None, list[ActionPerson]]:
    """Claim people whose turn it is. An action that has nobody left is ended."""
    action = take(action_id)
    if action is None or finish(action, now):
        return None, []
    values: dict[str, Any] = {"action": action.pk, "token": token}
    values |= {"lease": LEASE, "limit": THREADS}
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        claimed = [row for (row,) in cursor.fetchall()]
    people = ActionPerson.objects.filter(pk__in=claimed).select_related("person").order_by("pk")
    return action, list(people)


def asked(
    deed: Deed, action: Action, people: list[ActionPerson], now: datetime
) -> Iterator[tuple[ActionPerson, Result]]:
    """Do the deed to each in a thread of their own; yield results as they come."""
    with ThreadPoolExecutor(THREADS) as threads:
        running = {threads.submit(ask, deed, action, one, now): one for one in people}
        for done in as_completed(running):
            result = done.result()
            if result is not None:
                yield running[done], result


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
