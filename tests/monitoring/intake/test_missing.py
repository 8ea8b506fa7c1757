from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import Person
from monitoring.intake.missing import missing_of
from monitoring.intake.volume import Missing
from tests.factories import NOW, make_organization
from tests.monitoring.console.makers import HOUR, make_healthy, make_outcome, make_unwell

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
COUNTS = {"google": {"created": 1}, "salesforce": {"created": 2}, "skipped": 4}


def found(person: Person) -> Missing | None:
    return missing_of(person.organization_id, person.pk, NOW)


def make_stuck(days_known: int = 29, **overrides: Any) -> Person:
    """Somebody without a good run for two days, who had three meetings copied each day before."""
    person = make_unwell(make_organization(), "stalled", "google-access-revoked", hours=48)
    type(person.health).objects.filter(pk=person.pk).update(
        **{"last_result": "failure"} | overrides
    )
    for day in range(2, days_known + 2):
        make_outcome(person, NOW - day * DAY, counts=COUNTS)
    make_outcome(person, NOW - HOUR, result="failure", counts={"google": {"created": 0}})
    return person


def test_somebody_stuck_misses_what_comes_up_in_their_usual_week(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    person = make_stuck()
    with django_assert_num_queries(1):
        assert found(person) == Missing(NOW - 2 * DAY, 6)


def test_who_is_known_for_less_than_a_week_is_given_no_number() -> None:
    assert found(make_stuck(days_known=5)) == Missing(NOW - 2 * DAY, None)


def test_who_is_let_in_but_not_with_everything_is_given_no_number() -> None:
    assert found(make_stuck(last_result="partial")) == Missing(NOW - 2 * DAY, None)


def test_a_gap_begins_when_somebody_was_let_in_last() -> None:
    person = make_stuck()
    make_outcome(person, NOW - DAY, result="partial", counts=COUNTS)
    assert found(person) == Missing(NOW - DAY, 3)


def test_of_who_had_no_meetings_for_weeks_none_is_missing() -> None:
    person = make_unwell(make_organization(), "stalled", "google-access-revoked", hours=48)
    for day in range(2, 31):
        make_outcome(person, NOW - day * DAY, counts={"google": {"created": 0}})
    assert found(person) == Missing(None, 0)


def test_nothing_is_missing_of_who_is_well_or_never_began() -> None:
    well = make_healthy(make_organization())
    make_outcome(well, NOW - HOUR, counts=COUNTS)
    never = make_unwell(make_organization(), "degraded", "never_connected")
    type(never.health).objects.filter(pk=never.pk).update(last_success_at=None)
    assert found(well) is None
    assert found(never) is None


def test_a_log_without_the_last_good_run_says_nothing() -> None:
    person = make_unwell(make_organization(), "stalled", "google-access-revoked", hours=48)
    assert found(person) == Missing(None, None)


def test_runs_under_another_organization_are_left_out() -> None:
    person = make_stuck()
    other = make_organization()
    make_outcome(person, NOW - HOUR, organization_id=other.pk, counts=COUNTS)
    assert found(person) == Missing(NOW - 2 * DAY, 6)
    assert missing_of(other.pk, person.pk, NOW) is None
