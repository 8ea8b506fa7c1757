"""What a person's page says of incidents, of longer intervals, and of waits."""

from __future__ import annotations

from django.test import Client

from accounts.models import Person
from monitoring.health.models import Transition
from monitoring.incidents.models import Incident
from tests.factories import NOW
from tests.monitoring.console.conftest import Cast
from tests.monitoring.console.incident_makers import (
    OVER,
    make_hit_people,
    make_hits,
    make_incident,
    suffer,
)
from tests.monitoring.console.makers import (
    HOUR,
    make_healthy,
    make_unwell,
    set_health,
    transition,
)
from tests.monitoring.console.markup import markup, text


def address(person: Person) -> str:
    return f"/o/acme/people/{person.pk}/"


def shown(client: Client, person: Person) -> str:
    return text(client.get(address(person)))


def test_who_is_in_an_incident_is_led_to_it(cast: Cast, admin_client: Client) -> None:
    incident = make_incident(cast.acme, people_hit=31)
    (person,) = make_hit_people(incident, 1)
    Incident.objects.filter(pk=incident.pk).update(people_hit=31)
    response = admin_client.get(address(person))
    assert "Hit by the Salesforce incident, with 30 other people. Open the incident" in text(
        response
    )
    assert f"/o/acme/incidents/{incident.pk}/" in markup(response).links
    assert "It is not held against this person." in text(response)
    listed = text(admin_client.get("/o/acme/people/?cause=incident"))
    assert "Hit by an incident, with many others (1)" in listed
    assert "Delayed Hit by an incident, with many others" in listed


def test_the_incident_of_another_organization_is_not_named(
    cast: Cast, admin_client: Client
) -> None:
    person = make_healthy(cast.acme)
    suffer([person])
    theirs = make_incident(cast.globex)
    make_hits(theirs, [person])
    page = markup(admin_client.get(address(person)))
    assert "Hit by an incident, with many others" in page.text
    assert not [link for link in page.links if f"incidents/{theirs.pk}" in link]


def test_who_is_through_is_not_led_to_the_incident(cast: Cast, admin_client: Client) -> None:
    incident = make_incident(cast.acme, **OVER)
    (person,) = make_hit_people(incident, 1, recovered_at=NOW - HOUR)
    set_health(person, in_incident=False)
    assert "Open the incident" not in shown(admin_client, person)


def test_a_longer_interval_is_explained_by_the_change_that_made_it(
    cast: Cast, admin_client: Client
) -> None:
    person = make_unwell(cast.acme, "degraded", "google-rate-limit", health={"interval": 14_400})
    Transition.objects.bulk_create(
        [
            transition(
                person,
                NOW - hours * HOUR,
                from_interval=before,
                to_interval=after,
                to_cause=cause,
            )
            for hours, before, after, cause in (
                (90, 7_200, 14_400, "lost"),
                (80, 14_400, 7_200, ""),
                (11, 7_200, 14_400, "google-rate-limit"),
                (5, 14_400, 14_400, "overdue"),
            )
        ]
    )
    assert (
        "Every 4 h instead of 2 h since 02:00, because Google asks us to slow down; "
        "back to 2 h after the next success."
    ) in shown(admin_client, person)


def test_a_wait_that_the_provider_asked_for_is_told(cast: Cast, admin_client: Client) -> None:
    wait = {"not_before": NOW + 2 * HOUR, "last_signature": "salesforce 503 x"}
    person = make_unwell(cast.acme, "degraded", "salesforce-maintenance", health=wait)
    assert "Salesforce asked us not to come before 15:00." in shown(admin_client, person)
