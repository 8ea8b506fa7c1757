"""Scale data: organizations and people by the thousand, with a past that went through the intake.

People are made by one statement an organization; outcomes are drawn by a seeded random generator
and recorded as any others are, so health, transitions and tallies are the real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from random import Random
from typing import Any

from django.db import connection, transaction

from accounts.models import Organization
from monitoring.health.begin import health_begin
from monitoring.intake.record import ReportedOutcome, outcomes_record
from monitoring.outcomes.identifiers import attempt_id_at
from monitoring.outcomes.partitions import partitions_ensure

BATCH = 5_000
RUNS_A_DAY = 12
RUN_EVERY = timedelta(days=1) / RUNS_A_DAY


def words(text: str) -> list[str]:
    return text.split()


FIRST_NAMES = words(
    "Ada Alan Barbara Claude Dorothy Edsger Frances Grace Hedy Ivan Jean Katherine Leslie Margaret "
    "Niklaus Ole Peter Radia Shafi Tim Ursula Vint Whitfield Xiaoyun Yukihiro Zohra"
)
LAST_NAMES = words(
    "Abelson Backus Cerf Dijkstra Engelbart Floyd Goldwasser Hopper Iverson Johnson Knuth Lovelace "
    "Milner Naur Ousterhout Perlman Ritchie Shannon Turing Ullman Vaughan Wirth Xu Yao Zuse"
)
TEAMS = words("Sales Partners Success Marketing Solutions Renewals")

PEOPLE = """
    INSERT INTO accounts_person (
        organization_id, email, name, team, time_zone, google_calendar_id,
        salesforce_user_id, salesforce_username, created_at
    )
    SELECT %(organization)s, address, first || ' ' || last, team, 'UTC', 'primary',
        '005' || lpad(n::text, 15, '0'), address, %(at)s
    FROM (
        SELECT n,
            (%(first)s::text[])[1 + mod(n * 31, cardinality(%(first)s::text[]))] AS first,
            (%(last)s::text[])[1 + mod(n * 17, cardinality(%(last)s::text[]))] AS last,
            (%(teams)s::text[])[1 + mod(n, cardinality(%(teams)s::text[]))] AS team
        FROM generate_series(1, %(people)s) AS n
    ) AS drawn,
    LATERAL (
        SELECT lower(first || '.' || last) || n || '@' || %(domain)s AS address
    ) AS addressed
    RETURNING id
"""
CONNECTIONS = """
    INSERT INTO accounts_connection (
        organization_id, person_id, provider, "grant", state, granted_at, proven_at, instance_url
    )
    SELECT organization_id, id, provider, "grant", 'proven', %(at)s, %(at)s, ''
    FROM accounts_person,
        (VALUES ('google', 'delegated'), ('salesforce', 'jwt')) AS side (provider, "grant")
    WHERE organization_id = %(organization)s
"""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A kind of person: how often their runs fail, and how."""

    share: float
    failing: float
    error: dict[str, Any]


def _error(provider: str, channel: str, status: int | None, body: str) -> dict[str, Any]:
    return {
        "provider": provider,
        "channel": channel,
        "status": status,
        "headers": {},
        "body": body,
        "operation": "populate",
    }


# Shares are of all people; who is in none runs without trouble.
TROUBLES = (
    Trouble(0.90, 0.004, _error("google", "http-json", 503, '{"error": {"code": 503}}')),
    Trouble(
        0.05,
        0.20,
        _error(
            "salesforce",
            "http-json",
            400,
            '[{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain exclusive access"}]',
        ),
    ),
    Trouble(
        0.02,
        1.0,
        _error(
            "google",
            "oauth-json",
            400,
            '{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}',
        ),
    ),
    Trouble(
        0.01,
        1.0,
        _error(
            "salesforce",
            "oauth-json",
            400,
            '{"error": "invalid_grant", "error_description": "inactive user"}',
        ),
    ),
)


def populate(
    *,
    organizations: int,
    people: int,
    runs: int,
    seed: int,
    now: datetime,
    say: Callable[[str], None],
) -> int:
    """Make organizations with `people` in all, `runs` runs each; return how many outcomes.

    Slugs are `scale-1`, `scale-2`, … Raises IntegrityError where they are there already.
    """
    partitions_ensure(now, since=now - RUN_EVERY * (runs + 1))
    recorded = 0
    for number in range(1, organizations + 1):
        size = people // organizations + (number <= people % organizations)
        organization, ids = organization_make(number, size, now - timedelta(days=90))
        with transaction.atomic():
            health_begin(ids, now=now - RUN_EVERY * (runs + 1))
        say(f"{organization.name}: {size:,} people")
        random = Random(seed + number)  # noqa: S311 - drawn data, not a secret
        recorded += history_record(organization.pk, ids, runs, random, now, say)
    return recorded


@transaction.atomic
def organization_make(number: int, people: int, at: datetime) -> tuple[Organization, list[int]]:
    """Make one organization with its people and their connections; return the people's ids."""
    organization = Organization.objects.create(
        slug=f"scale-{number}",
        name=f"Scale {number}",
        google_domain=f"scale-{number}.example",
        salesforce_host=f"scale-{number}.my.salesforce.com",
        created_at=at,
    )
    facts: dict[str, Any] = {
        "organization": organization.pk,
        "domain": organization.google_domain,
        "at": at,
        "first": FIRST_NAMES,
        "last": LAST_NAMES,
        "teams": TEAMS,
        "people": people,
    }
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE, facts)
        ids = [person for (person,) in cursor.fetchall()]
        cursor.execute(CONNECTIONS, facts)
    return organization, ids


def history_record(
    organization_id: int,
    people: list[int],
    runs: int,
    random: Random,
    now: datetime,
    say: Callable[[str], None],
) -> int:
    """Record the past of an organization's people, oldest run first; return how many outcomes."""
    drawn = history(organization_id, people, runs, random, now)
    recorded = 0
    while batch := list(islice(drawn, BATCH)):
        with transaction.atomic():
            recorded += len(outcomes_record(batch, now=max(o.finished_at for o in batch)))
        if recorded % (BATCH * 40) == 0:
            say(f"{recorded:,} outcomes")
    return recorded


def history(
    organization_id: int, people: list[int], runs: int, random: Random, now: datetime
) -> Iterator[ReportedOutcome]:
    """Draw the outcomes of `runs` runs of each person, in the order of time for each."""
    troubles = [trouble_of(random.random()) for _ in people]
    for run in range(runs, 0, -1):
        for place, person in enumerate(people):
            # Everybody has a place of their own within the interval, as the scheduler gives them.
            finished = now - RUN_EVERY * run + RUN_EVERY * place / len(people)
            trouble = troubles[place]
            failed = trouble is not None and random.random() < trouble.failing
            yield ReportedOutcome(
                attempt_id_at(finished, random),
                organization_id,
                person,
                "schedule",
                finished - timedelta(seconds=2),
                finished,
                "failure" if failed else "success",
                trouble.error if failed and trouble else None,
                None if failed else {"salesforce": {"created": 1, "updated": 0, "deleted": 0}},
            )


def trouble_of(draw: float) -> Trouble | None:
    """Return the kind of person for a number drawn from 0 to 1."""
    for trouble in TROUBLES:
        if draw < trouble.share:
            return trouble
        draw -= trouble.share
    return None
