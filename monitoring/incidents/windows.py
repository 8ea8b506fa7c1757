"""Reading the counts that incidents are found by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import connection

from monitoring.incidents.detection import Thresholds, Usual, Window
from monitoring.incidents.pulses import EXPLAINED, minute_of

# Whoever failed within so long is news; older failures were looked at before.
NEWS = timedelta(minutes=3)
USUAL_DAYS = timedelta(days=7)

FAILING = """
    SELECT DISTINCT organization_id FROM incidents_pulse
    WHERE minute >= %s AND signature <> '' AND signature NOT LIKE '~%%' AND people > 0
"""
COUNTS = """
    SELECT organization_id, signature, minute, sum(people) FROM incidents_pulse
    WHERE organization_id = ANY(%s) AND minute >= %s
    GROUP BY 1, 2, 3 HAVING sum(people) <> 0
"""
USUAL = """
    SELECT signature, sum(attempts) FROM incidents_usualhour
    WHERE organization_id = %s AND hour >= %s GROUP BY 1
"""

# An organization's windows, by their length in seconds.
Windows = dict[int, Window]


def organizations_failing(now: datetime) -> list[int]:
    """Return the organizations in which somebody failed within the last minutes."""
    with connection.cursor() as cursor:
        cursor.execute(FAILING, [minute_of(now - NEWS)])
        return [organization for (organization,) in cursor.fetchall()]


def windows_of(
    organization_ids: Collection[int], now: datetime, thresholds: Thresholds, *, explained: bool
) -> dict[int, Windows]:
    """Return the windows of organizations at a moment: all lengths, in one statement.

    Whose latest run an incident explains is part of how it stands, but nothing by which to find
    one: they are in the windows where `explained` is true.
    """
    since = minute_of(now - timedelta(seconds=thresholds.longest_window))
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [list(organization_ids), since])
        rows = cursor.fetchall()
    counts: defaultdict[int, list[tuple[str, datetime, int]]] = defaultdict(list)
    for organization, signature, minute, people in rows:
        if explained or not signature.startswith(EXPLAINED):
            name = signature.removeprefix(EXPLAINED)
            counts[organization].append((name, minute, people))
    lengths = (thresholds.window, *thresholds.windows_small)
    return {
        organization: {
            length: window_since(counts[organization], minute_of(now - timedelta(seconds=length)))
            for length in lengths
        }
        for organization in organization_ids
    }


def window_since(counts: Collection[tuple[str, datetime, int]], since: datetime) -> Window:
    """Return the window that begins with a minute, from people by signature and minute. Pure."""
    people: defaultdict[str, int] = defaultdict(int)
    for signature, minute, number in counts:
        if minute >= since:
            people[signature] += number
    failing = {name: number for name, number in people.items() if name and number > 0}
    return Window(max(sum(people.values()), sum(failing.values())), failing)


def usual_of(organization_id: int, now: datetime) -> Usual:
    """Return how an organization's runs ended in the last seven days outside incidents."""
    with connection.cursor() as cursor:
        cursor.execute(USUAL, [organization_id, now - USUAL_DAYS])
        attempts = dict(cursor.fetchall())
    failed = {name: number for name, number in attempts.items() if name}
    return Usual(sum(attempts.values()), failed)
