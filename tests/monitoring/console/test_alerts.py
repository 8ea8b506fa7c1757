from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.plan_facts import Muted
from tests.factories import NOW
from tests.monitoring.console.alert_makers import (
    HOUR,
    make_alert,
    make_over,
    make_recipient,
    make_told,
)
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.incident_makers import make_incident
from tests.monitoring.console.markup import markup, text

ADDRESS = "/o/acme/alerts/"
POLICY = "salesforce-session-policy"
HTMX = {"HX-Request": "true"}


def titles(client: Client, query: str = "") -> list[str]:
    return [row.title for row in client.get(ADDRESS + query).context["rows"]]


def test_each_is_told_with_people_state_and_how_many_were_told(
    cast: Cast, admin_client: Client
) -> None:
    alert = make_alert(cast.acme, people=5)
    make_told(alert)
    make_told(alert, make_recipient(None))
    make_told(alert, state="withdrawn")
    make_told(alert, muted=Muted.SILENCED)
    taken = {"acknowledged_at": NOW - HOUR, "acknowledged_by_name": "Casey Admin"}
    make_alert(cast.acme, kind=AlertKind.STALLED, cause=POLICY, people=1, **taken)
    make_over(cast.acme)
    page = text(admin_client.get(ADDRESS))
    for words in (
        "2 alerts are open, 1 of them nobody has acknowledged",
        "5 people must give access again: Google access was revoked Open Warning ·",
        "nobody has acknowledged it 5 2 3 h ago",
        "1 person stopped syncing: Salesforce session policy blocks the app Acknowledged",
        "Acknowledged Warning · by Casey Admin at 12:00 1 nobody yet",
        "4 people had to give access again: Google access was revoked Over after 2 h 4 nobody",
        "Times in Europe/Berlin",
    ):
        assert words in page, words


def test_open_ones_come_first_the_gravest_of_them_above(cast: Cast, admin_client: Client) -> None:
    make_over(cast.acme, people=9, severity=Severity.CRITICAL)
    make_alert(cast.acme, people=1, severity=Severity.NOTICE, began_at=NOW - HOUR)
    make_alert(cast.acme, people=2, cause="a", severity=Severity.CRITICAL)
    make_alert(cast.acme, people=3, cause="b", severity=Severity.WARNING)
    assert [title[0] for title in titles(admin_client)] == ["2", "3", "1", "4"]


def test_what_is_silenced_or_flaps_says_so(cast: Cast, admin_client: Client) -> None:
    make_alert(cast.acme, people=3, silenced=3)
    make_alert(cast.acme, cause=POLICY, people=5, silenced=2, flaps=4)
    few = {"kind": AlertKind.COVERAGE, "cause": "coverage", "facts": {"silenced": 6}}
    make_alert(cast.acme, people=10, silenced=10, **few)
    response = admin_client.get(ADDRESS)
    for words in (
        "Muted Warning · nobody needs to hear of it",
        "muted: all 3 people silenced",
        "muted: 2 of them silenced",
        "muted: 6 of 10 people silenced, the others too few for an alert",
        "flapping: came back 4 times within a day",
    ):
        assert words in text(response), words
    assert response.context["sentence"] == "3 alerts are open, 1 of them nobody has acknowledged"


def test_what_flapped_says_so_when_it_is_over_and_nothing_of_silences(
    cast: Cast, admin_client: Client
) -> None:
    make_over(cast.acme, people=1, silenced=1, flaps=3)
    page = text(admin_client.get(ADDRESS))
    assert "flapping: came back 3 times within a day Over after 2 h" in page
    assert "muted:" not in page


def test_who_acknowledged_a_muted_one_is_not_said_to_have_muted_it(
    cast: Cast, admin_client: Client
) -> None:
    taken = {"acknowledged_at": NOW, "acknowledged_by_name": "Casey Admin"}
    alert = make_alert(cast.acme, people=3, silenced=3, **taken)
    said = text(admin_client.get(ADDRESS))
    assert "Muted Warning · acknowledged by Casey Admin at 13:00" in said
    page = text(admin_client.get(f"{ADDRESS}{alert.pk}/"))
    assert "Muted, acknowledged by Casey Admin at 13:00" in page


def test_what_an_incident_absorbs_says_so_and_is_not_said_to_be_silenced(
    cast: Cast, admin_client: Client
) -> None:
    make_alert(cast.acme, people=3, silenced=3, facts={"absorbed": 3})
    said = text(admin_client.get(ADDRESS))
    assert "told with the incident that hits everybody it is about" in said
    assert "silenced" not in said


def test_the_list_is_narrowed_by_state_kind_and_words(cast: Cast, admin_client: Client) -> None:
    make_alert(cast.acme, people=1)
    make_alert(cast.acme, cause=POLICY, kind=AlertKind.STALLED, people=2, acknowledged_at=NOW)
    make_alert(cast.acme, cause="silent", kind=AlertKind.STALLED, people=3, silenced=3)
    make_over(cast.acme)
    incident = make_incident(cast.acme, provider="google", signature="google 503 backendError")
    of_incident = {"kind": AlertKind.INCIDENT, "incident": incident, "cause": str(incident.pk)}
    make_alert(cast.acme, people=6, severity=Severity.CRITICAL, **of_incident)
    narrowed = {
        "": ["Incident", "3", "2", "1", "4"],
        "?state=open": ["Incident", "3", "2", "1"],
        "?state=waiting": ["Incident", "1"],
        "?state=muted": ["3"],
        "?state=over": ["4"],
        "?kind=stalled": ["3", "2"],
        "?kind=stalled&state=muted": ["3"],
        "?q=SESSION+policy": ["2"],
        "?q=google+access": ["1", "4"],
        "?q=backenderror": ["Incident"],
        "?q=nothing+like+it": [],
        "?state=x&kind=y&q=%00": ["Incident", "3", "2", "1", "4"],
    }
    for query, expected in narrowed.items():
        found = [title.replace(",", "").split()[0] for title in titles(admin_client, query)]
        assert sorted(found) == sorted(expected), query


def test_when_nothing_is_like_that_the_way_back_is_shown(cast: Cast, admin_client: Client) -> None:
    make_alert(cast.acme)
    response = admin_client.get(f"{ADDRESS}?state=over")
    assert "No alert is like that Show all alerts" in text(response)
    assert "1 alert is open that nobody has acknowledged" in text(response)


def test_without_any_the_page_says_what_appears_here(cast: Cast, admin_client: Client) -> None:
    page = text(admin_client.get(ADDRESS))
    assert "No alert is open" in page
    assert "There has been no alert yet" in page


def test_past_ones_are_paged_and_htmx_is_given_the_list_only(
    cast: Cast, admin_client: Client
) -> None:
    for _ in range(27):
        make_over(cast.acme)
    assert len(titles(admin_client)) == 25
    second = admin_client.get(f"{ADDRESS}?page=2", headers=HTMX)
    assert markup(second).ids[0] == "alerts"
    assert len(second.context["rows"]) == 2


@pytest.mark.parametrize("number", [1, 25])
def test_the_page_takes_at_most_ten_statements_at_any_size(
    cast: Cast,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    for place in range(number):
        make_told(make_alert(cast.acme, cause=f"cause {place}"))
        make_told(make_over(cast.acme))
    with django_assert_max_num_queries(10):
        admin_client.get(ADDRESS)


def test_the_navigation_counts_what_waits_for_somebody(cast: Cast, admin_client: Client) -> None:
    make_alert(cast.acme)
    make_alert(cast.acme, cause="a", people=3, silenced=3)
    make_alert(cast.acme, cause="b", acknowledged_at=NOW)
    make_alert(cast.globex)
    make_over(cast.acme)
    assert "Alerts 1 nobody has acknowledged" in text(admin_client.get("/o/acme/people/"))


def test_a_stranger_finds_nothing_and_wrong_methods_are_refused(cast: Cast, client: Client) -> None:
    assert client.get(ADDRESS).status_code == 302
    assert client_of(cast.stranger).get(ADDRESS).status_code == 404
    assert client_of(cast.admin).post(ADDRESS).status_code == 405
    assert client_of(cast.viewer).get(ADDRESS).status_code == 200


def test_nothing_of_others_is_listed(cast: Cast, admin_client: Client) -> None:
    make_alert(cast.globex)
    make_alert(None, kind=AlertKind.SERVICE, cause="mail")
    assert titles(admin_client) == []
    assert "No alert is open" in text(admin_client.get(ADDRESS))


# Of the service


def make_service_alert(**overrides: Any) -> Any:
    fields = {"kind": AlertKind.SERVICE, "cause": "workers", "people": 0, "most_people": 0}
    facts = {"queued": 12, "seconds": 900, "worker_seconds": 1_000}
    return make_alert(None, **fields | {"facts": facts} | overrides)


def test_support_staff_see_the_alerts_of_the_service(cast: Cast) -> None:
    make_service_alert()
    make_alert(cast.acme)
    page = client_of(cast.staff).get("/alerts/")
    assert [row.title for row in page.context["rows"]] == ["No worker is at work"]
    assert "1 alert is open that nobody has acknowledged" in text(page)
    assert {"/alerts/", "/outbox/", "/incidents/"} <= set(markup(page).links)
    assert "Times in UTC" in text(page)


def test_support_staff_see_the_alerts_of_organizations_they_were_told_of(cast: Cast) -> None:
    incident = make_incident(cast.acme)
    told = make_alert(
        cast.acme, kind=AlertKind.INCIDENT, cause=str(incident.pk), incident=incident, people=31,
        severity=Severity.CRITICAL, facts={"provider": "salesforce", "rule": POLICY},
    )  # fmt: skip
    make_told(told, make_recipient(None, name="Support"))
    make_told(make_alert(cast.acme, cause="theirs"))
    make_told(make_alert(cast.acme, cause="kept"), make_recipient(None), muted=Muted.SILENCED)
    make_told(make_alert(cast.globex), make_recipient(None), state="withdrawn")
    page = client_of(cast.staff).get("/alerts/")
    assert [row.id for row in page.context["rows"]] == [told.pk]
    assert "1 alert is open that nobody has acknowledged" in text(page)
    assert f"blocks the app {cast.acme.name} Open" in text(page)
    assert f"/o/acme/alerts/{told.pk}/" in markup(page).links


def test_a_member_finds_no_page_of_the_service(cast: Cast, client: Client) -> None:
    alert = make_service_alert()
    addresses = ["/alerts/", f"/alerts/{alert.pk}/", "/outbox/"]
    posts = [f"/alerts/{alert.pk}/{deed}" for deed in ("acknowledge", "unacknowledge")]
    for address in addresses:
        assert client_of(cast.admin).get(address).status_code == 404, address
        assert client.get(address).status_code == 302
        assert client_of(cast.staff).post(address).status_code == 405
    for address in [*posts, "/outbox/retry"]:
        assert client_of(cast.admin).post(address).status_code == 404, address
    alert.refresh_from_db()
    assert alert.acknowledged_at is None


def test_times_of_the_last_week_are_told_by_weekday(cast: Cast, admin_client: Client) -> None:
    make_over(cast.acme, began_at=NOW - timedelta(days=2))
    assert "Wed 13:00" in text(admin_client.get(ADDRESS))
