"""Forgetting what outlives the outcomes it is about, a bounded piece at a time."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from monitoring.errors.models import UnrecognisedError

# Rows a piece. The tick asks again, so what is left waits for it.
REJUDGEMENTS = 5_000
ERRORS = 100
PEOPLE = 5_000

# The one thing that lets a later verdict go; see the trigger on the table.
ALLOW = "SELECT set_config('synccenter.forget_before', %s, true)"
# They come in order of time, so the first of them are the oldest, without an index of times.
FORGET_REJUDGEMENTS = """
    DELETE FROM errors_rejudgement WHERE id IN (
        SELECT id FROM (SELECT id, at FROM errors_rejudgement ORDER BY id LIMIT %s) AS oldest
        WHERE at < %s
    )
"""
FORGET_PEOPLE = """
    WITH gone AS (
        DELETE FROM errors_unrecognisedperson WHERE (unrecognised_id, person_id) IN (
            SELECT unrecognised_id, person_id FROM errors_unrecognisedperson
            WHERE unrecognised_id = ANY(%s) LIMIT %s
        )
        RETURNING unrecognised_id
    )
    UPDATE errors_unrecognisederror AS kept SET people = kept.people - counted.people
    FROM (SELECT unrecognised_id, count(*) AS people FROM gone GROUP BY unrecognised_id) AS counted
    WHERE kept.id = counted.unrecognised_id
"""
FORGET_ERRORS = """
    DELETE FROM errors_unrecognisederror AS kept WHERE id = ANY(%s) AND NOT EXISTS (
        SELECT FROM errors_unrecognisedperson WHERE unrecognised_id = kept.id
    )
"""


@transaction.atomic
def rejudgements_forget(before: datetime) -> int:
    """Drop the oldest later verdicts given before the moment, a piece; return how many.

    The caller sees to it that the outcomes they are on are gone by then.
    """
    with connection.cursor() as cursor:
        cursor.execute(ALLOW, [before.isoformat()])
        cursor.execute(FORGET_REJUDGEMENTS, [REJUDGEMENTS, before])
        forgotten: int = cursor.rowcount
        cursor.execute(ALLOW, [""])
    return forgotten


@transaction.atomic
def unrecognised_forget(before: datetime) -> int:
    """Drop errors not seen since the moment, settled or not, with their people; return how many.

    A piece: of one with very many people some go now, the others and the error itself later. What
    a delivery is just adding to is left alone.
    """
    doomed = UnrecognisedError.objects.unseen_since(before).order_by("last_seen")
    locked = doomed.select_for_update(skip_locked=True).values_list("pk", flat=True)[:ERRORS]
    ids = list(locked)
    if not ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(FORGET_PEOPLE, [ids, PEOPLE])
        cursor.execute(FORGET_ERRORS, [ids])
        forgotten: int = cursor.rowcount
    return forgotten
