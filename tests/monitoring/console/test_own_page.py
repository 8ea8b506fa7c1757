from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Connection, Organization, Person, Provider
from monitoring.actions.links import PERSON_LINK_GOOD_FOR, person_token
from monitoring.actions.own import own_pause
from monitoring.actions.people import person_sync_now
from monitoring.audit.models import AuditEntry
from monitoring.health.models import Health, Hold
from monitoring.jobs.queue import job_request
from syncing.grants import credential_set
from tests.factories import NOW, make_organization, make_person
from tests.monitoring.console.conftest import Cast
from tests.monitoring.console.makers import make_healthy, make_held, make_unwell, set_health
from tests.monitoring.console.markup import markup, text
from tests.monitoring.console.test_content_policy import form_targets, is_strict
from tests.monitoring.errors.makers import make_access

pytestmark = pytest.mark.django_db
BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)
REVOKED = "google-access-revoked"


@pytest.fixture
def acme() -> Organization:
    return make_organization(slug="acme")


def address(person: Person, deed: str = "", at: datetime = NOW) -> str:
    return f"/me/{person_token(person, at)}/{deed}"


def refused(person: Person) -> Person:
    Connection.objects.filter(person=person, provider="google").update(
        state="refused", refused_at=NOW
    )
    return person


def with_app(organization: Organization) -> None:
    """Let the organization ask for consent at Google."""
    credential_set(
        organization=organization, provider=Provider.GOOGLE, client_id="app", secret="a secret"
    )


def test_a_link_to_a_former_address_opens_nothing(client: Client, acme: Organization) -> None:
    person = make_healthy(acme)
    link = address(person)
    Person.objects.filter(pk=person.pk).update(email="new@acme.example")
    for response in (client.get(link), client.post(f"{link}resume")):
        assert response.status_code == 410
        assert "This link opens no more" in text(response)
    assert client.get(address(Person.objects.get(pk=person.pk))).status_code == 200


def test_who_is_syncing_reads_so_first(client: Client, acme: Organization) -> None:
    person = make_healthy(acme, name="Ada Lovelace", time_zone="Europe/Berlin")
    page = text(client.get(address(person)))
    assert "Yes, your calendar is syncing." in page
    assert "Last good run 1 h ago" in page
    assert "Next run in 1 h" in page
    assert "Times are in Europe/Berlin" in page
    assert "for Acme" in page


def test_who_is_not_reads_since_when_and_what_is_missing(
    client: Client, acme: Organization
) -> None:
    person = make_unwell(acme, "stalled", REVOKED, hours=3, time_zone="Europe/Berlin")
    page = text(client.get(address(refused(person))))
    assert "No, your calendar has not been syncing since 10:00." in page
    assert "What changed since 10:00 has not been copied yet." in page
    assert "It will not be switched off by errors." in page


def test_a_refused_access_has_a_button_where_it_can_be_given(
    client: Client, acme: Organization
) -> None:
    person = refused(make_unwell(acme, "stalled", REVOKED))
    response = client.get(address(person))
    assert "Can't be given here; ask your Salesforce administrator." in text(response)
    assert is_strict(response.headers["Content-Security-Policy"])
    with_app(acme)
    response = client.get(address(person))
    assert "Give Google access again" in text(response)
    assert "Give access again below. That is all it takes." in text(response)
    assert form_targets(response) == {"'self'", "https://accounts.google.com"}
    assert "Give Salesforce access again" not in text(response)


def test_a_missing_access_has_a_button_too(client: Client, acme: Organization) -> None:
    with_app(acme)
    page = text(client.get(address(make_person(acme))))
    assert "Not yet: your calendar is not connected." in page
    assert "Give Google access Salesforce" in page
    assert "Give access below. That is all it takes." in page


def test_what_an_admin_did_is_told_in_words(client: Client, cast: Cast) -> None:
    person = make_healthy(cast.acme)
    access = make_access(cast.acme)
    person_sync_now(access=access, person=person, now=NOW)
    own_pause(person=person, until=NOW + DAY, reason="", now=NOW)
    page = text(client.get(address(person)))
    assert f"{access.user.email} asked for a sync now just now" in page
    assert "You paused syncing just now" in page


def test_a_pause_runs_to_the_begin_of_a_day_where_the_person_is(
    client: Client, acme: Organization
) -> None:
    person = make_healthy(acme, time_zone="Europe/Berlin")
    response = client.post(address(person, "pause"), {"until": "2026-11-30", "reason": "Holiday"})
    assert (response.status_code, response.url) == (302, address(person))
    hold = Hold.objects.get()
    assert (hold.ends_at, hold.reason) == (datetime(2026, 11, 30, tzinfo=BERLIN), "Holiday")
    page = text(client.get(address(person)))
    assert "You paused syncing until 30 Nov 00:00." in page
    assert "Sync again now" in page


@pytest.mark.parametrize(
    "until",
    [
        "",
        "soon",
        "2026-02-30",
        "2026-11-20",
        "2027-02-20",
        "0001-01-01",
        "9999-12-31",
        "2026-1-1\0",
    ],
)
def test_a_pause_that_cannot_be_keeps_what_was_typed(
    client: Client, acme: Organization, until: str
) -> None:
    person = make_healthy(acme, time_zone="Asia/Tokyo")
    response = client.post(address(person, "pause"), {"until": until, "reason": "My holiday"})
    assert response.status_code == 400
    assert "My holiday" in response.content.decode()
    assert markup(response).violations == []
    assert not Hold.objects.exists()


def test_resuming_ends_the_persons_own_pause_only(client: Client, acme: Organization) -> None:
    person = make_held(acme)
    client.post(address(person, "pause"), {"until": "2026-11-30"})
    assert client.post(address(person, "resume")).status_code == 302
    (hold,) = Hold.objects.active_at(NOW)
    assert hold.author_name == "Ada Admin"
    page = text(client.get(address(person)))
    assert "Off: Ada Admin switched syncing off." in page
    assert "Reason given: On leave" in page
    assert "Sync again now" not in page


def test_resuming_with_nothing_to_resume_writes_nothing(client: Client, acme: Organization) -> None:
    person = make_healthy(acme)
    assert client.post(address(person, "resume")).status_code == 302
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("deed", ["", "pause", "resume", "google"])
def test_a_link_that_is_old_or_made_up_says_what_to_do(
    client: Client, acme: Organization, deed: str
) -> None:
    person = make_healthy(acme)
    send = client.post if deed else client.get
    then = NOW - PERSON_LINK_GOOD_FOR - timedelta(minutes=1)
    for link in (address(person, deed, then), f"/me/nonsense/{deed}"):
        response = send(link)
        assert response.status_code == 410
        assert "Mail me a new link" in text(response)
    assert not Hold.objects.exists()


def test_the_link_of_who_is_gone_says_so(client: Client, acme: Organization) -> None:
    person = make_healthy(acme)
    link = address(person)
    person.delete()
    response = client.get(link)
    assert response.status_code == 410
    assert "Your calendar is not synced here any more" in text(response)


@pytest.mark.parametrize("deed", ["pause", "resume", "google", "salesforce"])
def test_deeds_are_posted(client: Client, acme: Organization, deed: str) -> None:
    assert client.get(address(make_healthy(acme), deed)).status_code == 405


def test_the_page_is_posted_to_by_nobody(client: Client, acme: Organization) -> None:
    assert client.post(address(make_healthy(acme))).status_code == 405


def test_nothing_of_anybody_else_is_on_the_page(client: Client, acme: Organization) -> None:
    person, other = make_healthy(acme), make_healthy(acme, name="Grace Hopper")
    own_pause(person=other, until=NOW + DAY, reason="", now=NOW)
    page = text(client.get(address(person)))
    assert "Grace" not in page
    assert "Nobody has done anything to your syncing by hand." in page


def test_the_page_takes_a_few_statements(
    client: Client, acme: Organization, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    person = make_unwell(acme, "stalled", REVOKED)
    client.get(address(person))
    with django_assert_max_num_queries(9):
        client.get(address(person))


@pytest.mark.parametrize("status", ["stalled", "degraded", "disabled"])
def test_every_page_keeps_to_the_policy(client: Client, acme: Organization, status: str) -> None:
    person = make_held(acme) if status == "disabled" else make_unwell(acme, status, REVOKED)
    response = client.get(address(person))
    assert markup(response).violations == []
    assert is_strict(response.headers["Content-Security-Policy"])
    assert len(set(markup(response).ids)) == len(markup(response).ids)


def test_while_a_run_is_under_way_nothing_new_is_said_again(
    client: Client, acme: Organization
) -> None:
    person = make_healthy(acme)
    job = job_request(person=person, now=NOW)
    seen = client.get(address(person)).context["seen"]
    htmx = {"headers": {"HX-Request": "true"}}
    assert client.get(f"{address(person)}?seen={seen}", **htmx).status_code == 204
    assert client.get(f"{address(person)}?seen={seen}").status_code == 200
    set_health(person, last_attempt_at=NOW)
    assert client.get(f"{address(person)}?seen={seen}", **htmx).status_code == 200
    job.delete()
    set_health(person)
    assert client.get(f"{address(person)}?seen={seen}", **htmx).status_code == 200


def test_a_run_under_way_is_told_and_looked_for(client: Client, acme: Organization) -> None:
    person = make_unwell(acme, "stalled", REVOKED)
    assert "hx-trigger" not in client.get(address(person)).content.decode()
    job_request(person=person, now=NOW)
    response = client.get(address(person), headers={"HX-Request": "true"})
    assert 'hx-trigger="every 3s"' in response.content.decode()
    assert "A sync is under way." in text(response)
    assert "Pause" not in text(response)
    assert "HX-Request" in response.headers["Vary"]


def test_an_incident_blames_nobody(client: Client, acme: Organization) -> None:
    person = make_unwell(acme, "degraded", "incident")
    page = text(client.get(address(person)))
    assert "Many people are hit by the same trouble" in page
    assert "You need not do anything; it goes on by itself." in page


def test_what_only_an_admin_can_mend_says_so(client: Client, acme: Organization) -> None:
    person = make_healthy(acme)
    since = {"status_since": NOW - DAY, "unwell_since": NOW - DAY}
    set_health(person, status="stalled", cause=REVOKED, last_interpretation="needs_admin", **since)
    assert Health.objects.get(person=person).status == "stalled"
    page = text(client.get(address(person)))
    assert "Your Salesforce administrator has to put this right." in page
