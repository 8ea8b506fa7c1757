"""Reading an organization's past outcomes, in order of time, a slice at a time.

Each slice is a short statement of its own. One that went on for the whole run would keep the
partitions it reads from being dropped, and everybody who records outcomes waiting behind the drop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from accounts.models import Person
from monitoring.health.fold import JudgedOutcome, signature_of
from monitoring.outcomes.identifiers import first_id_at
from monitoring.outcomes.staging import fetch, joined

# Outcomes in a slice, more or less.
SLICE = 20_000
SAMPLE = 100
# Ids begin with the time their attempt was made, which is some time before it ended. They tell
# which partitions to look into; the default one, whose ids tell nothing, is always looked into.
BEFORE, AFTER = timedelta(days=8), timedelta(days=1)

WANTED = """
    person_id = ANY(string_to_array(%(people)s, chr(31))::bigint[])
    AND organization_id = %(organization)s
    AND finished_at >= %(since)s AND finished_at < %(until)s
"""
# Of several later verdicts the newest counts.
JUDGED = f"""
    SELECT o.person_id, o.error::text,
        o.attempt_id, o.finished_at, o.result,
        CASE WHEN later.attempt_id IS NULL THEN o.interpretation ELSE later.interpretation END,
        CASE WHEN later.attempt_id IS NULL THEN o.rule ELSE later.rule END,
        coalesce(later.rules_version, o.rules_version),
        o.retry_after, o.signature
    FROM (
        SELECT * FROM outcomes_outcome
        WHERE attempt_id >= %(low)s AND attempt_id < %(high)s AND {WANTED}
        UNION ALL
        SELECT * FROM outcomes_outcome_other
        WHERE (attempt_id < %(low)s OR attempt_id >= %(high)s) AND {WANTED}
    ) AS o
    LEFT JOIN LATERAL (
        SELECT attempt_id, interpretation, rule, rules_version FROM errors_rejudgement
        WHERE attempt_id = o.attempt_id AND o.error IS NOT NULL
        ORDER BY id DESC LIMIT 1
    ) AS later ON true
    WHERE o.error IS NOT NULL OR NOT %(errors)s
    ORDER BY o.finished_at, o.attempt_id
"""  # noqa: S608 - made of constants
PEOPLE = """
    SELECT count(*) FROM accounts_person
    WHERE %(organization)s::bigint IS NULL OR organization_id = %(organization)s
"""
SAMPLED = """
    SELECT id FROM accounts_person
    WHERE (%(organization)s::bigint IS NULL OR organization_id = %(organization)s)
        AND id %% %(every)s = 0 LIMIT %(limit)s
"""
COUNT = """
    SELECT count(*) FROM outcomes_outcome
    WHERE person_id = ANY(%(sample)s) AND finished_at >= %(since)s
        AND (error IS NOT NULL OR NOT %(errors)s)
"""


@dataclass(frozen=True, slots=True)
class Span:
    """Whose outcomes of which time: `organization_id`'s from `since` on and before `until`."""

    organization_id: int
    people: Sequence[int]
    since: datetime
    until: datetime


# A person, the outcome with its verdict as it stands, and its error as the JSON it is stored as.
Row = tuple[int, JudgedOutcome, str | None]


def people_of(organization_id: int) -> list[int]:
    """Return the ids of the organization's people."""
    people = Person.objects.filter(organization_id=organization_id)
    return list(people.order_by("id").values_list("id", flat=True))


def outcomes_estimate(organization_id: int | None, since: datetime, *, errors: bool = False) -> int:
    """Return about how many outcomes there are since then, or with `errors` those with an error.

    Of everybody's with None for the organization. Counted of a few people, here and there.
    """
    values: dict[str, Any] = {"organization": organization_id, "since": since, "errors": errors}
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE, values)
        people: int = cursor.fetchone()[0]
        every = max(1, people // SAMPLE)
        cursor.execute(SAMPLED, values | {"every": every, "limit": SAMPLE})
        sample = [person for (person,) in cursor.fetchall()]
        cursor.execute(COUNT, values | {"sample": sample})
        counted: int = cursor.fetchone()[0]
    return counted * people // max(1, len(sample))


def slices_read(span: Span, expected: int) -> Iterator[list[Row]]:
    """Yield all outcomes in order of time, cut into as many slices as `expected` ones deserve."""
    count = max(1, -(-expected // SLICE))
    width = (span.until - span.since) / count
    for number in range(count):
        since = span.since + width * number
        until = span.until if number == count - 1 else since + width
        yield outcomes_read(Span(span.organization_id, span.people, since, until))


def outcomes_read(span: Span, *, errors: bool = False) -> list[Row]:
    """Return the outcomes of a span in order of time, or with `errors` those with an error."""
    values: dict[str, Any] = {
        "people": joined(span.people),
        "organization": span.organization_id,
        "since": span.since,
        "until": span.until,
        "low": first_id_at(span.since - BEFORE),
        "high": first_id_at(span.until + AFTER),
        "errors": errors,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        # People's own index leads to their outcomes; the log holds everybody else's as well.
        cursor.execute("SET LOCAL enable_seqscan = off")
        rows = fetch(JUDGED, values)
    return [as_read(*row) for row in rows]


def as_read(
    person_id: int,
    error: str | None,
    attempt_id: UUID,
    finished_at: datetime,
    result: str,
    interpretation: str | None,
    rule: str | None,
    rules_version: int | None,
    retry_after: int | None,
    signature: str | None,
) -> Row:
    if result == "success" and error is None:
        return person_id, JudgedOutcome(attempt_id, finished_at, result), None
    said = signature_of(result, signature, interpretation)
    outcome = JudgedOutcome(
        attempt_id, finished_at, result, interpretation, rule, rules_version, retry_after, said
    )
    return person_id, outcome, error
