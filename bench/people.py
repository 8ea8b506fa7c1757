"""People by the hundred thousand, in a few statements, for benchmarks of the tick."""

from __future__ import annotations

from datetime import datetime

from bench.common import execute

ORGANIZATIONS = 50

ADD_ORGANIZATIONS = """
    INSERT INTO accounts_organization (slug, name, google_domain, salesforce_host, created_at)
    SELECT 'o' || n, 'o' || n, 'o' || n || '.example', 'o' || n || '.example', %(now)s
    FROM generate_series(1, %(organizations)s) AS n
"""
ADD_PEOPLE = """
    WITH organization AS (
        SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM accounts_organization
    )
    INSERT INTO accounts_person (
        organization_id, email, name, team, time_zone, google_calendar_id, salesforce_user_id,
        salesforce_username, created_at
    )
    SELECT organization.id, 'p' || n || '@example.org', 'Person ' || n, '', 'UTC', 'primary', '',
        '', %(now)s
    FROM generate_series(%(first)s::int, %(last)s::int) AS n
    JOIN organization ON organization.place = n %% %(organizations)s
"""
AT_ONCE = 100_000


def add_organizations(now: datetime) -> None:
    execute(ADD_ORGANIZATIONS, {"now": now, "organizations": ORGANIZATIONS})


def add_people(first: int, last: int, now: datetime) -> None:
    """Add the people numbered `first` to `last`, a part of them to each organization."""
    for start in range(first, last + 1, AT_ONCE):
        end = min(start + AT_ONCE - 1, last)
        numbers = {"first": start, "last": end, "organizations": ORGANIZATIONS}
        execute(ADD_PEOPLE, {"now": now, **numbers})
