"""The database that test processes copy is made once for each set of migrations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from tests.plugins import template
from tests.plugins.template import template_ensure

pytestmark = pytest.mark.django_db
FIRST, SECOND = "1a" * 32, "2b" * 32


@pytest.fixture
def server() -> Iterator[psycopg.Connection]:
    with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
        yield cursor.connection


@pytest.fixture
def name(server: psycopg.Connection) -> Iterator[str]:
    """What the templates of this test are named after; they go with it."""
    name = f"{connection.settings_dict['NAME']}_of_templates"
    yield name
    for each in named(server, name):
        server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(each)))


@pytest.fixture
def made(server: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was made, each empty: the migrations are not what this is about."""
    made: list[str] = []

    def make(name: str) -> None:
        made.append(name)
        # What a maker left that was killed is made anew.
        database = sql.Identifier(name)
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(database))
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(database))

    monkeypatch.setattr(template, "make", make)
    return made


def named(server: psycopg.Connection, name: str) -> list[str]:
    found = "SELECT datname FROM pg_database WHERE starts_with(datname, %s) ORDER BY datname"
    return [each for (each,) in server.execute(found, [name])]


def asked_for(server: psycopg.Connection, name: str, day: str | None) -> None:
    """Note when a template was last asked for; None where its maker was killed."""
    note = sql.SQL("COMMENT ON DATABASE {} IS {}")
    server.execute(note.format(sql.Identifier(name), sql.Literal(day)))


def with_migrations(monkeypatch: pytest.MonkeyPatch, digest: str) -> None:
    monkeypatch.setattr(template, "digest_of_migrations", lambda: digest)


def test_each_set_of_migrations_has_a_template_of_its_own_that_is_made_once(
    server: psycopg.Connection, name: str, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for digest in (FIRST, SECOND, FIRST):
        with_migrations(monkeypatch, digest)
        assert template_ensure(name) == f"{name}_{digest[:8]}"
    assert made == named(server, name) == [f"{name}_1a1a1a1a", f"{name}_2b2b2b2b"]


def test_one_whose_maker_was_killed_is_made_anew(
    server: psycopg.Connection, name: str, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_migrations(monkeypatch, FIRST)
    asked_for(server, template_ensure(name), None)
    template_ensure(name)
    assert len(made) == 2


@pytest.mark.parametrize(("days", "stays"), [(7, True), (8, False), (None, False)])
def test_one_that_none_asked_for_in_a_week_goes(
    server: psycopg.Connection,
    name: str,
    made: list[str],
    monkeypatch: pytest.MonkeyPatch,
    days: int | None,
    stays: bool,
) -> None:
    with_migrations(monkeypatch, FIRST)
    old = template_ensure(name)
    day = None if days is None else str(datetime.now(UTC).date() - timedelta(days))
    asked_for(server, old, day)
    with_migrations(monkeypatch, SECOND)
    new = template_ensure(name)
    assert named(server, name) == ([old, new] if stays else [new])


def test_one_that_is_asked_for_stays_however_old(
    server: psycopg.Connection, name: str, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_migrations(monkeypatch, FIRST)
    asked_for(server, template_ensure(name), "2008-06-06")
    template_ensure(name)
    with_migrations(monkeypatch, SECOND)
    template_ensure(name)
    assert len(made) == len(named(server, name)) == 2
