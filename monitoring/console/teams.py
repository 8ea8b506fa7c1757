"""The names of an organization's teams, as its people have them."""

from __future__ import annotations

from django.db import connection

from accounts.access import Access

TEAMS = """
    WITH RECURSIVE found(team) AS (
        SELECT min(team) FROM accounts_person WHERE organization_id = %(organization)s AND team > ''
        UNION ALL
        SELECT (SELECT min(team) FROM accounts_person
                WHERE organization_id = %(organization)s AND team > found.team)
        FROM found WHERE found.team IS NOT NULL
    )
    SELECT team FROM found WHERE team IS NOT NULL LIMIT 500
"""


def teams_of(access: Access) -> list[str]:
    """Return the first 500 names of teams, hopping along the index from one to the next."""
    with connection.cursor() as cursor:
        cursor.execute(TEAMS, {"organization": access.organization.pk})
        return [team for (team,) in cursor.fetchall()]


def teams_written(access: Access, team: str) -> list[str]:
    """Return the teams of that name, in whichever case it is written."""
    alike = [each for each in teams_of(access) if each.casefold() == team.casefold()]
    return alike or [team]
