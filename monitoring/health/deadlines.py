"""Changes that come with time alone: overdue, silent, holds that end."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import connection, transaction

from monitoring.health.store import health_look_again

DUE = """
    SELECT person_id FROM health_health
    WHERE check_at <= %s AND organization_id <> ALL(%s)
    ORDER BY check_at LIMIT %s FOR UPDATE SKIP LOCKED
"""


def health_check_due(*, now: datetime, limit: int = 5_000, frozen: Collection[int] = ()) -> int:
    """Judge anew the people whose time has come; return how many. At most `limit` a call.

    People another transaction is writing at this moment are left to it and to the next call.
    `frozen` organizations are left alone: of them too little is heard to call anybody silent.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(DUE, [now, list(frozen), limit])
        return health_look_again([person for (person,) in cursor.fetchall()], now=now)
