"""A migrated database of which those of test processes are copies: copying takes a tenth as long.

It stays for the next run. Another set of migrations has one of its own, so that two checkouts do
not take theirs from each other; one that no run asked for in a week goes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import django
import psycopg
from django.apps import apps
from django.db import connection
from psycopg import sql

KEPT = timedelta(days=7)
# Its comment is the day it was last asked for; one whose maker was killed has none.
LAST_ASKED = """
    SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database
    WHERE datname ~ ('^' || %s || '_[0-9a-f]{8}$')
"""


def template_ensure(name: str) -> str:
    """Have a database that bears all migrations, made by one process for all; return its name.

    It is named after `name`. Those so named that nobody asks for any more are dropped.
    """
    wanted = f"{name}_{digest_of_migrations()[:8]}"
    today = datetime.now(UTC).date()
    with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
        server: psycopg.Connection = cursor.connection
        server.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])
        asked = dict(server.execute(LAST_ASKED, [name]).fetchall())
        if asked.get(wanted) is None:
            make(wanted)
        # Once a day, because it waits for those who copy; last, for one whose maker was killed.
        if asked.get(wanted) != str(today):
            note = sql.SQL("COMMENT ON DATABASE {} IS {}")
            server.execute(note.format(sql.Identifier(wanted), sql.Literal(str(today))))
        for other, day in asked.items():
            if other != wanted and (day or "") < str(today - KEPT):
                drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
                server.execute(drop.format(sql.Identifier(other)))
    return wanted


def make(name: str) -> None:
    """Make the database by Django's own means, and leave the connection as it was."""
    settings = connection.settings_dict
    real, test = settings["NAME"], settings["TEST"]
    settings["TEST"] = {**test, "NAME": name}
    try:
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    finally:
        connection.close()
        settings["TEST"], settings["NAME"] = test, real


def digest_of_migrations() -> str:
    """Return what tells apart databases that were migrated differently."""
    digest = sha256(django.__version__.encode())
    for config in apps.get_app_configs():
        for path in sorted((Path(config.path) / "migrations").glob("*.py")):
            digest.update(f"{config.label}/{path.name}".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
