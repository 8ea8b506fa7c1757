from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Organization, Person
from monitoring.alerts.alert_causes import explained
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Alert, AlertPolicy
from monitoring.alerts.sources import Finding
from monitoring.alerts.unrecognised import (
    Unknowns,
    is_worth_telling,
    silenced_of,
    unrecognised_findings,
)
from monitoring.alerts.watch import alerts_watch
from monitoring.incidents.models import Incident
from tests.factories import NOW, make_connected_person, make_organization
from tests.monitoring.alerts.makers import make_matcher, make_silence
from tests.monitoring.errors.makers import panic
from tests.monitoring.incidents.makers import report

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
counts = st.integers(0, 1_000)


@given(st.integers(0, 10_000), counts, counts, st.floats(0.001, 1))
def test_what_begins_goes_on_until_well_below(
    good: int, unknown: int, people: int, threshold: float
) -> None:
    found = Unknowns(good + unknown, unknown, people)
    begins = is_worth_telling(found, threshold, is_told=False, explained=False)
    assert not begins or is_worth_telling(found, threshold, is_told=True, explained=False)
    assert not is_worth_telling(found, threshold, is_told=False, explained=True)
    if found.share <= threshold / 2 or not people:
        assert not is_worth_telling(found, threshold, is_told=True, explained=False)


@pytest.mark.parametrize(("unknown", "people"), [(4, 4), (5, 2)])
def test_a_few_cases_are_for_the_inbox_alone(unknown: int, people: int) -> None:
    found = Unknowns(unknown, unknown, people)
    assert not is_worth_telling(found, 0.05, is_told=False, explained=False)


unknowns = st.builds(
    lambda good, unknown, people: Unknowns(good + unknown, unknown, people), counts, counts, counts
)


@given(unknowns, st.integers(0, 1_000), st.floats(0.001, 1), st.booleans())
def test_what_is_too_little_without_the_silenced_is_kept_back(
    found: Unknowns, silenced: int, threshold: float, was_silenced: bool
) -> None:
    silenced = min(silenced, found.people)
    left = found.without(silenced)
    assert (left.runs, left.people) == (found.runs, found.people - silenced)
    assert 0 <= left.unknown <= found.unknown
    assert found.without(0) == found
    counted = silenced_of(found, silenced, threshold, was_silenced=was_silenced)
    began = is_worth_telling(found, threshold, is_told=False, explained=False)
    if not silenced or is_worth_telling(left, threshold, is_told=False, explained=False):
        assert counted == silenced
    elif began or was_silenced or not left.people:
        assert counted == found.people
    assert counted in {silenced, found.people}


def people_of(organization: Organization, number: int) -> list[Person]:
    return [make_connected_person(organization) for _ in range(number)]


def found() -> list[Finding]:
    return list(unrecognised_findings(NOW))


def tell(finding: Finding) -> None:
    Alert.objects.create(
        organization_id=finding.organization_id,
        kind=finding.kind,
        cause=finding.cause,
        severity=finding.severity,
        facts=finding.facts,
        began_at=NOW,
        changed_at=NOW,
    )


def fail(people: Sequence[Person], minutes: float = -10) -> None:
    report(people, NOW + minutes * MINUTE, panic())


@pytest.mark.django_db
def test_many_runs_with_errors_no_rule_knows_are_told_with_the_worst_of_them() -> None:
    acme = make_organization()
    people = people_of(acme, 6)
    report(people[:1], NOW - 20 * MINUTE)
    fail(people[1:])
    (finding,) = found()
    assert (finding.kind, finding.organization_id) == (AlertKind.UNRECOGNISED, acme.pk)
    assert (finding.severity, finding.people) == (Severity.NOTICE, 5)
    facts = finding.facts
    assert (facts["runs"], facts["unknown"], facts["errors"], facts["had_it"]) == (6, 5, 1, 5)
    assert facts["share"] == pytest.approx(5 / 6, abs=1e-4)
    assert "aisle number <n>" in facts["text"]


@pytest.mark.django_db
def test_it_ends_when_the_runs_are_good_again() -> None:
    acme = make_organization()
    people = people_of(acme, 6)
    fail(people)
    (finding,) = found()
    tell(finding)
    report(people[:2], NOW - 5 * MINUTE)
    assert [each.people for each in found()] == [4]
    report(people[2:], NOW - 5 * MINUTE)
    assert found() == []


@pytest.mark.django_db
def test_at_the_edge_of_an_hour_nothing_jumps() -> None:
    acme = make_organization()
    fail(people_of(acme, 6), minutes=-5)
    before = list(unrecognised_findings(NOW - MINUTE))
    after = list(unrecognised_findings(NOW + MINUTE))
    assert [each.people for each in before] == [each.people for each in after] == [6]
    assert list(unrecognised_findings(NOW + HOUR + MINUTE)) == []


@pytest.mark.django_db
def test_each_organization_has_a_share_of_its_own() -> None:
    acme, globex = make_organization(), make_organization()
    AlertPolicy.objects.create(organization=acme, unknown_share=0.9)
    for organization in (acme, globex):
        people = people_of(organization, 6)
        report(people, NOW - 30 * MINUTE)
        fail(people)
    assert [each.organization_id for each in found()] == [globex.pk]


@pytest.mark.django_db
def test_what_an_incident_tells_is_not_told_again() -> None:
    acme = make_organization()
    fail(people_of(acme, 6))
    incident = Incident.objects.create(
        organization=acme,
        provider="salesforce",
        signature="salesforce - something",
        interpretation="unknown",
        began_at=NOW - 20 * MINUTE,
        opened_at=NOW - 10 * MINUTE,
    )
    assert found() == []
    Incident.objects.filter(pk=incident.pk).update(closed_at=NOW - 5 * MINUTE)
    assert found() == []
    Incident.objects.filter(pk=incident.pk).update(closed_at=NOW - 2 * HOUR)
    assert len(found()) == 1


@pytest.mark.django_db
def test_it_costs_three_statements_whatever_there_is() -> None:
    for _ in range(3):
        fail(people_of(make_organization(), 6))
    make_matcher(make_organization())
    with CaptureQueriesContext(connection) as asked:
        assert len(found()) == 3
    assert len(asked) == 3


@pytest.mark.django_db
@pytest.mark.parametrize("matched", [{}, {"team": "Late"}, {"cause": "unrecognised"}])
def test_whoever_has_such_an_error_and_matches_a_silence_is_silenced(
    matched: dict[str, str],
) -> None:
    acme, globex = make_organization(), make_organization()
    people = people_of(acme, 6)
    Person.objects.filter(organization=acme).update(team="Late")
    fail(people)
    make_matcher(globex, **matched)
    assert [each.silenced for each in found()] == [0]
    make_matcher(acme, **matched)
    (finding,) = found()
    assert (finding.people, finding.silenced, finding.facts["silenced"]) == (6, 6, 6)


@pytest.mark.django_db
def test_a_silence_of_the_provider_that_its_page_offers_mutes_it() -> None:
    acme = make_organization()
    fail(people_of(acme, 6))
    (finding,) = found()
    provider = finding.facts["text"].partition(" ")[0]
    make_matcher(acme, provider="google" if provider == "salesforce" else "salesforce")
    assert [each.silenced for each in found()] == [0]
    make_matcher(acme, provider=provider)
    assert [each.silenced for each in found()] == [6]


@pytest.mark.django_db
def test_where_too_few_others_are_left_the_alert_is_kept_back() -> None:
    acme = make_organization()
    people = people_of(acme, 10)
    fail(people)
    make_silence(acme, people[:5])
    (finding,) = found()
    assert (finding.people, finding.silenced) == (10, 5)
    make_silence(acme, people[:6])
    (finding,) = found()
    assert (finding.people, finding.silenced, finding.facts["silenced"]) == (10, 10, 6)


@pytest.mark.django_db
def test_it_is_an_alert_from_the_first_such_error_until_the_runs_are_good() -> None:
    acme = make_organization()
    people = people_of(acme, 6)
    fail(people)
    assert alerts_watch(NOW).begun == 1
    alert = Alert.objects.get()
    assert (alert.kind, alert.began_at) == ("unrecognised", NOW - 10 * MINUTE)
    words = explained(alert.kind, alert.cause, alert.facts, {})
    assert words.title == "100 % of runs end in errors that no rule knows"
    assert words.meaning.startswith("6 of 6 runs since the hour before ended in one kind of error")
    report(people, NOW + 5 * MINUTE)
    assert alerts_watch(NOW + 6 * MINUTE).ended == 1
