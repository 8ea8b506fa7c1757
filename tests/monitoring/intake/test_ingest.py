from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import Organization
from monitoring.health.models import Health, Transition
from monitoring.health.tally import tally_of
from monitoring.intake.ingest import IngestReport, outcomes_ingest
from monitoring.intake.models import Rejection
from monitoring.intake.schema import split
from monitoring.outcomes.models import Outcome
from tests.factories import NOW, make_connected_person, make_organization, make_person
from tests.monitoring.intake.makers import as_array, as_lines, make_error, make_line

pytestmark = pytest.mark.django_db


def deliver(
    *outcomes: dict[str, Any], organization: Organization | None = None, body: bytes | None = None
) -> IngestReport:
    delivery = as_lines(*outcomes) if body is None else body
    return outcomes_ingest(
        split(delivery), organization=organization, source="a test", now=NOW + timedelta(hours=1)
    )


def test_an_outcome_is_recorded_and_folded_into_health() -> None:
    person = make_connected_person()
    report = deliver(make_line(person), organization=person.organization)
    assert (report.accepted, report.duplicate, report.rejected) == (1, 0, [])
    outcome = Outcome.objects.get()
    assert (outcome.person, outcome.organization) == (person, person.organization)
    assert outcome.counts["google"] == {"created": 1, "updated": 0, "deleted": 0}
    health = Health.objects.get(person=person)
    assert (health.status, health.last_success_at, health.recent) == ("healthy", NOW, "s")


def test_an_error_is_judged_and_its_verdict_kept_with_the_outcome() -> None:
    person = make_person()
    deliver(
        make_line(person, result="failure", error=make_error()), organization=person.organization
    )
    outcome = Outcome.objects.get()
    assert outcome.interpretation == "needs_user"
    assert outcome.rules_version >= 1
    assert outcome.signature
    health = Health.objects.get(person=person)
    assert (health.status, health.cause) == ("degraded", outcome.rule)
    assert health.evidence == [outcome.attempt_id]


def test_the_same_attempt_twice_in_one_batch_counts_once() -> None:
    person = make_person()
    line = make_line(person)
    report = deliver(line, line, organization=person.organization)
    assert (report.accepted, report.duplicate) == (1, 1)
    assert Health.objects.get(person=person).recent == "s"


def test_a_delivery_repeated_changes_nothing() -> None:
    person = make_person()
    lines = [make_line(person, minutes) for minutes in (-60, 0)]
    deliver(*lines, organization=person.organization)
    before = Health.objects.values().get(person=person)
    report = deliver(*lines, organization=person.organization)
    assert (report.accepted, report.duplicate) == (0, 2)
    assert Health.objects.values().get(person=person) == before
    assert Outcome.objects.count() == 2


def test_a_person_is_named_by_id_or_by_address_in_any_case() -> None:
    person = make_person(email="ada@acme.example")
    lines = [make_line(name) for name in (person.pk, str(person.pk), " ADA@acme.Example ")]
    assert deliver(*lines, organization=person.organization).accepted == 3


def test_nobody_is_found_in_another_organization() -> None:
    person, other = make_person(), make_organization()
    report = deliver(make_line(person), make_line(person.pk), organization=other)
    assert [refusal.field for refusal in report.rejected] == ["person", "person"]
    assert not Outcome.objects.exists()


def test_without_a_token_each_line_names_its_organization() -> None:
    person = make_person()
    slug = person.organization.slug
    report = deliver(
        make_line(person, organization=slug),
        make_line(person),
        make_line(person, organization="nobody"),
        make_line(person, organization="nul\x00"),
    )
    assert report.accepted == 1
    assert [(r.line, r.field) for r in report.rejected] == [(n, "organization") for n in (2, 3, 4)]


def test_bad_lines_are_refused_one_by_one_and_the_rest_is_kept() -> None:
    person = make_person()
    good = [make_line(person, minutes) for minutes in (-3, -2, -1)]
    body = b"\n".join(
        [
            as_lines(good[0]),
            b"\xff\xfe not utf-8",
            as_lines(make_line("nobody@acme.example")),
            as_lines(good[1]),
            as_lines(make_line(person, started_at="1969-01-01T00:00:00Z")),
            as_lines(make_line(person, error=make_error(body="x" * 10_000_000))),
            as_lines(good[2]),
            as_lines(make_line(10**30)),
            as_lines(make_line("7" * 5_000)),
        ]
    )
    report = deliver(body=body, organization=person.organization)
    assert report.accepted == 3
    assert [refusal.line for refusal in report.rejected] == [2, 3, 5, 6, 8, 9]
    kept = Rejection.objects.order_by("line").values_list("line", "field", "organization")
    assert list(kept) == [
        (2, "", person.organization_id),
        (3, "person", person.organization_id),
        (5, "started_at", person.organization_id),
        (6, "", person.organization_id),
        (8, "person", person.organization_id),
        (9, "person", person.organization_id),
    ]


@pytest.mark.parametrize("shape", [as_lines, as_array])
def test_lines_and_arrays_are_taken_alike(shape: Any) -> None:
    person = make_person()
    body = shape(make_line(person, -1), make_line(person))
    assert deliver(body=body, organization=person.organization).accepted == 2


def test_nul_and_markup_in_an_error_are_stored() -> None:
    person = make_person()
    error = make_error(body="nul \x00 here", headers={"Retry-After": "120"}, operation="\x00")
    report = deliver(
        make_line(person, result="failure", error=error), organization=person.organization
    )
    assert report.accepted == 1
    outcome = Outcome.objects.get()
    assert outcome.error["body"] == "nul \ufffd here"
    assert outcome.retry_after == 120


def test_late_outcomes_end_in_the_same_health_as_outcomes_in_order() -> None:
    results = ["success", "failure", "lost", "partial", "success", "failure", "failure", "lost"]
    in_order, shuffled = make_person(), make_person()
    error = {"failure": make_error(), "partial": make_error()}
    for person in (in_order, shuffled):
        lines = [
            make_line(person, 10 * n - 600, result=result, error=error.get(result))
            for n, result in enumerate(results * 4)
        ]
        if person is shuffled:
            Random(7).shuffle(lines)
        for n in range(0, len(lines), 5):
            deliver(*lines[n : n + 5], organization=person.organization)
    facts = [
        "status", "cause", "failures", "failing_since", "recent", "interval", "last_success_at",
        "suspect_at", "confirmed_at", "last_attempt_at", "last_result", "unwell_since",
    ]  # fmt: skip
    assert Health.objects.values(*facts).get(person=shuffled) == Health.objects.values(*facts).get(
        person=in_order
    )


def test_changes_are_recorded_with_rule_version_and_evidence() -> None:
    person = make_person()
    lines = [
        make_line(person, -60),
        make_line(person, -30, result="failure", error=make_error()),
        make_line(person, -20, result="failure", error=make_error()),
    ]
    deliver(*lines, organization=person.organization)
    told = Transition.objects.filter(person=person).order_by("at", "id")
    assert [(t.from_status, t.to_status) for t in told] == [
        ("degraded", "healthy"),
        ("healthy", "degraded"),
        ("degraded", "stalled"),
    ]
    assert told[2].evidence == [UUID(line["attempt_id"]) for line in lines[1:]]
    assert told[2].rules_version is not None


def test_the_tally_follows_every_change() -> None:
    organization = make_organization()
    people = [make_person(organization) for _ in range(3)]
    assert tally_of(organization.pk).counts == {("degraded", "never_connected"): 3}
    deliver(*(make_line(person) for person in people), organization=organization)
    assert tally_of(organization.pk).counts == {("healthy", ""): 3}
    people[0].delete()
    assert tally_of(organization.pk).people("healthy") == 2


def test_the_number_of_statements_does_not_grow_with_the_batch(
    django_assert_max_num_queries: Any,
) -> None:
    organization = make_organization()
    people = [make_person(organization) for _ in range(40)]
    for size in (2, 40):
        lines = [
            make_line(person, size, result="failure", error=make_error())
            for person in people[:size]
        ]
        with django_assert_max_num_queries(18):
            deliver(*lines, organization=organization)


def test_the_log_refuses_change_and_deletion() -> None:
    person = make_person()
    deliver(make_line(person), organization=person.organization)
    for statement in (
        "UPDATE outcomes_outcome SET result = 'lost'",
        "DELETE FROM outcomes_outcome",
    ):
        with pytest.raises(DatabaseError, match="append-only"):
            execute(statement)
    assert Outcome.objects.get().result == "success"


@transaction.atomic
def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
