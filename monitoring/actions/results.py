"""Writing what came of people: each result once, and each with its entry in the audit log."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from monitoring.actions.deeds import Result
from monitoring.actions.models import Action, ActionPerson, Kind, PersonState
from monitoring.audit.log import audit_entries_write

LONGEST_DETAIL = 500
GONE = Result(PersonState.SKIPPED, "gone")

# Only who has no result yet is written to, whoever writes, and however often.
WRITE = f"""
    UPDATE actions_actionperson AS member
    SET state = result.state, code = result.code, detail = result.detail,
        former = result.former::jsonb, attempt_id = result.attempt_id,
        token = NULL, lease_until = NULL,
        at = CASE WHEN result.state >= {int(PersonState.DONE)} THEN %(now)s END
    FROM unnest(
        %(people)s::bigint[], %(states)s::smallint[], %(codes)s::text[], %(details)s::text[],
        %(formers)s::text[], %(attempts)s::uuid[]
    ) AS result (person_id, state, code, detail, former, attempt_id)
    WHERE member.action_id = %(action)s AND member.person_id = result.person_id
        AND member.state IN ({int(PersonState.WAITING)}, {int(PersonState.RUNNING)})
        AND member.token IS NOT DISTINCT FROM %(token)s::uuid
    RETURNING member.person_id
"""  # noqa: S608 - made of constants
ENTRIES = {
    Kind.SYNC: "person.sync_now",
    Kind.REAUTHORIZE: "person.reauthorize",
    Kind.HOLD: "person.hold",
    Kind.RELEASE: "person.release",
    Kind.INTERVAL: "person.interval",
    Kind.SILENCE: "person.silence",
    Kind.NOTE: "person.note",
    Kind.UNDO: "person.undo",
}


def results_write(
    action: Action,
    people: Sequence[ActionPerson],
    results: Mapping[int, Result],
    now: datetime,
    *,
    token: Any = None,
) -> None:
    """Store the results of people, and log what was done to whom.

    Who has no result is gone. `token` is the claim of who did it, where there was one; who was
    claimed by somebody else meanwhile is left to them. Runs in the caller's transaction.
    """
    told = {one.person_id: results.get(one.person_id, GONE) for one in people}
    written = write(action, told, now, token)
    done = {person: told[person] for person in written if is_doing(told[person])}
    audit_entries_write(
        organization=action.organization,
        action=ENTRIES[Kind(action.kind)],
        now=now,
        author=action.author,
        people={person: detail(action, result) for person, result in done.items()},
    )


def is_doing(result: Result) -> bool:
    return result.state in {PersonState.DONE, PersonState.RUNNING}


def detail(action: Action, result: Result) -> dict[str, Any]:
    if result.attempt_id is None:
        return {"action": action.pk}
    return {"action": action.pk, "attempt_id": str(result.attempt_id)}


def write(action: Action, told: Mapping[int, Result], now: datetime, token: Any) -> set[int]:
    """Store results by person id; return who had none before."""
    results = told.values()
    values = {
        "now": now,
        "action": action.pk,
        "token": token,
        "people": list(told),
        "states": [int(result.state) for result in results],
        "codes": [result.code for result in results],
        "details": [result.detail[:LONGEST_DETAIL] for result in results],
        "formers": [None if r.former is None else json.dumps(r.former) for r in results],
        "attempts": [result.attempt_id for result in results],
    }
    with connection.cursor() as cursor:
        cursor.execute(WRITE, values)
        return {person for (person,) in cursor.fetchall()}
