from __future__ import annotations

import sys
from datetime import timedelta
from types import FrameType
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Organization, Person
from monitoring.alerts import coverage
from monitoring.alerts.alert_causes import explained
from monitoring.alerts.coverage import (
    Fall,
    Stand,
    bests_of,
    coverage_findings,
    fall_of,
    goes_on,
    is_fall,
    rows_of,
    severity_of,
)
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Alert
from monitoring.alerts.sources import Finding
from monitoring.alerts.watch import alerts_watch
from monitoring.health.models import Health, StatusSample
from monitoring.health.samples import samples_add
from monitoring.incidents.models import Hit, Incident
from tests.factories import NOW, make_organization, make_person
from tests.monitoring.console.incident_makers import make_hits, make_incident, make_intake_incident
from tests.monitoring.console.makers import make_many_healthy, make_unwell

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@st.composite
def stands(draw: st.DrawFn) -> Stand:
    people = draw(st.integers(0, 5_000))
    return Stand(people, draw(st.integers(0, people)))


@given(stands(), stands(), st.floats(0.01, 1))
def test_a_fall_is_never_more_than_those_who_stopped(
    before: Stand, after: Stand, threshold: float
) -> None:
    fall = fall_of(before, after)
    assert 0 <= fall.share <= max(0.0, before.share - after.share) + 1e-9
    assert 0 <= fall.people <= max(0, before.well - after.well)
    if is_fall(fall, after, threshold):
        assert goes_on(fall, threshold, NOW, NOW), "what begins does not end at once"
        assert fall.people >= 3


@given(st.integers(1, 5_000), st.integers(1, 5_000))
def test_who_joins_or_leaves_is_no_fall(people: int, others: int) -> None:
    well = Stand(people, people)
    assert fall_of(well, Stand(people + others, people)) == Fall(0.0, 0)
    assert fall_of(Stand(people + others, people + others), well) == Fall(0.0, 0)


def test_half_of_those_who_synced_is_critical() -> None:
    assert severity_of(Fall(0.3, 30), Stand(100, 60)) == Severity.CRITICAL
    assert severity_of(Fall(0.3, 30), Stand(100, 90)) == Severity.WARNING


def sampled(organization: Organization, well: int, others: int = 0, hours: float = 2) -> None:
    """Note for some hours up to half an hour ago how people stood."""
    half = timedelta(minutes=30)
    samples_add(
        (organization.pk, NOW - half * place, group, people)
        for place in range(1, int(hours * 2) + 1)
        for group, people in (("healthy", well), ("degraded", others))
        if people
    )


def fallen(well: int = 20, delayed: int = 10) -> Organization:
    """Return an organization in which so many are late who were not."""
    organization = make_organization()
    make_many_healthy(organization, well)
    for _ in range(delayed):
        make_unwell(organization, "degraded", "overdue")
    sampled(organization, well + delayed)
    return organization


def late_of(organization: Organization, cause: str = "") -> list[Person]:
    """Return the people who are delayed, or those for a cause."""
    late = Person.objects.filter(health__organization=organization, health__status="degraded")
    return list(late.filter(health__cause__startswith=cause).order_by("pk"))


def found() -> list[Finding]:
    return list(coverage_findings(NOW))


def tell(finding: Finding) -> Alert:
    return Alert.objects.create(
        organization_id=finding.organization_id,
        kind=finding.kind,
        cause=finding.cause,
        severity=finding.severity,
        facts=finding.facts,
        began_at=NOW,
        changed_at=NOW,
    )


@pytest.mark.django_db
def test_a_fall_is_told_with_its_numbers() -> None:
    acme = fallen()
    make_person(acme)
    (finding,) = found()
    assert (finding.kind, finding.organization_id) == (AlertKind.COVERAGE, acme.pk)
    assert (finding.severity, finding.people) == (Severity.WARNING, 10)
    facts = finding.facts
    assert (facts["before"], facts["syncing"], facts["connected"]) == (1.0, 20, 30)
    assert (facts["delayed"], facts["off"]) == (10, 0)
    assert facts["share"] == pytest.approx(facts["before"] - facts["drop"]) == 0.6667


@pytest.mark.django_db
def test_half_gone_is_critical() -> None:
    fallen(well=10, delayed=12)
    assert [each.severity for each in found()] == [Severity.CRITICAL]


@pytest.mark.django_db
def test_it_is_told_from_where_it_began_until_most_is_made_up_for() -> None:
    acme = fallen()
    (finding,) = found()
    alert = tell(finding)
    StatusSample.objects.all().delete()
    sampled(acme, well=20, others=10, hours=24)
    assert [each.facts["before"] for each in found()] == [1.0], "not forgotten with the day"

    late = late_of(acme)
    Health.objects.filter(person__in=late[:9]).update(status="healthy", cause="")
    assert found() == []
    Health.objects.filter(person__in=late).update(status="degraded", cause="lost")
    Alert.objects.filter(pk=alert.pk).update(began_at=NOW - 8 * DAY)
    assert found() == [], "what has lasted for a week is the usual"


@pytest.mark.django_db
def test_what_stalled_people_and_incidents_explain_is_not_told_again() -> None:
    acme = make_organization()
    make_many_healthy(acme, 20)
    for _ in range(10):
        make_unwell(acme, "stalled", "silent")
    sampled(acme, 30)
    assert found() == []

    globex = fallen()
    make_hits(make_incident(globex), late_of(globex))
    assert found() == []


@pytest.mark.django_db
def test_who_is_stalled_and_waits_for_the_end_of_an_incident_counts_once() -> None:
    acme = fallen(well=20, delayed=10)
    stalled = [make_unwell(acme, "stalled", "silent") for _ in range(6)]
    StatusSample.objects.all().delete()
    sampled(acme, 36)
    make_hits(make_incident(acme), stalled)
    make_hits(make_incident(acme, provider="google"), [*stalled, *late_of(acme)[:2]])
    (finding,) = found()
    assert finding.people == 8, "of ten who are late two wait for the end of an incident"


@pytest.mark.django_db
def test_who_is_late_and_waits_while_nobody_is_heard_of_counts_once() -> None:
    acme = fallen(well=20, delayed=10)
    held = late_of(acme)[:5]
    Health.objects.filter(person__in=held).update(cause="lost")
    make_hits(make_incident(acme), late_of(acme)[:2] + late_of(acme, "overdue")[:3])
    make_intake_incident(None)
    assert found() == [], "5 late, 2 who wait: 3 are left"
    Hit.objects.all().delete()
    assert [each.people for each in found()] == [5]


@pytest.mark.django_db
def test_who_is_late_while_nobody_is_heard_of_has_not_stopped() -> None:
    fallen()
    intake = Incident.objects.create(
        kind="intake", provider="service", signature="-", began_at=NOW, opened_at=NOW
    )
    assert found() == []
    Incident.objects.filter(pk=intake.pk).update(closed_at=NOW)
    assert len(found()) == 1


@pytest.mark.django_db
def test_a_few_people_are_no_fall() -> None:
    fallen(well=20, delayed=4)
    fallen(well=8, delayed=2)
    assert found() == []


@pytest.mark.django_db
def test_one_moment_alone_is_no_measure() -> None:
    acme = make_organization()
    make_many_healthy(acme, 20)
    for _ in range(10):
        make_unwell(acme, "degraded", "overdue")
    samples_add([(acme.pk, NOW - HOUR, "healthy", 30)])
    assert len(found()) == 1, "the only one is"
    sampled(acme, 20, 10, hours=0.5)
    assert found() == []
    samples_add([(acme.pk, NOW - 2 * HOUR, "healthy", 26), (acme.pk, NOW - 2 * HOUR, "lost", 4)])
    assert [each.facts["before_well"] for each in found()] == [26], "the second best"
    acme_later = NOW + DAY - HOUR + timedelta(minutes=1)
    assert list(coverage_findings(acme_later)) == [], "those of a day count"


@pytest.mark.django_db
def test_organizations_that_are_well_cost_nothing_more() -> None:
    for _ in range(3):
        make_many_healthy(make_organization(), 10)
    few = make_organization()
    make_many_healthy(few, 8)
    make_unwell(few, "degraded", "overdue")
    with CaptureQueriesContext(connection) as asked:
        assert found() == []
    assert len(asked) == 2, "one of nine is no fall either"
    for _ in range(2):
        fallen()
    with CaptureQueriesContext(connection) as asked:
        assert len(found()) == 2
    assert len(asked) == 4


@pytest.mark.django_db
def test_organizations_that_have_long_been_so_are_left_to_the_database() -> None:
    for _ in range(3):
        usual = make_organization()
        make_many_healthy(usual, 20)
        for _ in range(10):
            make_unwell(usual, "degraded", "overdue")
        sampled(usual, 20, 10, hours=24)
    rows = rows_of({})
    assert (len(rows), bests_of(rows, NOW)) == (3, {})
    acme = fallen()
    assert set(bests_of(rows_of({}), NOW)) == {acme.pk}


def lines_run() -> int:
    """Return how many lines of the source run until it has found all."""
    lines = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal lines
        lines += event == "line" and frame.f_code.co_filename == coverage.__file__
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        found()
    finally:
        sys.settrace(before)
    return lines


@pytest.mark.django_db
def test_its_work_grows_as_the_organizations_that_fell() -> None:
    worked = []
    for number in (5, 15):
        for _ in range(number):
            fallen(well=6, delayed=3)
        worked.append(lines_run())
    few, many = worked
    assert 0 < few < many <= 4 * few, "twenty of them, after five"


@pytest.mark.django_db
def test_it_is_an_alert_from_the_fall_until_most_is_made_up_for() -> None:
    acme = fallen()
    assert alerts_watch(NOW).begun == 1
    alert = Alert.objects.get(organization=acme, kind="coverage")
    words = explained(alert.kind, alert.cause, alert.facts, {})
    assert words.title == "Only 66.7 % of people are syncing, 100 % were within the last day"
    assert (alert.people, alert.weight) == (10, pytest.approx(1 / 3))

    assert alerts_watch(NOW + HOUR).begun == 0
    Health.objects.filter(organization=acme).update(status="healthy", cause="")
    assert alerts_watch(NOW + 2 * HOUR).ended == 1
    alert.refresh_from_db()
    assert alert.ended_at == NOW + 2 * HOUR
