from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.access import access_for
from accounts.models import Person
from monitoring.audit.models import AuditEntry
from monitoring.console.incident_facts import MOST_BINS, stop_times
from monitoring.health.models import Health, Policy
from monitoring.incidents.models import EventKind, Hit, Incident, IncidentEvent, Release
from tests.factories import NOW
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.incident_makers import (
    HOUR,
    MINUTE,
    OVER,
    RECOVERING,
    count_hits,
    make_event,
    make_hit_people,
    make_hits,
    make_incident,
    make_intake_incident,
)
from tests.monitoring.console.makers import make_healthy, make_held, make_many_healthy
from tests.monitoring.console.markup import markup, text

HTMX = {"HX-Request": "true"}


def address(incident: Incident, slug: str = "acme", then: str = "") -> str:
    return f"/o/{slug}/incidents/{incident.pk}/{then}"


def shown(client: Client, incident: Incident, **query: Any) -> str:
    response = client.get(address(incident), query)
    assert response.status_code == 200
    return text(response)


def some_hits(incident: Incident, number: int, **fields: Any) -> None:
    """Change the first few hits that still wait."""
    waiting = Hit.objects.filter(incident=incident).waiting().order_by("pk")[:number]
    Hit.objects.filter(pk__in=[hit.pk for hit in waiting]).update(**fields)
    count_hits(incident)


def outage(cast: Cast) -> Incident:
    """An open incident of which somebody is in every state there is."""
    incident = make_incident(cast.acme, people_running=34, status_asked_at=NOW - 3 * MINUTE)
    make_hit_people(incident, 31, step=timedelta(seconds=5))
    some_hits(incident, 2, recovered_at=NOW - 9 * MINUTE)
    some_hits(incident, 1, ended_at=NOW - 4 * MINUTE)
    some_hits(incident, 5, canary=True)
    return incident


def test_the_page_tells_the_whole_story(cast: Cast, admin_client: Client) -> None:
    page = shown(admin_client, outage(cast))
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


def test_the_chart_is_drawn_from_minutes_and_has_everybody_in_it(
    cast: Cast, admin_client: Client
) -> None:
    chart = admin_client.get(address(outage(cast))).context["chart"]
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
    incident = outage(cast)
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
    incident = outage(cast)
    Policy.objects.create(organization=cast.acme, first_retry=600)
    assert "5 people try every 10 min" in shown(admin_client, incident)


def test_what_changed_then_is_what_was_released_and_told(cast: Cast, admin_client: Client) -> None:
    incident = outage(cast)
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


def test_the_provider_is_quoted_beside_our_evidence(cast: Cast, admin_client: Client) -> None:
    incident = outage(cast)
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
    incident = outage(cast)
    make_event(incident, EventKind.STATUS, NOW - HOUR, text="trouble: Major incident")
    for _ in range(60):
        make_event(incident, EventKind.NOTE, text="Still waiting", author_name="Casey")
    assert "Trouble reported" in shown(admin_client, incident)


def test_the_timeline_is_newest_first_with_authors(cast: Cast, admin_client: Client) -> None:
    incident = outage(cast)
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
    response = look(admin_client, outage(cast))
    assert markup(response).ids[0] == "head"
    assert {"people", "held", "says", "timeline"} <= set(markup(response).ids)
    assert response.content.decode().count('hx-swap-oob="true"') == 4
    # The one keeps what is being typed, the other would flicker.
    assert not {"note", "stops"} & set(markup(response).ids)


def test_nothing_is_sent_while_nothing_is_new(cast: Cast, admin_client: Client) -> None:
    incident = outage(cast)
    seen = admin_client.get(address(incident)).context["version"]
    assert look(admin_client, incident, seen=seen).status_code == 204
    some_hits(incident, 1, recovered_at=NOW)
    response = look(admin_client, incident, seen=seen)
    assert "3 of 31 have had a good run since" in text(response)
    assert "stops" not in markup(response).ids


def test_the_chart_comes_anew_only_with_more_people(cast: Cast, admin_client: Client) -> None:
    incident = outage(cast)
    seen = admin_client.get(address(incident)).context["version"]
    make_hits(incident, [make_healthy(cast.acme)])
    assert "stops" in markup(look(admin_client, incident, seen=seen)).ids


@pytest.mark.parametrize("seen", ["", "x", "31-2", "9" * 99])
def test_a_version_that_is_none_of_ours_is_answered_in_full(
    cast: Cast, admin_client: Client, seen: str
) -> None:
    assert look(admin_client, outage(cast), seen=seen).status_code == 200


@pytest.mark.parametrize("people", [3, 120])
@pytest.mark.parametrize("htmx", [True, False])
def test_the_page_takes_at_most_fourteen_statements_at_any_size(
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
    with django_assert_max_num_queries(14):
        admin_client.get(address(incident), headers=HTMX if htmx else {})


# Who may see it


def test_a_viewer_looks_without_a_button(cast: Cast) -> None:
    incident = outage(cast)
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
    incident = outage(cast)
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


# What people do about it


POSTS = {"take": {}, "note": {"text": "Called them"}, "recover/": {}}


def do(client: Client, incident: Incident, what: str, **options: Any) -> HttpResponse:
    return client.post(address(incident, then=what), POSTS[what], **options)


@pytest.mark.parametrize("what", POSTS)
def test_a_viewer_may_do_nothing(cast: Cast, what: str) -> None:
    incident = outage(cast)
    assert do(client_of(cast.viewer), incident, what).status_code == 403
    assert not IncidentEvent.objects.exists()


@pytest.mark.parametrize("what", POSTS)
def test_a_stranger_finds_nothing_to_do(cast: Cast, admin_client: Client, what: str) -> None:
    ours, theirs = outage(cast), make_incident(cast.globex)
    assert do(client_of(cast.stranger), ours, what).status_code == 404
    assert do(admin_client, theirs, what).status_code == 404
    assert not IncidentEvent.objects.exists()


@pytest.mark.parametrize("what", POSTS)
def test_doing_takes_sign_in_and_the_token_of_the_page(
    cast: Cast, client: Client, what: str
) -> None:
    incident = outage(cast)
    assert do(client, incident, what).status_code == 302
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.admin)
    assert do(strict, incident, what).status_code == 403
    assert not IncidentEvent.objects.exists()


@pytest.mark.parametrize("what", ["take", "note"])
def test_what_is_done_is_not_done_by_looking(cast: Cast, admin_client: Client, what: str) -> None:
    assert admin_client.get(address(outage(cast), then=what)).status_code == 405


def test_taking_it_names_the_owner(cast: Cast, admin_client: Client) -> None:
    incident = outage(cast)
    response = do(admin_client, incident, "take", headers=HTMX)
    assert "Owner: admin@acme.example" in text(response)
    assert "admin@acme.example took it" in text(response)
    assert "Take it" not in text(response)
    assert do(admin_client, incident, "take").headers["Location"] == address(incident)
    assert "Take it" in text(client_of(cast.staff).get(address(incident)))


def test_a_note_is_added_and_the_form_is_empty_again(cast: Cast, admin_client: Client) -> None:
    incident = outage(cast)
    response = do(admin_client, incident, "note", headers=HTMX)
    assert markup(response).ids[0] == "note"
    assert "Called them" not in response.content.decode()
    assert response.headers["HX-Trigger"] == "incident-changed"
    assert "Called them" in shown(admin_client, incident)
    assert do(admin_client, incident, "note").headers["Location"] == address(incident)


@pytest.mark.parametrize("headers", [HTMX, {}])
@pytest.mark.parametrize(
    ("typed", "why"),
    [("  ", "Write something first."), ("<b>" + "x" * 2_000, "A note may have 2,000 characters.")],
)
def test_a_note_refused_is_kept_as_it_was_typed(
    cast: Cast, admin_client: Client, headers: dict[str, str], typed: str, why: str
) -> None:
    incident = outage(cast)
    response = admin_client.post(address(incident, then="note"), {"text": typed}, headers=headers)
    assert response.status_code == 200
    assert why in text(response)
    assert response.context["typed"] == typed
    assert "<b>xxx" not in response.content.decode()
    assert "HX-Trigger" not in response.headers
    assert not IncidentEvent.objects.exists()


def test_a_recovery_is_looked_at_before_it_is_asked_for(cast: Cast, admin_client: Client) -> None:
    incident = outage(cast)
    make_hits(incident, [make_held(cast.acme)])
    page = text(admin_client.get(address(incident, then="recover/")))
    for words in (
        "Recover 30 people?",
        "29 people are synced, the oldest gap first.",
        "About 60 a minute, so all are done in about 1 min.",
        "1 person is left out",
        "The incident is still open",
        "Recover 30 people now",
    ):
        assert words in page, words
    assert Incident.objects.get().recover_asked_at is None


def test_a_recovery_asked_for_is_under_way(cast: Cast, admin_client: Client) -> None:
    incident = outage(cast)
    response = do(admin_client, incident, "recover/", follow=True)
    page = text(response)
    assert "The recovery of 29 people begins within a minute." in page
    assert "The recovery is under way." in page
    assert "asked for the recovery of 29 people" in page
    assert "Recover 29 people" not in page
    assert Incident.objects.get().recover_asked_at == timezone.now()
    assert AuditEntry.objects.get().action == "incident.recover"


def test_a_recovery_refused_says_why(cast: Cast, admin_client: Client) -> None:
    incident = make_incident(cast.acme, **RECOVERING)
    make_hit_people(incident, 3)
    assert "under way already" in text(do(admin_client, incident, "recover/", follow=True))
    intake = make_intake_incident(cast.acme)
    assert "Nobody was hit by this" in text(do(admin_client, intake, "recover/", follow=True))


def test_with_nobody_left_there_is_nothing_to_recover(cast: Cast, admin_client: Client) -> None:
    incident = make_incident(cast.acme, **OVER)
    make_hit_people(incident, 3)
    Hit.objects.update(recovered_at=NOW - HOUR)
    page = admin_client.get(address(incident, then="recover/"))
    assert "Everybody hit has had a good run since." in text(page)
    assert 'type="submit">Recover' not in page.content.decode()
    assert "good run since" in text(do(admin_client, incident, "recover/", follow=True))


def test_who_may_only_look_is_not_shown_the_plan(cast: Cast, admin_client: Client) -> None:
    incident = outage(cast)
    recover = address(incident, then="recover/")
    assert client_of(cast.viewer).get(recover).status_code == 403
    assert client_of(cast.stranger).get(recover).status_code == 404
    assert admin_client.put(recover).status_code == 405


def test_names_cannot_break_out_of_the_page(cast: Cast, admin_client: Client) -> None:
    incident = make_incident(cast.acme, signature="salesforce <script>alert(1)</script>")
    make_many_healthy(cast.acme, 1)
    Person.objects.update(name="<script>alert(2)</script>")
    make_hits(incident, list(Person.objects.all()))
    html = admin_client.get(address(incident)).content.decode()
    assert "<script>alert" not in html
