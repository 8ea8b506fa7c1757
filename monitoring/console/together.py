"""Asking several questions of the database in one statement, for a page that may take few."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet

PART = "(SELECT coalesce(json_agg(row_to_json(found)), '[]')::text FROM (\n{}\n) AS found)"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """A statement that returns a few rows with named columns, and its parameters."""

    sql: str
    values: Mapping[str, Any] | Sequence[Any]


def question_of(found: QuerySet[Any, Any]) -> Question:
    """Return what a QuerySet of `values` asks."""
    return Question(*found.query.sql_with_params())


def ask_together(**questions: Question) -> dict[str, list[Row]]:
    """Return the rows of each question in its order; values are as JSON has them, times as text."""
    with connection.cursor() as cursor:
        parts = [
            PART.format(cursor.mogrify(question.sql, question.values))
            for question in questions.values()
        ]
        cursor.execute(f"SELECT {', '.join(parts)}")
        answers = cursor.fetchone()
    return dict(zip(questions, map(json.loads, answers), strict=True))


def moment_of(written: str | None) -> datetime | None:
    """Return a time of an answer."""
    return None if written is None else datetime.fromisoformat(written)
