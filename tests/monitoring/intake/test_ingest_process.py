"""`manage.py ingest` as a process, with a PostgreSQL of its own that goes away under it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.monitoring.intake.makers import make_line
from tests.monitoring.jobs.own_server import own_server
from tests.monitoring.jobs.service import PROJECT, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.django_db]

LINES = 12_000
PEOPLE = """
    WITH organization AS (
        INSERT INTO accounts_organization (slug, name, google_domain, salesforce_host, created_at)
        VALUES ('crashing', 'Crashing', 'crashing.example', 'crashing.example', now()) RETURNING id
    )
    INSERT INTO accounts_person (
        organization_id, email, name, team, time_zone, google_calendar_id, salesforce_user_id,
        salesforce_username, created_at
    )
    SELECT id, n || '@crashing.example', n, '', 'UTC', '', '', '', now()
    FROM organization, generate_series(1, 200) AS n
"""
OURS = "organization_id = (SELECT id FROM accounts_organization WHERE slug = 'crashing')"
FACTS = f"""
    SELECT (SELECT count(*) FROM outcomes_outcome WHERE {OURS}),
        (SELECT count(*) FROM health_health WHERE recent = repeat('s', 24) AND {OURS}),
        (SELECT count(DISTINCT person_id) FROM health_transition
            WHERE to_status = 'healthy' AND {OURS}),
        (SELECT sum(people) FROM health_healthtally WHERE {OURS})
"""


def recorded(url: str) -> int:
    with psycopg.connect(url) as connection:
        return connection.execute(f"SELECT count(*) FROM outcomes_outcome WHERE {OURS}").fetchone()[
            0
        ]


def test_a_database_that_crashes_during_ingest_loses_and_doubles_nothing(
    tmp_path: Path, test_database: str
) -> None:
    delivery = tmp_path / "outcomes.jsonl"
    with delivery.open("w") as file:
        for number in range(LINES):
            line = make_line(
                f"{number % 200 + 1}@crashing.example", number / 100, organization="crashing"
            )
            file.write(json.dumps(line) + "\n")
    with own_server(test_database) as server:
        environment = os.environ | {"DATABASE_URL": server.url}
        with psycopg.connect(server.url) as connection:
            connection.execute(PEOPLE)
        ingest = subprocess.Popen(
            [sys.executable, PROJECT / "manage.py", "ingest", delivery],
            env=environment,
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        wait_until(lambda: recorded(server.url) > 0, 60, "the ingest has begun")
        for _ in range(2):
            server.crash()
            assert ingest.poll() is None
            server.start()
        printed, told = ingest.communicate(timeout=90)
        report = json.loads(printed)
        with psycopg.connect(server.url) as connection:
            outcomes, folded, changes, tally = connection.execute(FACTS).fetchone()
    assert ingest.returncode == 0, told
    assert b"database_away" in told
    # A batch whose commit was answered by the crash is sent again and found to be there.
    assert report["accepted"] + report["duplicate"] == LINES
    assert report["rejected"] == []
    assert (outcomes, folded, changes, tally) == (LINES, 200, 200, 200)
