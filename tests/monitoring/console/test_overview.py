from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.access import access_for
from monitoring.console.needs import OLDEST
from monitoring.console.overview import disabled_by
from monitoring.health.models import Health, HealthTally, Hold
from tests.factories import NOW, make_person
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.incident_makers import (
    OVER,
    RECOVERING,
    make_hit_people,
    make_incident,
)
from tests.monitoring.console.makers import (
    make_healthy,
    make_held,
    make_many_healthy,
    make_unwell,
)
from tests.monitoring.console.markup import markup, text

ADDRESS = "/o/acme/"
HTMX = {"HX-Request": "true"}


def test_the_page_says_how_everybody_stands_with_links(cast: Cast, admin_client: Client) -> None:
    make_many_healthy(cast.acme, 41)
    make_unwell(cast.acme, "degraded", "overdue")
    make_unwell(cast.acme, "stalled", "silent")
    make_held(cast.acme)
    make_person(cast.acme)
    page = markup(admin_client.get(ADDRESS))
    assert "41 of 44 people are syncing" in page.text
    assert "41 syncing 1 delayed 1 needs attention 1 off" in page.text
    assert "1 never connected , counted apart" in page.text
    assert "Disabled by people: 1. By errors: 0." in page.text
    for group in ("healthy", "degraded", "stalled", "disabled", "never_connected"):
        assert f"/o/acme/people/?status={group}" in page.links


def test_what_needs_somebody_is_grouped_by_cause(cast: Cast, admin_client: Client) -> None:
    for hours in (50, 100, 60):
        make_unwell(cast.acme, "stalled", "google-access-revoked", hours=hours)
    make_unwell(cast.acme, "stalled", "silent", hours=20)
    make_unwell(cast.acme, "degraded", "google-rate-limit", hours=500)
    response = admin_client.get(ADDRESS)
    needs = response.context["needs"]
    assert [(need.title, need.people, need.oldest.said) for need in needs] == [
        ("Google access was revoked", 3, "4 days ago"),
        ("No run for too long", 1, "20 h ago"),
    ]
    assert "Ask the person to reconnect Google" in text(response)
    address = "/o/acme/people/?status=stalled&cause=google-access-revoked"
    assert address in markup(response).links
    assert len(admin_client.get(address).context["rows"]) == 3


def test_with_nothing_to_do_the_page_says_so(cast: Cast, admin_client: Client) -> None:
    make_healthy(cast.acme)
    page = text(admin_client.get(ADDRESS))
    assert "Needs you Nobody. What fails now is tried again by itself." in page
    assert "Incidents There has been none yet." in page.replace("Incidents Overview", "")
    assert "Disabled by people: 0. By errors: 0." in page


def test_an_organization_without_people_says_so(cast: Cast, admin_client: Client) -> None:
    assert "Nobody is connected yet" in text(admin_client.get(ADDRESS))


def test_the_incidents_that_need_eyes_come_first(cast: Cast, admin_client: Client) -> None:
    for _ in range(3):
        make_incident(cast.acme, **OVER)
    make_incident(cast.acme, **RECOVERING, people_hit=18)
    incident = make_incident(cast.acme, people_hit=31)
    response = admin_client.get(ADDRESS)
    assert [row.look.word for row in response.context["incidents"]] == [
        "Open",
        "Recovering",
        "Over",
    ]
    assert "Salesforce: 31 people hit since 10:00 Open for 3 h" in text(response)
    assert f"/o/acme/incidents/{incident.pk}/" in markup(response).links


def test_disabled_by_people_counts_people_and_not_holds(cast: Cast, admin_client: Client) -> None:
    person = make_held(cast.acme)
    make_held(cast.acme, ends_at=NOW + timedelta(days=1))
    hold = Hold.objects.get(person=person)
    Hold.objects.create(
        organization=cast.acme,
        person=person,
        author_kind="person",
        author_name="Ada",
        reason="On leave too",
        started_at=hold.started_at,
    )
    past = make_healthy(cast.acme)
    Hold.objects.create(
        organization=cast.acme,
        person=past,
        author_kind="person",
        author_name="Ada",
        reason="Was on leave",
        started_at=NOW - timedelta(days=9),
        released_at=NOW - timedelta(days=2),
    )
    make_held(cast.globex)
    assert disabled_by(access_for(cast.admin, "acme"), NOW) == (2, 0)


def test_somebody_disabled_without_a_hold_would_be_counted(cast: Cast) -> None:
    make_held(cast.acme)
    access = access_for(cast.admin, "acme")
    HealthTally.objects.create(
        organization=cast.acme, status="disabled", cause="google-rate-limit", people=1
    )
    assert disabled_by(access, NOW) == (1, 1)


def test_somebody_disabled_by_a_hold_that_was_lifted_would_be_counted(cast: Cast) -> None:
    person = make_held(cast.acme)
    Hold.objects.filter(person=person).update(released_at=NOW)
    assert Health.objects.get(person=person).status == "disabled"
    assert disabled_by(access_for(cast.admin, "acme"), NOW) == (0, 1)


def test_htmx_is_given_the_part_only(cast: Cast, admin_client: Client) -> None:
    html = admin_client.get(ADDRESS, headers=HTMX).content.decode()
    assert "<html" not in html
    assert 'id="overview"' in html


def test_who_may_see_it(cast: Cast, client: Client) -> None:
    assert client_of(cast.viewer).get(ADDRESS).status_code == 200
    assert client_of(cast.staff).get(ADDRESS).status_code == 200
    assert client_of(cast.stranger).get(ADDRESS).status_code == 404
    assert client_of(cast.admin).get("/o/nowhere/").status_code == 404
    assert client.get(ADDRESS).status_code == 302
    assert client_of(cast.admin).post(ADDRESS).status_code == 405


def test_nothing_of_another_organization_is_counted(cast: Cast, admin_client: Client) -> None:
    make_healthy(cast.acme)
    make_unwell(cast.globex, "stalled", "google-access-revoked")
    make_held(cast.globex)
    make_incident(cast.globex, people_hit=77)
    page = text(admin_client.get(ADDRESS))
    assert "The only person connected is syncing" in page
    assert "Needs you Nobody." in page
    assert "Disabled by people: 0. By errors: 0." in page
    assert "77 people" not in page
    assert not admin_client.get(ADDRESS).context["incidents"]


def test_the_oldest_of_a_cause_is_of_the_same_organization(
    cast: Cast, admin_client: Client
) -> None:
    make_unwell(cast.acme, "stalled", "silent", hours=20)
    make_unwell(cast.globex, "stalled", "silent", hours=900)
    (need,) = admin_client.get(ADDRESS).context["needs"]
    assert need.oldest.said == "20 h ago"


@pytest.mark.parametrize("size", [1, 80])
def test_the_page_takes_at_most_nine_statements_at_any_size(
    cast: Cast,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    size: int,
) -> None:
    make_hit_people(make_incident(cast.acme), size)
    for _ in range(min(size, 12)):
        make_incident(cast.acme, **OVER)
        make_unwell(cast.acme, "stalled", f"cause-{size}")
        make_held(cast.acme)
    with django_assert_max_num_queries(9):
        admin_client.get(ADDRESS)


def test_the_oldest_are_read_from_the_index(cast: Cast) -> None:
    make_many_healthy(cast.acme, 300)
    values = {"organization": cast.acme.pk, "severity": 0, "causes": ["silent", "x"]}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {OLDEST}", values)
        plan = " ".join(line for (line,) in cursor.fetchall())
    assert "health_by_cause" in plan
    assert "Sort" not in plan
