"""What PostgreSQL reads to answer a statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection


def most_rows(statement: str, values: Mapping[str, Any]) -> int:
    """Run a statement about messages; return how many rows its largest step read or dropped."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE alerts_message")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values)
        ((plan,),) = cursor.fetchall()
    return max(
        each.get(what, 0)
        for each in nodes(plan[0]["Plan"])
        for what in ("Actual Rows", "Rows Removed by Filter")
    )


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan] + [each for part in plan.get("Plans", []) for each in nodes(part)]
