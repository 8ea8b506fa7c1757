from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.models import Connection, Person, Provider, Role
from monitoring.errors.facts import RawError
from monitoring.errors.interpretation import built_in_rules, interpret
from monitoring.errors.rejudging import Rejudged, rejudgements_append
from monitoring.health.models import Transition
from monitoring.jobs.models import Job, JobState
from monitoring.jobs.queue import job_request
from tests.factories import NOW, make_connected_person, make_connection, make_person
from tests.monitoring.alerts.makers import make_matcher
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.makers import (
    HOUR,
    REVOKED,
    make_healthy,
    make_held,
    make_outcome,
    make_unwell,
    set_health,
    transition,
)
from tests.monitoring.console.markup import markup, text, title

HTMX = {"HX-Request": "true"}


def address(person: Person, slug: str = "acme") -> str:
    return f"/o/{slug}/people/{person.pk}/"


def shown(client: Client, person: Person) -> str:
    response = client.get(address(person))
    assert response.status_code == 200
    return text(response)


def revoked_person(cast: Cast) -> Person:
    """Somebody whose Google access was revoked, with the three runs that say so."""
    person = make_unwell(
        cast.acme,
        "stalled",
        "google-access-revoked",
        hours=50,
        name="Ada Lovelace",
        email="ada@acme.example",
        team="Sales",
    )
    runs = [
        make_outcome(
            person,
            NOW - hours * HOUR,
            result="failure",
            interpretation="needs_user",
            rule="google-access-revoked",
            error=REVOKED,
            trigger="retry",
        )
        for hours in (2, 1, 0)
    ]
    person.health.__class__.objects.filter(person=person).update(
        evidence=[run.attempt_id for run in runs],
        rules_version=3,
        confirmed_at=NOW - HOUR,
        interval=86_400,
        next_due=NOW + 5 * HOUR,
    )
    return person


def test_an_access_is_proven_by_the_last_good_run_of_ours(cast: Cast, admin_client: Client) -> None:
    person = make_healthy(cast.acme)
    Connection.objects.filter(person=person).update(state="proven", proven_at=NOW - 20 * HOUR)
    set_health(person, last_success_at=NOW - HOUR / 2)
    assert "Google Proven 30 min ago" in text(admin_client.get(f"/o/acme/people/{person.pk}/"))
    set_health(person, last_success_at=NOW - HOUR / 2, runs_here=False)
    assert "Google Proven 20 h ago" in text(admin_client.get(f"/o/acme/people/{person.pk}/"))


def test_a_person_in_trouble_is_explained(cast: Cast, admin_client: Client) -> None:
    page = shown(admin_client, revoked_person(cast))
    for words in (
        "Ada Lovelace",
        "ada@acme.example · Sales",
        "Needs attention since Wed 11:00 — Google access was revoked.",
        "Rule “ Google access was revoked ”, version 3, matched by the last 3 runs",
        "(11:00, 12:00, 13:00), confirmed at 12:00 outside any incident.",
        "Tries again at 18:00, then every 24 h instead of 2 h.",
        "It will not be switched off by errors. One good run makes it normal again.",
        "Do now",
        "Times in Europe/Berlin",
    ):
        assert words in page, words


def test_a_healthy_person_has_nothing_to_explain(cast: Cast, admin_client: Client) -> None:
    page = shown(admin_client, make_healthy(cast.acme))
    assert "Syncing since Thu 13:00." in page
    assert "The next run is at 14:00, then every 2 h." in page
    assert "Do now" not in page
    assert "Why" not in page


def test_a_held_person_is_shown_with_who_and_until_when(cast: Cast, admin_client: Client) -> None:
    page = shown(admin_client, make_held(cast.acme, ends_at=NOW + timedelta(days=3)))
    assert "Off since Thu 13:00, by Ada Admin, until Mon 13:00." in page
    assert "Reason given: On leave" in page
    assert "Syncing starts again by itself at Mon 13:00." in page
    assert "Switch it on again first" in page


def test_whom_another_engine_syncs_can_not_be_synced_from_here(
    cast: Cast, admin_client: Client
) -> None:
    person = make_healthy(cast.acme)
    set_health(
        person,
        runs_here=False,
        next_due=None,
        expected_at=NOW - HOUR,
        status="stalled",
        cause="silent",
    )
    page = shown(admin_client, person)
    assert "Another engine syncs this person and reports here; ask for a run there." in page
    assert "Next run reported by another engine" in page
    assert "Ask whoever runs the engine that syncs them why it has stopped reporting." in page
    assert "due now" not in page
    button = admin_client.get(address(person)).content.decode().split(">Sync now<")[0]
    assert button.endswith('disabled aria-describedby="refusal"')
    answer = text(admin_client.post(f"{address(person)}sync", headers=HTMX))
    assert "Another engine syncs this person" in answer
    assert not Job.objects.exists()


def test_who_was_never_connected_is_shown_as_that(cast: Cast, admin_client: Client) -> None:
    page = shown(admin_client, make_person(cast.acme))
    assert "Never connected — Google and Salesforce are not both connected." in page
    assert page.count("Not connected") == 2
    assert "Last good run never" in page
    assert "Nothing has happened yet." in page


def test_the_connections_say_how_they_were_granted_and_what_became_of_them(
    cast: Cast, admin_client: Client
) -> None:
    person = make_person(cast.acme)
    make_connection(person, Provider.GOOGLE, state="refused", refused_at=NOW - timedelta(minutes=5))
    make_connection(
        person,
        Provider.SALESFORCE,
        state="proven",
        proven_at=NOW - 2 * HOUR,
        access_token=b"ciphertext",
    )
    page = shown(admin_client, person)
    assert "Google Refused 5 min ago" in page
    assert "Granted by the organization's Google access, 21 Sep" in page
    assert "Salesforce Proven 2 h ago" in page
    assert "ciphertext" not in page


def test_the_last_attempts_say_what_they_did(cast: Cast, admin_client: Client) -> None:
    person = make_healthy(cast.acme)
    make_outcome(
        person,
        NOW - HOUR,
        counts={"google": {"updated": 1}, "salesforce": {"created": 3, "deleted": 0}},
    )
    make_outcome(person, NOW - 3 * HOUR, trigger="admin")
    make_outcome(person, NOW - 4 * HOUR, result="lost")
    page = shown(admin_client, person)
    assert "3 created in Salesforce, 1 updated in Google" in page
    assert "by an admin" in page
    assert "Nothing had changed" in page
    assert "A run ended without a result" in page


def test_the_raw_error_is_one_click_away_and_can_be_copied(
    cast: Cast, admin_client: Client
) -> None:
    response = admin_client.get(address(revoked_person(cast)))
    page = markup(response)
    raw = [name for name in page.ids if name.startswith("raw-")]
    assert len(raw) == 3
    assert "google · token · HTTP 400 · oauth-json" in page.text
    assert '"error": "invalid_grant"' in page.text
    assert f'data-copy="{raw[0]}"' in response.content.decode()


def test_htmx_is_given_the_panel_only(cast: Cast, admin_client: Client) -> None:
    person = make_healthy(cast.acme)
    response = admin_client.get(address(person), headers=HTMX)
    assert title(response).startswith(f"{person.name} · Syncing · Acme")
    page = markup(response)
    assert page.ids[0] == "panel"
    assert "progress" not in page.ids
    assert "HX-Request" in response.headers["Vary"]


def test_an_attempt_judged_again_is_shown_by_its_newest_verdict_with_the_one_before(
    cast: Cast, admin_client: Client
) -> None:
    person = make_healthy(cast.acme)
    attempt = make_outcome(
        person, NOW - HOUR, result="failure", rule="google-quota-used-up", error=REVOKED
    )
    verdict = interpret(RawError(**REVOKED), built_in_rules())
    for days, said in ((2, replace(verdict, rule_id=None)), (1, verdict)):
        rejudgements_append(
            [Rejudged(attempt.attempt_id, cast.acme.pk, person.pk, said)],
            now=NOW - timedelta(days=days),
        )
    page = shown(admin_client, person)
    assert "Google access was revoked Judged again at Thu 13:00, before: " in page
    assert page.count("Judged again") == 1


def test_a_later_verdict_of_another_organization_is_not_shown(
    cast: Cast, admin_client: Client
) -> None:
    person = make_healthy(cast.acme)
    attempt = make_outcome(person, NOW - HOUR, result="failure", error=REVOKED)
    verdict = interpret(RawError(**REVOKED), built_in_rules())
    rejudgements_append([Rejudged(attempt.attempt_id, cast.globex.pk, person.pk, verdict)], now=NOW)
    page = shown(admin_client, person)
    assert "Judged again" not in page
    assert "An error that no rule knows yet" in page


def test_a_viewer_looks_without_a_button(cast: Cast) -> None:
    person = make_healthy(cast.acme)
    page = shown(client_of(cast.viewer), person)
    assert "Syncing since" in page
    assert "Sync now" not in page


def test_strangers_find_nobody_and_members_nobody_elsewhere(
    cast: Cast, admin_client: Client
) -> None:
    ours, theirs = make_healthy(cast.acme), make_healthy(cast.globex)
    assert client_of(cast.stranger).get(address(ours)).status_code == 404
    assert admin_client.get(address(theirs)).status_code == 404
    assert admin_client.get(address(theirs, "globex")).status_code == 404
    assert admin_client.get("/o/acme/people/999999999/").status_code == 404
    assert client_of(cast.staff).get(address(theirs, "globex")).status_code == 200


def test_nothing_of_another_organization_is_mixed_in(cast: Cast, admin_client: Client) -> None:
    ours = make_healthy(cast.acme)
    # Rows that say they belong to another organization, for the same person: such must not exist,
    # and if they do, the page leaves them out.
    make_outcome(ours, organization_id=cast.globex.pk, result="failure", rule="secret-rule")
    Transition.objects.bulk_create(
        [transition(ours, NOW, organization=cast.globex, to_status="stalled", to_cause="secret")]
    )
    Connection.objects.update(organization=cast.globex)
    page = shown(admin_client, ours)
    assert "secret" not in page
    assert page.count("Not connected") == 2


def test_the_page_cannot_be_posted_to_and_takes_sign_in(
    cast: Cast, client: Client, admin_client: Client
) -> None:
    person = make_healthy(cast.acme)
    assert admin_client.post(address(person)).status_code == 405
    assert client.get(address(person)).status_code == 302


# Sync now


def ask(client: Client, person: Person, slug: str = "acme", **options: Any) -> HttpResponse:
    return client.post(f"{address(person, slug)}sync", **options)


def look(client: Client, person: Person, attempt_id: Any, **query: Any) -> HttpResponse:
    return client.get(f"{address(person)}attempts/{attempt_id}/", query, headers=HTMX)


def test_a_sync_asked_for_is_shown_as_waiting_and_asked_after(
    cast: Cast, admin_client: Client
) -> None:
    person = make_healthy(cast.acme)
    response = ask(admin_client, person, headers=HTMX)
    job = Job.objects.get()
    html = response.content.decode()
    assert "Waiting for a free worker" in html
    assert f"attempts/{job.attempt_id}/?seen=queued&amp;since={int(NOW.timestamp())}" in html
    assert 'hx-trigger="every 1s"' in html
    assert "HX-Trigger" not in response.headers


def test_without_scripts_the_page_comes_back_with_a_message(
    cast: Cast, admin_client: Client
) -> None:
    person = make_healthy(cast.acme)
    response = ask(admin_client, person, follow=True)
    assert response.redirect_chain == [(address(person), 302)]
    page = text(response)
    assert "Sync asked for." in page
    assert "Waiting for a free worker" in page
    assert Job.objects.count() == 1


def test_a_refusal_is_a_sentence(cast: Cast, admin_client: Client) -> None:
    person = make_held(cast.acme)
    assert "Syncing is switched off" in text(ask(admin_client, person, headers=HTMX))
    assert "Syncing is switched off" in text(ask(admin_client, person, follow=True))
    assert not Job.objects.exists()


def test_a_viewer_may_not_ask(cast: Cast) -> None:
    response = ask(client_of(cast.viewer), make_healthy(cast.acme))
    assert response.status_code == 403
    assert "may look but not change" in text(response)
    assert not Job.objects.exists()


def test_strangers_and_other_methods_are_turned_away(cast: Cast, admin_client: Client) -> None:
    ours, theirs = make_healthy(cast.acme), make_healthy(cast.globex)
    assert ask(client_of(cast.stranger), ours).status_code == 404
    assert ask(admin_client, theirs).status_code == 404
    assert admin_client.get(f"{address(ours)}sync").status_code == 405
    assert not Job.objects.exists()


def test_asking_takes_the_token_of_the_page(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.admin)
    response = ask(client, make_healthy(cast.acme))
    assert response.status_code == 403
    assert "That page was too old" in text(response)
    assert not Job.objects.exists()


def test_nothing_is_sent_while_nothing_is_new(cast: Cast, admin_client: Client) -> None:
    person = make_healthy(cast.acme)
    job = job_request(person=person, now=NOW)
    response = look(admin_client, person, job.attempt_id, seen="queued")
    assert (response.status_code, response.content) == (204, b"")
    Job.objects.update(state=JobState.RUNNING)
    assert "Syncing now" in text(look(admin_client, person, job.attempt_id, seen="queued"))


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        ({"counts": {"salesforce": {"created": 3}}}, "Synced: 3 created in Salesforce."),
        ({"counts": None}, "Synced. Nothing had changed on either side."),
        (
            {"result": "failure", "rule": "google-access-revoked", "error": REVOKED},
            "The sync failed: Google access was revoked.",
        ),
        (
            {"result": "partial", "rule": "salesforce-validation-rule", "counts": {"skipped": 2}},
            "Synced in part: a Salesforce validation rule refuses this event. Done: 2 left out.",
        ),
        ({"result": "lost"}, "A run ended without a result. It is repeated by itself."),
        ({"result": "failure", "error": REVOKED}, "The sync failed: an error that no rule knows"),
    ],
)
def test_the_outcome_ends_the_asking_and_refreshes_the_page(
    cast: Cast, admin_client: Client, outcome: dict[str, Any], sentence: str
) -> None:
    person = make_healthy(cast.acme)
    attempt_id = make_outcome(person, **outcome).attempt_id
    response = look(admin_client, person, attempt_id, seen="running")
    assert sentence in text(response)
    assert response.headers["HX-Trigger"] == "person-changed"
    assert "hx-get" not in response.content.decode()


@pytest.mark.parametrize(("minutes", "status"), [(9, 204), (11, 200)])
def test_after_ten_minutes_the_page_stops_asking(
    cast: Cast, admin_client: Client, minutes: int, status: int
) -> None:
    person = make_healthy(cast.acme)
    job = job_request(person=person, now=NOW)
    since = int((NOW - timedelta(minutes=minutes)).timestamp())
    response = look(admin_client, person, job.attempt_id, seen="queued", since=since)
    assert response.status_code == status
    assert "hx-get" not in response.content.decode()


@pytest.mark.parametrize("since", ["x", "-5", "9" * 40, "", "99999999999"])
def test_a_spoilt_time_in_the_address_harms_nothing(
    cast: Cast, admin_client: Client, since: str
) -> None:
    person = make_healthy(cast.acme)
    job = job_request(person=person, now=NOW)
    assert look(admin_client, person, job.attempt_id, since=since).status_code == 200


def test_a_run_called_off_is_told(cast: Cast, admin_client: Client) -> None:
    person = make_healthy(cast.acme)
    job = job_request(person=person, now=NOW)
    Job.objects.all().delete()
    assert "called off" in text(look(admin_client, person, job.attempt_id))


def test_an_attempt_is_looked_at_by_its_own_organization_only(
    cast: Cast, admin_client: Client
) -> None:
    ours, theirs = make_healthy(cast.acme), make_healthy(cast.globex)
    attempt_id = make_outcome(theirs, counts={"salesforce": {"created": 3}}).attempt_id
    assert look(client_of(cast.stranger), ours, attempt_id).status_code == 404
    assert look(admin_client, theirs, attempt_id).status_code == 404
    assert "3 created" not in text(look(admin_client, ours, attempt_id))


def test_an_attempt_without_htmx_leads_to_the_person(cast: Cast, admin_client: Client) -> None:
    person = make_healthy(cast.acme)
    attempt_id = make_outcome(person).attempt_id
    response = admin_client.get(f"{address(person)}attempts/{attempt_id}/")
    assert response.headers["Location"] == address(person)
    assert admin_client.post(f"{address(person)}attempts/{attempt_id}/").status_code == 405


def test_an_open_run_is_shown_when_the_page_is_opened(cast: Cast, admin_client: Client) -> None:
    person = make_connected_person(cast.acme)
    job_request(person=person, now=NOW)
    Job.objects.update(state=JobState.RUNNING)
    assert "Syncing now" in shown(admin_client, person)


def test_a_viewer_sees_how_a_run_gets_on(cast: Cast) -> None:
    assert cast.viewer.memberships.get().role == Role.VIEWER
    person = make_healthy(cast.acme)
    job = job_request(person=person, now=NOW)
    assert "Waiting" in text(look(client_of(cast.viewer), person, job.attempt_id))


def test_a_silence_that_the_person_matches_is_told(cast: Cast, admin_client: Client) -> None:
    person = make_healthy(cast.acme, team="Sales")
    make_matcher(cast.acme, team="Sales", author_name="Casey", reason="At a fair")
    make_matcher(cast.globex, author_name="Elsewhere")
    page = text(admin_client.get(f"/o/acme/people/{person.pk}/"))
    assert "Alerts about this person are muted until Sat 13:00, by Casey: At a fair." in page
    assert "Elsewhere" not in page
