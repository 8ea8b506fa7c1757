"""One lock between taking outcomes in and opening an incident.

Who records outcomes holds it shared, to its commit; who opens an incident holds it alone for a
moment. So nobody fails unseen between the look for those hit and the incident's being there.
"""

from __future__ import annotations

from django.db import connection

# Any fixed number will do; it is this program's among the advisory locks of its database.
LOCK = 7_203_552


def share_incidents() -> None:
    """Keep incidents from being opened until the caller's transaction ends. Take it first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [LOCK])


def own_incidents() -> None:
    """Wait for the outcomes being recorded, and keep others waiting until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
