"""Keeping the counts of outcomes short: folded together, and forgotten in time."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction

# The longest trend that is drawn, and a day for zones.
KEPT = timedelta(days=32)
# Below this many rows a sum is as fast as a look-up.
ENOUGH_TO_FOLD = 1_000

FOLD = """
    WITH taken AS (
        DELETE FROM intake_classhourchange
        WHERE id IN (SELECT id FROM intake_classhourchange FOR UPDATE SKIP LOCKED)
        RETURNING organization_id, hour, outcome_class, outcomes
    )
    INSERT INTO intake_classhour AS total (organization_id, hour, outcome_class, outcomes)
    SELECT organization_id, hour, outcome_class, sum(outcomes) FROM taken
    JOIN accounts_organization AS organization ON organization.id = organization_id
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (organization_id, hour, outcome_class)
    DO UPDATE SET outcomes = total.outcomes + excluded.outcomes
"""
IS_LONG = "SELECT count(*) FROM (SELECT FROM intake_classhourchange LIMIT %s) AS changes"
FORGET = (
    "DELETE FROM intake_classhour WHERE hour < %s",
    "DELETE FROM intake_classhourchange WHERE hour < %s",
)


@transaction.atomic
def counts_fold() -> bool:
    """Add up the changes where there are many; tell whether it did.

    Readers see them before or after, never between; what is written meanwhile stays as it is.
    """
    with connection.cursor() as cursor:
        cursor.execute(IS_LONG, [ENOUGH_TO_FOLD])
        if cursor.fetchone()[0] < ENOUGH_TO_FOLD:
            return False
        cursor.execute(FOLD)
        return True


@transaction.atomic
def counts_forget(now: datetime) -> None:
    """Forget what no trend reaches any more."""
    with connection.cursor() as cursor:
        for statement in FORGET:
            cursor.execute(statement, [now - KEPT])
