"""Previews: an action that has frozen its people and has not begun."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction

from accounts.access import Access
from monitoring.actions.checking import left_out_code
from monitoring.actions.deeds import ActionRefusedError, Deed
from monitoring.actions.incidents import name_of
from monitoring.actions.keeping import previews_drop
from monitoring.actions.models import Action, Kind, Origin, PersonState
from monitoring.actions.parameters import reason_of
from monitoring.actions.registry import deed_of
from monitoring.alerts.alert_links import LONGEST_QUERY
from monitoring.health.models import HealthQuerySet
from monitoring.health.tally import tally_of

FREEZE = """
    WITH frozen AS (
        INSERT INTO actions_actionperson (
            action_id, organization_id, person_id, status, cause, code, state, detail
        )
        SELECT %s, organization_id, person_id, status, cause, code,
            CASE WHEN code = '' THEN {waiting} ELSE {left_out} END, ''
        FROM ({people}) AS chosen (organization_id, person_id, status, cause, code)
        ORDER BY person_id
        ON CONFLICT (action_id, person_id) DO NOTHING
        RETURNING state
    )
    SELECT count(*) FILTER (WHERE state = {waiting}), count(*) FILTER (WHERE state = {left_out})
    FROM frozen
"""


@transaction.atomic
def action_preview(
    *,
    access: Access,
    kind: Kind,
    people: HealthQuerySet,
    origin: Origin,
    origin_query: str = "",
    given: Mapping[str, Any],
    now: datetime,
) -> Action:
    """Freeze who an action would be done to, and who is left out of it and why.

    `people` is a query of Health, `given` what was typed, as strings. Nothing is done to anybody
    yet. Of an author's previews only the newest few stay. Raises PermissionDenied for who may only
    look, and ActionRefusedError for what was typed wrong, or nobody chosen.
    """
    access.require_change()
    deed = deed_of(kind)
    if len(origin_query) > LONGEST_QUERY:
        raise ActionRefusedError("That filter is too long. Choose the people in another way.")
    action = Action.objects.create(
        organization=access.organization,
        kind=kind,
        origin=origin,
        origin_query=origin_query,
        parameters=deed.clean(given, access=access, now=now),
        reason=reason_of(kind, given),
        author=access.user,
        author_name=name_of(access.user),
        created_at=now,
        people_known=tally_of(access.organization.pk).people(),
    )
    action.people, action.left_out = freeze(action, people.visible_to(access), deed, now)
    if not action.people and not action.left_out:
        raise ActionRefusedError("Nobody is chosen. Choose at least one person.")
    action.save(update_fields=["people", "left_out"])
    previews_drop(access)
    return action


def freeze(action: Action, people: HealthQuerySet, deed: Deed, now: datetime) -> tuple[int, int]:
    """Store the people in one statement; return how many it is done to and how many not."""
    why = left_out_code(deed, action.parameters, now)
    columns = ("organization_id", "person_id", "status", "cause", "why_left_out")
    chosen = people.order_by().annotate(why_left_out=why).values_list(*columns)
    try:
        query, values = chosen.query.sql_with_params()
    except EmptyResultSet:
        # What they are narrowed by has nobody, as Django knows without asking the database.
        return 0, 0
    statement = FREEZE.format(
        people=query, waiting=int(PersonState.WAITING), left_out=int(PersonState.LEFT_OUT)
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [action.pk, *values])
        waiting, left_out = cursor.fetchone()
    return waiting, left_out
