"""What people do about an incident, from its page."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import Person
from monitoring.audit.models import AuditEntry
from monitoring.incidents.models import Hit, Incident, IncidentEvent
from tests.factories import NOW
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.incident_makers import (
    HOUR,
    OVER,
    RECOVERING,
    address,
    make_hit_people,
    make_hits,
    make_incident,
    make_intake_incident,
    make_outage,
)
from tests.monitoring.console.makers import make_held, make_many_healthy
from tests.monitoring.console.markup import markup, text

HTMX = {"HX-Request": "true"}


def shown(client: Client, incident: Incident, **query: Any) -> str:
    response = client.get(address(incident), query)
    assert response.status_code == 200
    return text(response)


POSTS = {"take": {}, "note": {"text": "Called them"}, "recover/": {}}


def do(client: Client, incident: Incident, what: str, **options: Any) -> HttpResponse:
    return client.post(address(incident, then=what), POSTS[what], **options)


@pytest.mark.parametrize("what", POSTS)
def test_a_viewer_may_do_nothing(cast: Cast, what: str) -> None:
    incident = make_outage(cast.acme)
    assert do(client_of(cast.viewer), incident, what).status_code == 403
    assert not IncidentEvent.objects.exists()


@pytest.mark.parametrize("what", POSTS)
def test_a_stranger_finds_nothing_to_do(cast: Cast, admin_client: Client, what: str) -> None:
    ours, theirs = make_outage(cast.acme), make_incident(cast.globex)
    assert do(client_of(cast.stranger), ours, what).status_code == 404
    assert do(admin_client, theirs, what).status_code == 404
    assert not IncidentEvent.objects.exists()


@pytest.mark.parametrize("what", POSTS)
def test_doing_takes_sign_in_and_the_token_of_the_page(
    cast: Cast, client: Client, what: str
) -> None:
    incident = make_outage(cast.acme)
    assert do(client, incident, what).status_code == 302
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.admin)
    assert do(strict, incident, what).status_code == 403
    assert not IncidentEvent.objects.exists()


@pytest.mark.parametrize("what", ["take", "note"])
def test_what_is_done_is_not_done_by_looking(cast: Cast, admin_client: Client, what: str) -> None:
    assert admin_client.get(address(make_outage(cast.acme), then=what)).status_code == 405


def test_taking_it_names_the_owner(cast: Cast, admin_client: Client) -> None:
    incident = make_outage(cast.acme)
    response = do(admin_client, incident, "take", headers=HTMX)
    assert "Owner: admin@acme.example" in text(response)
    assert "admin@acme.example took it" in text(response)
    assert "Take it" not in text(response)
    # What is asked after from now on is the page, not what was just done.
    assert f'hx-get="{address(incident)}?page=1' in response.content.decode()
    assert do(admin_client, incident, "take").headers["Location"] == address(incident)
    assert "Take it" in text(client_of(cast.staff).get(address(incident)))


def test_a_note_is_added_and_the_form_is_empty_again(cast: Cast, admin_client: Client) -> None:
    incident = make_outage(cast.acme)
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
    incident = make_outage(cast.acme)
    response = admin_client.post(address(incident, then="note"), {"text": typed}, headers=headers)
    assert response.status_code == 200
    assert why in text(response)
    assert response.context["typed"] == typed
    assert "<b>xxx" not in response.content.decode()
    assert "HX-Trigger" not in response.headers
    assert not IncidentEvent.objects.exists()


def test_a_recovery_is_looked_at_before_it_is_asked_for(cast: Cast, admin_client: Client) -> None:
    incident = make_outage(cast.acme)
    make_hits(incident, [make_held(cast.acme)])
    page = text(admin_client.get(address(incident, then="recover/")))
    for words in (
        "Recover 30 people?",
        "29 people are synced, the oldest gap first.",
        "About 30 a minute, so all are done in about 1 min.",
        "1 person is left out",
        "The incident is still open",
        "Recover 30 people now",
    ):
        assert words in page, words
    assert Incident.objects.get().recover_asked_at is None


def test_a_recovery_asked_for_is_under_way(cast: Cast, admin_client: Client) -> None:
    incident = make_outage(cast.acme)
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
    incident = make_outage(cast.acme)
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
