from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitoring.errors.models import UnrecognisedError
from monitoring.health.models import Health
from monitoring.intake.ingest import outcomes_ingest
from monitoring.intake.schema import split
from monitoring.outcomes.models import Outcome
from tests.factories import NOW, make_organization, make_person
from tests.monitoring.errors.makers import definition, make_access, make_live, make_staff, panic
from tests.monitoring.intake.makers import as_lines, make_error, make_line

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


def deliver(*lines: dict[str, Any]) -> None:
    report = outcomes_ingest(split(as_lines(*lines)), organization=None, source="a test", now=LATER)
    assert report.rejected == []


def failed(person: Any, minutes: float = 0, **overrides: Any) -> dict[str, Any]:
    slug = person.organization.slug
    return make_line(person, minutes, organization=slug, result="failure", **overrides)


def test_each_outcome_of_a_batch_is_judged_by_its_own_organizations_rules() -> None:
    access, other = make_access(), make_organization()
    change = make_live(access)
    ours, theirs = make_person(access.organization), make_person(other)
    deliver(failed(ours, error=panic()), failed(theirs, error=panic()))
    found = {outcome.person_id: outcome for outcome in Outcome.objects.all()}
    assert found[ours.pk].rule == "aisle-blocked"
    assert found[ours.pk].interpretation == "record"
    assert found[ours.pk].rules_version == change.version
    assert found[theirs.pk].rule is None
    assert Health.objects.get(person=ours).last_rule == "aisle-blocked"


def test_a_rule_counts_from_the_next_delivery_on() -> None:
    access = make_access()
    person = make_person(access.organization)
    deliver(failed(person, error=panic()))
    make_live(make_staff(), organization=None, definition=definition(title="Operator"))
    deliver(failed(person, 5, error=panic()))
    rules = Outcome.objects.newest_first().values_list("rule", flat=True)
    assert list(rules) == ["aisle-blocked", None]


def test_what_no_rule_knows_is_noted_once_for_each_outcome() -> None:
    one, other = make_person(), make_person()
    lines = [failed(one, error=panic()), failed(other, 1, error=panic()), failed(one, 2)]
    known = failed(one, 3, error=make_error())
    deliver(*lines, known, make_line(one, 4, organization=one.organization.slug))
    deliver(*lines, lines[0], known)
    errors = list(UnrecognisedError.objects.order_by("id"))
    assert {error.organization_id for error in errors} == {
        one.organization_id,
        other.organization_id,
    }
    assert [(error.outcomes, error.people) for error in errors] == [(1, 1), (1, 1)]
    noted = Outcome.objects.get(attempt_id=errors[0].sample_attempt_id)
    assert noted.signature == errors[0].signature


def test_the_sample_is_what_the_log_keeps_without_tokens() -> None:
    person = make_person()
    body = json.dumps({"note": "kernel panic", "access_token": "ya29.secret-secret-secret"})
    deliver(failed(person, error=panic(body=body)))
    sample = UnrecognisedError.objects.get().sample
    assert sample == Outcome.objects.get().error
    assert "secret-secret" not in json.dumps(sample)


def statements(lines: Sequence[dict[str, Any]]) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        deliver(*lines)
    return [query["sql"] for query in queries if "errors_" in query["sql"]]


def test_a_batch_of_known_errors_costs_one_statement_and_one_of_none_costs_nothing() -> None:
    people = [make_person() for _ in range(5)]
    deliver(*(failed(person, error=make_error()) for person in people))
    known = statements([failed(person, 5, error=make_error()) for person in people])
    assert len(known) == 1
    assert "errors_rulechange" in known[0]
    assert statements([make_line(p, 9, organization=p.organization.slug) for p in people]) == []
    unknown = statements([failed(person, 12, error=panic()) for person in people])
    assert len(unknown) == 3
