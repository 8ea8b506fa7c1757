from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.access import access_for
from monitoring.alerts.kinds import AlertKind
from monitoring.console.incident_facts import MOST_BINS, stop_times
from monitoring.health.models import Health, Policy
from monitoring.incidents.models import EventKind, Hit, Incident, Release
from tests.factories import NOW
from tests.monitoring.console.alert_makers import make_alert, make_told
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.incident_makers import (
    HOUR,
    MINUTE,
    OVER,
    RECOVERING,
    address,
    make_event,
    make_hit_people,
    make_hits,
    make_incident,
    make_intake_incident,
    make_outage,
    some_hits,
)
from tests.monitoring.console.makers import make_healthy, make_held
from tests.monitoring.console.markup import markup, text
from tests.monitoring.errors.makers import make_access, make_live, make_staff, propose

HTMX = {"HX-Request": "true"}


def shown(client: Client, incident: Incident, **query: Any) -> str:
    response = client.get(address(incident), query)
    assert response.status_code == 200
    return text(response)


def test_the_page_tells_the_whole_story(cast: Cast, admin_client: Client) -> None:
    page = shown(admin_client, make_outage(cast.acme))
    for words in (
        "31 of 34 people stopped between 10:00 and 10:02",
        "Began 10:00, found 4 min later.",
        "2 of 31 have had a good run since, 28 wait, 1 still fails for another reason.",
        "Nobody is disabled by it.",
        "Nobody has taken it yet",
        "Salesforce is being maintained.",
        "Temporary: it passes by itself.",
        "Nothing to do. The sync goes on when the maintenance ends",
        "salesforce 503 html maintenance",
        "5 people try every 5 min, to see when it ends; the other 23 try at their interval.",
        "No personal mails",
        "31 people hit; latest failure 2 h ago",
        "latest good run of somebody hit 9 min ago",
        "Salesforce's status page: Not known",
        "last asked 3 min ago",
        "Nothing we know of in the 24 hours before",
        "Recover 29 people",
        "times in Europe/Berlin",
    ):
        assert words in page, words


def test_who_was_told_is_a_step_away(cast: Cast, admin_client: Client) -> None:
    incident = make_outage(cast.acme)
    assert "recipient" not in shown(admin_client, incident)
    fields = {"kind": AlertKind.INCIDENT, "cause": str(incident.pk), "incident": incident}
    alert = make_alert(cast.acme, **fields)
    assert "Nobody has taken it yet · Nobody has been told" in shown(admin_client, incident)
    for _ in range(2):
        make_told(alert)
    response = admin_client.get(address(incident))
    assert "Told 2 recipients" in text(response)
    assert f"/o/acme/alerts/{alert.pk}/" in markup(response).links


def test_the_chart_is_drawn_from_minutes_and_has_everybody_in_it(
    cast: Cast, admin_client: Client
) -> None:
    chart = admin_client.get(address(make_outage(cast.acme))).context["chart"]
    assert chart.summary.startswith("31 people stopped between 20 Nov 10:00 and 20 Nov 10:02")
    assert [row[1] for row in chart.table.rows] == ["12", "12", "7"]


def test_a_long_incident_has_few_bins(cast: Cast, admin_client: Client) -> None:
    incident = make_incident(cast.acme, began_at=NOW - 40 * HOUR)
    make_hit_people(incident, 300, step=7 * MINUTE)
    stops = stop_times(access_for(cast.admin, "acme"), incident)
    assert sum(people for _, people in stops) == 300
    assert len(stops) <= MOST_BINS
    assert {moment.minute % 10 for moment, _ in stops} == {0}
    chart = admin_client.get(address(incident)).context["chart"]
    assert len(chart.table.rows) <= 60


def test_stragglers_are_told_apart(cast: Cast, admin_client: Client) -> None:
    incident = make_incident(cast.acme)
    people = make_hit_people(incident, 40)
    late = people[-1:]
    Hit.objects.filter(person__in=late).update(first_failed_at=NOW - HOUR)
    assert "All 40 people stopped, 39 of them at 10:00" in shown(admin_client, incident)


def test_everybody_hit_is_listed_who_waits_first(cast: Cast, admin_client: Client) -> None:
    incident = make_outage(cast.acme)
    response = admin_client.get(address(incident))
    words = [hit.look.word for hit in response.context["hits"]]
    assert words == (
        ["Tries often"] * 5 + ["Waiting"] * 23 + ["Still failing"] + ["Synced again"] * 2
    )
    assert response.context["hits_shown"] == "31 people"
    person = Hit.objects.filter(canary=True).first().person_id
    assert f"/o/acme/people/{person}/" in markup(response).links


def test_those_who_can_not_be_tried_are_told_apart(cast: Cast, admin_client: Client) -> None:
    incident = make_incident(cast.acme)
    held, elsewhere, asked = make_held(cast.acme), make_healthy(cast.acme), make_healthy(cast.acme)
    Health.objects.filter(person=elsewhere).update(runs_here=False)
    make_hits(incident, [held, elsewhere, asked])
    Hit.objects.filter(person=asked).update(asked_at=NOW - MINUTE)
    page = shown(admin_client, incident)
    assert "Off Switched off by a person, so not tried" in page
    assert "Waiting Synced by another engine" in page
    assert "Sync asked for 1 min ago" in page


def test_whose_trouble_is_their_own_has_its_reason(cast: Cast, admin_client: Client) -> None:
    incident = make_incident(cast.acme, **OVER)
    people = make_hit_people(incident, 2)
    Hit.objects.update(ended_at=NOW - HOUR)
    own = {"status": "stalled", "cause": "google-access-revoked", "in_incident": False}
    Health.objects.filter(person=people[0]).update(**own)
    page = shown(admin_client, incident)
    assert "Still failing 1 h ago" in page
    assert "Google access was revoked" in page
    assert "For a reason of their own" in page


def test_people_are_paged_by_fifty(cast: Cast, admin_client: Client) -> None:
    incident = make_incident(cast.acme)
    make_hit_people(incident, 120)
    first = admin_client.get(address(incident))
    assert len(first.context["hits"]) == 50
    assert f"{address(incident)}?page=2#people" in markup(first).links
    last = admin_client.get(address(incident), {"page": "3"})
    assert len(last.context["hits"]) == 20
    assert len(admin_client.get(address(incident), {"page": "99"}).context["hits"]) == 20
    seen = {
        row.person_id
        for page in ("1", "2", "3")
        for row in admin_client.get(address(incident), {"page": page}).context["hits"]
    }
    assert len(seen) == 120


def test_canaries_try_as_often_as_the_policy_says(cast: Cast, admin_client: Client) -> None:
    incident = make_outage(cast.acme)
    Policy.objects.create(organization=cast.acme, first_retry=600)
    assert "5 people try every 10 min" in shown(admin_client, incident)


def test_what_changed_then_is_what_was_released_and_told(cast: Cast, admin_client: Client) -> None:
    incident = make_outage(cast.acme)
    Release.objects.create(version="2.1", started_at=incident.began_at - 5 * HOUR)
    Release.objects.create(version="2.0", started_at=incident.began_at - 25 * HOUR)
    Release.objects.create(version="2.2", started_at=incident.opened_at + HOUR)
    before = make_incident(cast.acme, **OVER)
    make_event(before, EventKind.STATUS, incident.began_at - HOUR, text="maintenance: Upgrade")
    make_event(before, EventKind.STATUS, incident.began_at - HOUR, text="ok")
    make_event(before, EventKind.NOTE, incident.began_at - HOUR, text="trouble: no event of theirs")
    changes = admin_client.get(address(incident)).context["changes"]
    assert [change.sentence for change in changes] == [
        "Salesforce's status page reports maintenance: Upgrade",
        "Version 2.1 of this service went live",
    ]


def test_changes_of_rules_are_among_what_changed_and_only_ones_own(
    cast: Cast, admin_client: Client
) -> None:
    incident = make_outage(cast.acme)
    before = incident.began_at - 5 * HOUR
    make_live(make_access(cast.acme), now=before)
    make_live(make_access(cast.globex), reason="Theirs alone", now=before + HOUR)
    make_live(make_staff(cast.acme), organization=None, reason="For all", now=before + 2 * HOUR)
    propose(make_access(cast.acme), rule="aisle-free", reason="A draft", now=before)
    changes = admin_client.get(address(incident)).context["changes"]
    assert [change.sentence for change in changes] == [
        "Rule “The aisle is blocked” was added",
        "Rule “The aisle is blocked” was added: People asked what it means.",
    ]
    changes = client_of(cast.staff).get(address(incident)).context["changes"]
    assert changes[0].sentence == "Rule “The aisle is blocked” was added: For all"


def test_the_provider_is_quoted_beside_our_evidence(cast: Cast, admin_client: Client) -> None:
    incident = make_outage(cast.acme)
    page = "https://status.salesforce.com/incidents/1"
    make_event(incident, EventKind.STATUS, NOW - HOUR, text="ok")
    make_event(
        incident, EventKind.STATUS, NOW - 9 * MINUTE, text="trouble: Major incident", address=page
    )
    response = admin_client.get(address(incident))
    assert "Salesforce's status page: Trouble reported Major incident" in text(response)
    assert "Said so 9 min ago" in text(response)
    assert "a status page never decides" in text(response)
    assert page in markup(response).links
    assert 'rel="noopener noreferrer"' in response.content.decode()


def test_the_latest_word_of_the_provider_counts_however_much_was_written_since(
    cast: Cast, admin_client: Client
) -> None:
    incident = make_outage(cast.acme)
    make_event(incident, EventKind.STATUS, NOW - HOUR, text="trouble: Major incident")
    for _ in range(60):
        make_event(incident, EventKind.NOTE, text="Still waiting", author_name="Casey")
    assert "Trouble reported" in shown(admin_client, incident)


def test_the_timeline_is_newest_first_with_authors(cast: Cast, admin_client: Client) -> None:
    incident = make_outage(cast.acme)
    make_event(incident, EventKind.OPENED, NOW - HOUR, people=31)
    make_event(incident, EventKind.NOTE, NOW, text="<b>Called</b> them", author_name="Casey Admin")
    response = admin_client.get(address(incident))
    assert [event.sentence for event in response.context["events"]] == [
        "<b>Called</b> them",
        "Found: 31 people hit",
    ]
    assert "Casey Admin," in text(response)
    assert "<b>Called" not in response.content.decode()


def test_an_intake_that_drops_has_a_page_of_its_own_words(cast: Cast, admin_client: Client) -> None:
    incident = make_intake_incident(cast.acme)
    page = shown(admin_client, incident)
    assert "Too few results come in since 10:00" in page
    assert "Statuses may be stale: they show what was last heard." in page
    assert "Nobody is called silent or overdue meanwhile." in page
    for word in ("Who is hit", "Recover", "Shared error", "status page", "canaries"):
        assert word not in page, word


def test_one_that_hit_nobody_yet_is_shown(cast: Cast, admin_client: Client) -> None:
    page = shown(admin_client, make_incident(cast.acme))
    assert "Salesforce: 0 people hit since 10:00" in page
    assert "Nobody so far." in page
    assert "Recover" not in page


def test_one_that_is_over_is_told_in_the_past(cast: Cast, admin_client: Client) -> None:
    incident = make_incident(cast.acme, **OVER | {"began_at": NOW - 9 * HOUR})
    make_hit_people(incident, 3)
    Hit.objects.update(recovered_at=NOW - 4 * HOUR)
    response = admin_client.get(address(incident))
    page = text(response)
    assert "All 3 people have had a good run since." in page
    assert "What was held back" in page
    assert "every 10s" not in response.content.decode()
    assert "Recover" not in page


# What changes while one looks


def look(client: Client, incident: Incident, **query: Any) -> HttpResponse:
    return client.get(address(incident), query, headers=HTMX)


@pytest.mark.parametrize("state", [{}, RECOVERING])
def test_one_that_is_not_over_is_asked_after_every_ten_seconds(
    cast: Cast, admin_client: Client, state: dict[str, Any]
) -> None:
    incident = make_incident(cast.acme, **state)
    make_hit_people(incident, 3)
    assert 'hx-trigger="every 10s, ' in admin_client.get(address(incident)).content.decode()


def test_htmx_is_given_what_may_have_changed(cast: Cast, admin_client: Client) -> None:
    response = look(admin_client, make_outage(cast.acme))
    assert markup(response).ids[0] == "head"
    assert {"people", "held", "says", "timeline"} <= set(markup(response).ids)
    assert response.content.decode().count('hx-swap-oob="true"') == 4
    # The one keeps what is being typed, the other would flicker.
    assert not {"note", "stops"} & set(markup(response).ids)


def test_nothing_is_sent_while_nothing_is_new(cast: Cast, admin_client: Client) -> None:
    incident = make_outage(cast.acme)
    seen = admin_client.get(address(incident)).context["version"]
    assert look(admin_client, incident, seen=seen).status_code == 204
    some_hits(incident, 1, recovered_at=NOW)
    response = look(admin_client, incident, seen=seen)
    assert "3 of 31 have had a good run since" in text(response)
    assert "stops" not in markup(response).ids


def test_the_chart_comes_anew_only_with_more_people(cast: Cast, admin_client: Client) -> None:
    incident = make_outage(cast.acme)
    seen = admin_client.get(address(incident)).context["version"]
    make_hits(incident, [make_healthy(cast.acme)])
    assert "stops" in markup(look(admin_client, incident, seen=seen)).ids


@pytest.mark.parametrize("seen", ["", "x", "31-2", "9" * 99])
def test_a_version_that_is_none_of_ours_is_answered_in_full(
    cast: Cast, admin_client: Client, seen: str
) -> None:
    assert look(admin_client, make_outage(cast.acme), seen=seen).status_code == 200


@pytest.mark.parametrize("people", [3, 120])
@pytest.mark.parametrize("htmx", [True, False])
def test_the_page_takes_at_most_seventeen_statements_at_any_size(
    cast: Cast,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    people: int,
    htmx: bool,
) -> None:
    incident = make_incident(cast.acme)
    make_hit_people(incident, people)
    for _ in range(people):
        make_event(incident, EventKind.NOTE, text="Still waiting", author_name="Casey")
    with django_assert_max_num_queries(17):
        admin_client.get(address(incident), headers=HTMX if htmx else {})


# Who may see it


def test_a_viewer_looks_without_a_button(cast: Cast) -> None:
    incident = make_outage(cast.acme)
    response = client_of(cast.viewer).get(address(incident))
    page = text(response)
    assert "31 of 34 people stopped" in page
    for button in ("Take it", "Recover 29 people", "Add note"):
        assert button not in page, button
    assert 'method="post"' not in response.content.decode().partition("<main")[2]


def test_strangers_find_nothing_and_members_nothing_elsewhere(
    cast: Cast, admin_client: Client, client: Client
) -> None:
    ours, theirs = make_incident(cast.acme), make_incident(cast.globex)
    whole = make_incident(None)
    assert client_of(cast.stranger).get(address(ours)).status_code == 404
    assert admin_client.get(address(theirs)).status_code == 404
    assert admin_client.get(address(theirs, "globex")).status_code == 404
    assert admin_client.get(address(whole)).status_code == 404
    assert client_of(cast.staff).get(address(theirs, "globex")).status_code == 200
    assert client.get(address(ours)).status_code == 302
    assert admin_client.post(address(ours)).status_code == 405


def test_nothing_of_another_organization_is_mixed_in(cast: Cast, admin_client: Client) -> None:
    incident = make_outage(cast.acme)
    theirs = make_incident(cast.globex, people_hit=77)
    stranger = make_healthy(cast.globex, name="Their Person")
    # Such a row must not exist; if it does, the page leaves it out.
    make_hits(incident, [stranger], organization_id=cast.globex.pk)
    make_event(theirs, EventKind.NOTE, text="Their note", author_name="Them")
    make_event(theirs, EventKind.STATUS, incident.began_at - HOUR, text="trouble: Their word")
    make_hits(theirs, [stranger])
    page = shown(admin_client, incident)
    assert "31 of 34 people stopped" in page
    for words in ("Their", "77 people"):
        assert words not in page, words
