from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.kinds import AlertKind
from monitoring.alerts.models import Alert
from monitoring.alerts.told_people import teams_joined, teams_split, whom_it_tells_of
from monitoring.health.models import Health
from monitoring.incidents.models import Hit
from tests.factories import NOW, make_organization
from tests.monitoring.alerts.makers import make_matcher, make_silence
from tests.monitoring.console.alert_makers import CAUSE, make_alert, make_over
from tests.monitoring.console.incident_makers import make_hits, make_incident
from tests.monitoring.console.makers import make_many_healthy, make_unwell

HOUR = timedelta(hours=1)


def told_of(alert: Alert, after: timedelta = timedelta()) -> set[str]:
    """The names of whom an alert tells of, so long after NOW."""
    people = whom_it_tells_of(alert, Health.objects.all(), NOW + after)
    return set(people.values_list("person__name", flat=True))


@pytest.mark.django_db
def test_an_alert_tells_of_the_stalled_people_of_its_cause_and_organization() -> None:
    acme = make_organization()
    make_unwell(acme, "stalled", CAUSE, name="Ada")
    make_unwell(acme, "degraded", CAUSE, name="Delayed")
    make_unwell(acme, "stalled", "silent", name="Silent")
    make_unwell(make_organization(), "stalled", CAUSE, name="Theirs")
    assert told_of(make_alert(acme)) == {"Ada"}


@pytest.mark.django_db
def test_it_tells_of_nobody_who_is_silenced_and_of_them_again_when_that_is_over() -> None:
    acme = make_organization()
    ada, _, _ = (
        make_unwell(acme, "stalled", CAUSE, name=name, team=team)
        for name, team in (("Ada", ""), ("Ben", "Sales"), ("Eve", ""))
    )
    make_silence(acme, [ada], ends_at=NOW + HOUR)
    make_matcher(acme, team="Sales", ends_at=NOW + 2 * HOUR)
    alert = make_alert(acme)
    assert told_of(alert) == {"Eve"}
    assert told_of(alert, HOUR) == {"Ada", "Eve"}
    assert told_of(alert, 2 * HOUR) == {"Ada", "Ben", "Eve"}


@pytest.mark.django_db
def test_whom_an_incident_absorbs_is_told_of_with_it() -> None:
    acme = make_organization()
    people = [make_unwell(acme, "stalled", CAUSE, name=name) for name in ("Hit", "Own", "Through")]
    incident = make_incident(acme)
    make_hits(incident, people)
    Health.objects.filter(person=people[1]).update(confirmed_at=incident.began_at - HOUR)
    Hit.objects.filter(person=people[2]).update(recovered_at=NOW)
    assert told_of(make_alert(acme)) == {"Own", "Through"}


@pytest.mark.django_db
def test_one_that_is_over_or_about_something_else_tells_of_nobody() -> None:
    acme = make_organization()
    make_unwell(acme, "stalled", CAUSE)
    assert told_of(make_over(acme)) == set()
    assert told_of(make_alert(acme, kind=AlertKind.COVERAGE)) == set()


@pytest.mark.django_db
@pytest.mark.parametrize("healthy", [300, 2_000])
def test_the_others_of_an_organization_are_not_read(healthy: int) -> None:
    acme = make_organization()
    make_many_healthy(acme, healthy)
    for _ in range(3):
        make_unwell(acme, "stalled", CAUSE)
    make_matcher(acme, team="Sales")
    with connection.cursor() as cursor:
        for table in ("health_health", "accounts_person"):
            cursor.execute(f"ANALYZE {table}")
    people = whom_it_tells_of(make_alert(acme), Health.objects.filter(organization=acme), NOW)
    plan = people.worst_first().explain()
    assert "health_by_cause" in plan, plan
    assert "Seq Scan on health_health" not in plan, plan
    assert "Seq Scan on accounts_person" not in plan, plan


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1))
def test_teams_are_read_as_they_were_written(teams: list[str]) -> None:
    assert teams_split(teams_joined(teams)) == teams


@pytest.mark.parametrize(
    ("teams", "text"),
    [
        (["Sales"], "Sales"),
        (["", "Sales"], ",Sales"),
        ([""], '""'),
        (["Sales, north", "South"], '"Sales, north",South'),
    ],
)
def test_teams_stand_with_commas_between(teams: list[str], text: str) -> None:
    assert teams_joined(teams) == text
