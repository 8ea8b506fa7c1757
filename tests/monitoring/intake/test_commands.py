from __future__ import annotations

import io
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import Organization, Person
from monitoring.health.models import Health
from monitoring.health.tally import tally_of
from monitoring.intake.populate import history
from monitoring.outcomes.models import Outcome
from tests.factories import NOW, make_organization, make_person
from tests.monitoring.intake.makers import as_lines, make_line

pytestmark = pytest.mark.django_db


def ingest(file: Path | str, **options: Any) -> tuple[dict[str, Any], int]:
    printed, status = io.StringIO(), 0
    try:
        call_command("ingest", str(file), stdout=printed, **options)
    except SystemExit as exit_:
        status = int(exit_.code or 0)
    return json.loads(printed.getvalue()), status


def test_a_file_is_ingested_and_the_report_printed(tmp_path: Path) -> None:
    person = make_person()
    file = tmp_path / "outcomes.jsonl"
    file.write_bytes(as_lines(make_line(person, -1), make_line(person)))
    report = {"accepted": 2, "duplicate": 0, "rejected": []}
    assert ingest(file, organization=person.organization.slug) == (report, 0)


def test_refused_lines_are_named_and_end_with_status_1(tmp_path: Path) -> None:
    person = make_person()
    file = tmp_path / f"outcomes{'-and-more' * 12}.jsonl"
    file.write_bytes(as_lines(make_line(person, organization=person.organization.slug), {}))
    report, status = ingest(file)
    assert (report["accepted"], status) == (1, 1)
    assert [(r["line"], r["field"]) for r in report["rejected"]] == [(2, "attempt_id")]


def test_a_file_or_organization_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="can't be read: No such file"):
        call_command("ingest", str(tmp_path / "missing"))
    (tmp_path / "empty").touch()
    with pytest.raises(CommandError, match="no organization 'nobody'"):
        call_command("ingest", str(tmp_path / "empty"), organization="nobody")


def test_a_token_is_made_for_an_organization_that_exists() -> None:
    organization, printed = make_organization(), io.StringIO()
    call_command("create_token", organization.slug, stdout=printed)
    assert printed.getvalue().startswith("sync_")
    with pytest.raises(CommandError, match="no organization 'nobody'"):
        call_command("create_token", "nobody")


def test_populate_fills_organizations_with_people_whose_past_went_through_the_intake() -> None:
    call_command(
        "populate", "--organizations", "2", "--people", "61", "--days", "1", stdout=io.StringIO()
    )
    assert Organization.objects.count() == 2
    assert Person.objects.count() == 61
    assert Outcome.objects.count() == 61 * 12
    for organization in Organization.objects.all():
        tally = tally_of(organization.pk)
        people = Health.objects.filter(organization=organization)
        assert tally.people() == people.count()
        assert tally.people("healthy") == people.filter(status="healthy").count() > 20
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM outcomes_outcome_other")
        assert cursor.fetchone()[0] == 0


def test_the_past_follows_from_its_seed() -> None:
    drawn = [list(history(1, list(range(1, 30)), 6, Random(seed), NOW)) for seed in (5, 5, 6)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 29 * 6
    assert {outcome.result for outcome in drawn[0]} == {"success", "failure"}
    assert all(outcome.finished_at <= NOW for outcome in drawn[0])


@pytest.mark.parametrize(
    "arguments", [["--people", "0"], ["--organizations", "5", "--people", "4"], ["--days", "-1"]]
)
def test_populate_refuses_what_makes_no_sense(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match="At least one organization"):
        call_command("populate", *arguments)
