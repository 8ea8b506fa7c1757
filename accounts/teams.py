"""The names of an organization's teams, as its people have them and as somebody types them."""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection

# From one name to the next by the index, however many people have each.
TEAMS = """
    WITH RECURSIVE found(team) AS (
        SELECT min(team) FROM accounts_person WHERE organization_id = %(organization)s AND team > ''
        UNION ALL
        SELECT (SELECT min(team) FROM accounts_person
                WHERE organization_id = %(organization)s AND team > found.team)
        FROM found WHERE found.team IS NOT NULL
    )
    SELECT team FROM found WHERE team IS NOT NULL LIMIT %(limit)s
"""


def teams_of(organization_id: int, limit: int | None = None) -> list[str]:
    """Return the names of an organization's teams in their order, the first `limit` of them."""
    with connection.cursor() as cursor:
        cursor.execute(TEAMS, {"organization": organization_id, "limit": limit})
        return [team for (team,) in cursor.fetchall()]


def teams_called(organization_id: int, names: Collection[str]) -> dict[str, list[str]]:
    """Return by each name, as somebody typed it, the teams it means; none where nobody has it."""
    known = teams_of(organization_id) if names else []
    return {name: teams_meant(name, known) for name in names}


def teams_meant(name: str, known: Collection[str]) -> list[str]:
    """Return the team so written if there is one, else all that differ in case alone. Pure."""
    if name in known:
        return [name]
    return [team for team in known if team.casefold() == name.casefold()]
