"""Reading people's past from the log, to fold it anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from django.db import connection

from monitoring.health.fold import JudgedOutcome, signature_of
from monitoring.health.shields import ShieldsSince, hold_penalty

# From the last good run before the late one, and at least the newest 24. Who was judged again has
# the newest of those verdicts.
HISTORY = """
    SELECT wanted.person_id, o.attempt_id, o.finished_at, o.result,
        CASE WHEN later.attempt_id IS NULL THEN o.interpretation ELSE later.interpretation END,
        CASE WHEN later.attempt_id IS NULL THEN o.rule ELSE later.rule END,
        coalesce(later.rules_version, o.rules_version), o.retry_after, o.signature
    FROM unnest(%s::bigint[], %s::timestamptz[]) AS wanted (person_id, late_at)
    LEFT JOIN LATERAL (
        SELECT finished_at FROM outcomes_outcome
        WHERE person_id = wanted.person_id AND result = 'success' AND finished_at <= late_at
        ORDER BY finished_at DESC LIMIT 1
    ) AS good ON true
    CROSS JOIN LATERAL (
        SELECT min(finished_at) AS finished_at FROM (
            SELECT finished_at FROM outcomes_outcome
            WHERE person_id = wanted.person_id ORDER BY finished_at DESC LIMIT 24
        ) AS newest
    ) AS recent
    JOIN outcomes_outcome o ON o.person_id = wanted.person_id
    LEFT JOIN LATERAL (
        SELECT attempt_id, interpretation, rule, rules_version FROM errors_rejudgement
        WHERE attempt_id = o.attempt_id AND o.interpretation IS NOT NULL
        ORDER BY id DESC LIMIT 1
    ) AS later ON true
    WHERE good.finished_at IS NULL OR o.finished_at >= least(good.finished_at, recent.finished_at)
"""


def histories_read(
    late: Mapping[int, datetime], organizations: Mapping[int, int], shields_since: ShieldsSince
) -> dict[int, list[JudgedOutcome]]:
    """Return the outcomes from which to fold people anew, marked where an incident explains them.

    `late` says, by person, from which moment on something is new; `organizations` whose they are.
    """
    histories = outcomes_read(late)
    times = [outcome.finished_at for history in histories.values() for outcome in history]
    if not times:
        return histories
    shields = shields_since({organizations[person] for person in late}, min(times))
    return {
        person: [
            hold_penalty(outcome, person, shields.get(organizations[person], ()))
            for outcome in history
        ]
        for person, history in histories.items()
    }


def outcomes_read(late: Mapping[int, datetime]) -> dict[int, list[JudgedOutcome]]:
    histories: dict[int, list[JudgedOutcome]] = {person: [] for person in late}
    with connection.cursor() as cursor:
        cursor.execute(HISTORY, [list(late), list(late.values())])
        for person, *outcome, signature in cursor.fetchall():
            read = JudgedOutcome(*outcome)
            said = signature_of(read.result, signature, read.interpretation)
            histories[person].append(replace(read, signature=said))
    return histories
