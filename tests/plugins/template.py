"""A migrated database of which those of test processes are copies: copying takes a tenth as long.

It stays for the next run, and is made anew once a migration is another.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import django
import psycopg
from django.apps import apps
from django.db import connection
from psycopg import sql

IS_AS_WANTED = """
    SELECT shobj_description(oid, 'pg_database') = %s FROM pg_database WHERE datname = %s
"""


def template_ensure(name: str) -> None:
    """Have a database of the name that bears all migrations, made by one process for all."""
    wanted = digest_of_migrations()
    with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
        server: psycopg.Connection = cursor.connection
        server.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])
        found = server.execute(IS_AS_WANTED, [wanted, name]).fetchone()
        if found != (True,):
            make(name)
            # Last, so that one whose maker was killed is made anew.
            note = sql.SQL("COMMENT ON DATABASE {} IS {}")
            server.execute(note.format(sql.Identifier(name), sql.Literal(wanted)))


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
