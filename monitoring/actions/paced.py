"""Working at an action whose people are synced one after the other."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from monitoring.actions.models import Action, ActionPerson, PersonState
from monitoring.actions.registry import deed_of
from monitoring.actions.results import results_write
from monitoring.actions.running import finish, slice_do, take
from monitoring.incidents.recovery import places_free
from monitoring.jobs.models import Job, JobState, Lane
from monitoring.jobs.stream import stream_enter

# So long a run may take before the stream gets thinner.
RUN_SECONDS = 10.0

# Job and outcome are looked at in one statement: closing a job is one transaction.
GATHER = f"""
    WITH outcome AS MATERIALIZED (
        SELECT attempt_id, result, rule, finished_at FROM outcomes_outcome
        WHERE attempt_id = ANY(%(attempts)s)
    ), ended AS (
        SELECT member.id, outcome.finished_at,
            CASE WHEN outcome.result IS NULL THEN {int(PersonState.SKIPPED)}
                WHEN outcome.result IN ('success', 'partial') THEN {int(PersonState.DONE)}
                ELSE {int(PersonState.FAILED)} END AS state,
            CASE WHEN outcome.result IS NULL THEN 'called_off'
                WHEN outcome.result = 'failure' THEN coalesce(outcome.rule, 'unrecognised')
                ELSE outcome.result END AS code
        FROM actions_actionperson AS member LEFT JOIN outcome USING (attempt_id)
        WHERE member.action_id = %(action)s AND member.state = {int(PersonState.RUNNING)}
            AND (outcome.attempt_id IS NOT NULL OR NOT EXISTS (
                SELECT FROM jobs_job AS job
                WHERE job.person_id = member.person_id AND job.attempt_id = member.attempt_id
            ))
    )
    UPDATE actions_actionperson AS member
    SET state = ended.state, code = ended.code, at = coalesce(ended.finished_at, %(now)s)
    FROM ended WHERE member.id = ended.id
"""  # noqa: S608 - made of constants


@transaction.atomic
def pace_work(action_id: int, now: datetime, *, wait: bool = False) -> bool:
    """Take in what has come of people, and queue as many more as the pace allows.

    Always False: there is no more to do before some have been synced. Nothing happens while
    somebody else is at the action, unless told to wait for them.
    """
    action = take(action_id, wait=wait)
    if action is None:
        return False
    gather(action, now)
    # Of an organization's actions one at a time looks at what is under way and adds to it.
    stream_enter(action.organization_id)
    deed = deed_of(action.kind)
    waiting = ActionPerson.objects.filter(action=action, state=PersonState.WAITING)
    people = list(waiting.order_by("id")[: min(places(action), deed.slice)])
    if people:
        results_write(action, people, slice_do(deed, action, people, now), now)
    finish(action, now)
    return False


def places(action: Action) -> int:
    """Return how many more people of the organization may be queued now."""
    running = Action.objects.running().filter(organization=action.organization_id)
    asked = ActionPerson.objects.filter(action__in=running, state=PersonState.RUNNING)
    under_way = asked.exclude(attempt_id=None)
    # Who gets access anew is synced in the same stream, without such an action.
    queued = Job.objects.filter(organization=action.organization_id, lane=Lane.BULK)
    others = queued.filter(state=JobState.QUEUED).exclude(
        attempt_id__in=under_way.values("attempt_id")
    )
    return places_free(
        under_way=under_way.count() + others.count(),
        per_second=settings.ACTION_PEOPLE_PER_SECOND,
        seconds=settings.TICK_SECONDS + RUN_SECONDS,
    )


def gather(action: Action, now: datetime) -> None:
    """Give a result to whose job has ended, by its outcome; one without was called off."""
    running = ActionPerson.objects.filter(action=action, state=PersonState.RUNNING)
    attempts = list(running.exclude(attempt_id=None).values_list("attempt_id", flat=True))
    if not attempts:
        return
    with connection.cursor() as cursor:
        cursor.execute(GATHER, {"attempts": attempts, "action": action.pk, "now": now})
