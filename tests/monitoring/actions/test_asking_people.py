from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from accounts.access import zone_of
from accounts.credentials import encrypt
from accounts.models import (
    Connection,
    ConnectionState,
    Organization,
    OrganizationCredential,
    Person,
    Provider,
)
from monitoring.actions import asking_people
from monitoring.actions.asking_people import asked_about, causes_of_people, is_daytime, people_ask
from monitoring.actions.invitations import invitation_make
from monitoring.actions.models import Invitation
from monitoring.alerts.last_checks import Leave, Withdrawal, decisions
from monitoring.alerts.models import AlertPolicy, Message
from monitoring.alerts.outbox import mail_in
from monitoring.errors.interpretation import built_in_rules
from monitoring.health.models import Health
from tests.factories import NOW, make_connected_person, make_organization
from tests.monitoring.actions.invitation_makers import make_invitation
from tests.monitoring.alerts.makers import make_silence
from tests.monitoring.console.incident_makers import make_hits, make_incident
from tests.monitoring.console.makers import make_unwell, set_health

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
REVOKED = "salesforce-access-revoked"
# A Friday at noon, in UTC.
assert NOW.isoweekday() == 5


@given(st.floats(1.3e9, 1.9e9), st.timezones())
def test_people_are_asked_on_working_days_from_eight_to_six(seconds: float, zone: Any) -> None:
    local = datetime.fromtimestamp(seconds, zone)
    expected = local.isoweekday() <= 5 and 8 <= local.hour < 18
    assert is_daytime(zone.key, local) == expected


def test_a_zone_that_nobody_knows_is_utc() -> None:
    assert zone_of("Mars/Olympus").key == "UTC"
    assert is_daytime("Mars/Olympus", NOW)


def test_only_causes_of_the_person_are_asked_about() -> None:
    causes = [REVOKED, "google-access-revoked", "silent", "salesforce-session-policy", "nothing"]
    found = causes_of_people(causes, built_in_rules())
    assert found == ("google-access-revoked", REVOKED)


def asking(**policy: Any) -> Organization:
    """An organization that has its people asked, and an app of Salesforce to ask them for."""
    organization = make_organization(name="Acme")
    AlertPolicy.objects.create(organization=organization, **{"asks_people": True} | policy)
    OrganizationCredential.objects.create(
        organization=organization,
        provider=Provider.SALESFORCE,
        client_id="3MVG9",
        secret=encrypt("a secret"),
    )
    return organization


def revoked(organization: Organization, **overrides: Any) -> Person:
    """Somebody who has taken back the access to Salesforce, three hours ago."""
    health = overrides.pop("health", {})
    person = make_unwell(organization, "stalled", REVOKED, **overrides)
    found = {
        "confirmed_at": NOW - 3 * HOUR,
        "last_rule": REVOKED,
        "last_signature": "salesforce 400 invalid_grant",
    }
    Health.objects.filter(person=person).update(**found | health)
    connections = Connection.objects.filter(person=person, provider=Provider.SALESFORCE)
    connections.update(state=ConnectionState.REFUSED, grant="refresh_token")
    return person


def asked() -> list[int]:
    return list(Invitation.objects.order_by("id").values_list("person", flat=True))


@pytest.mark.django_db
def test_who_alone_can_act_is_asked_in_the_organizations_name() -> None:
    person = revoked(asking(), name="Ada Lovelace")
    assert people_ask(now=NOW) == 1
    invitation = Invitation.objects.get()
    assert (invitation.person, invitation.providers) == (person, ["salesforce"])
    assert (invitation.asked_by, invitation.asked_by_name) == (None, "Acme")
    message = Message.objects.get()
    assert (message.kind, message.person, message.recipient) == (
        "reauthorize",
        person,
        person.email,
    )
    assert "Acme asks you to give your permission again." in mail_in(message).text
    assert people_ask(now=NOW + HOUR) == 0, "once an episode"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "health",
    [
        {"confirmed_at": None},
        {"status_since": NOW - timedelta(minutes=14)},
        {"cause": "salesforce-session-policy"},
        {"status": "degraded", "cause": "lost"},
        {"in_incident": True},
    ],
    ids=["not confirmed", "not for long", "the admin's cause", "not stalled", "in an incident"],
)
def test_who_need_not_act_is_not_asked(health: dict[str, Any]) -> None:
    revoked(asking(), health=health)
    assert people_ask(now=NOW) == 0


@pytest.mark.django_db
def test_where_the_organization_did_not_ask_for_it_nobody_is_asked() -> None:
    revoked(asking(asks_people=False))
    assert people_ask(now=NOW) == 0


@pytest.mark.django_db
def test_where_the_organization_can_get_the_access_nobody_is_asked() -> None:
    organization = asking()
    OrganizationCredential.objects.update(secret=encrypt("-----BEGIN PRIVATE KEY-----"))
    revoked(organization)
    assert people_ask(now=NOW) == 0


@pytest.mark.django_db
def test_nobody_is_asked_during_an_incident_nor_sent_what_was_written_before_it() -> None:
    organization = asking()
    hit, other = revoked(organization), revoked(organization)
    incident = make_incident(organization, provider="salesforce")
    make_hits(incident, [hit])
    assert people_ask(now=NOW) == 0
    type(incident).objects.update(closed_at=NOW)
    assert people_ask(now=NOW) == 1
    assert asked() == [other.pk], "who waits for its end waits"
    type(incident).objects.update(recovered_at=NOW)
    assert people_ask(now=NOW) == 1

    make_incident(organization, provider="salesforce")
    decided = decisions(list(Message.objects.all()), NOW)
    assert all(isinstance(each, datetime) for each in decided.values())


@pytest.mark.django_db
def test_the_letter_of_who_syncs_again_is_withdrawn() -> None:
    person = revoked(asking())
    people_ask(now=NOW)
    (message,) = Message.objects.all()
    assert decisions([message], NOW) == {message.pk: Leave.SEND}
    set_health(person)
    assert decisions([message], NOW) == {message.pk: Withdrawal()}


@pytest.mark.django_db
def test_who_was_asked_since_it_began_is_not_asked_again_but_in_a_new_episode_is() -> None:
    organization = asking()
    person = revoked(organization)
    make_invitation(person, state="expired", created_at=NOW - HOUR)
    assert people_ask(now=NOW) == 0
    Invitation.objects.update(created_at=NOW - 4 * HOUR)
    assert people_ask(now=NOW) == 1


@pytest.mark.django_db
def test_who_has_an_open_invitation_is_not_asked() -> None:
    make_invitation(revoked(asking()), created_at=NOW - 5 * DAY)
    assert people_ask(now=NOW) == 0


@pytest.mark.django_db
def test_who_is_silenced_is_not_asked() -> None:
    organization = asking()
    muted, other = revoked(organization), revoked(organization)
    make_silence(organization, [muted])
    assert people_ask(now=NOW) == 1
    assert asked() == [other.pk]


@pytest.mark.django_db
def test_everybody_is_asked_in_their_own_daytime() -> None:
    organization = asking()
    for zone in ("Europe/Berlin", "Asia/Tokyo", "America/Los_Angeles", "Mars/Olympus"):
        revoked(organization, time_zone=zone)
    assert people_ask(now=NOW) == 2
    zones = set(Invitation.objects.values_list("person__time_zone", flat=True))
    assert zones == {"Europe/Berlin", "Mars/Olympus"}
    assert people_ask(now=NOW + 5 * HOUR) == 1, "now it is morning in California"
    assert people_ask(now=NOW + DAY) == 0, "nobody on a Saturday"


@pytest.mark.django_db
def test_a_flood_is_asked_a_few_at_a_time_and_no_organization_waits_for_another() -> None:
    flooded, other = asking(), asking()
    people = Person.objects.bulk_create(
        Person(
            organization=flooded, name=f"Person {place}", email=f"many{place}@flood.example",
            created_at=NOW - DAY,
        )
        for place in range(10_000)
    )  # fmt: skip
    Health.objects.filter(organization=flooded).update(
        status="stalled", cause=REVOKED, severity=0, status_since=NOW - 3 * HOUR,
        confirmed_at=NOW - 3 * HOUR, last_rule=REVOKED,
    )  # fmt: skip
    lonely = revoked(other)
    assert len(people) == 10_000
    with CaptureQueriesContext(connection) as captured:
        assert people_ask(now=NOW) == 50
    assert lonely.pk in asked()
    assert people_ask(now=NOW) == 50
    assert len(captured) < 1_000
    assert Invitation.objects.count() == 100


@pytest.mark.django_db
def test_who_waits_longest_is_asked_first() -> None:
    organization = asking()
    late = revoked(organization, health={"status_since": NOW - HOUR})
    early = revoked(organization)
    assert people_ask(now=NOW, limit=1) == 1
    assert asked() == [early.pk]
    assert people_ask(now=NOW, limit=1) == 1
    assert asked() == [early.pk, late.pk]


@pytest.mark.django_db
def test_nothing_to_do_costs_two_statements() -> None:
    make_connected_person(asking())
    with CaptureQueriesContext(connection) as captured:
        assert people_ask(now=NOW) == 0
    assert len(captured) == 2


@pytest.mark.django_db
def test_who_was_asked_is_counted_until_they_sync_again() -> None:
    organization = asking()
    person = revoked(organization)
    revoked(asking())
    make_invitation(revoked(organization), created_at=NOW - HOUR)
    assert asked_about(organization.pk, REVOKED) == 0, "somebody else asked"
    people_ask(now=NOW)
    assert asked_about(organization.pk, REVOKED) == 1
    set_health(person)
    assert asked_about(organization.pk, REVOKED) == 0


@pytest.mark.django_db
def test_who_cannot_be_written_to_keeps_nobody_else_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking_people, "_passed_over", {})
    organization = asking()
    broken, other = revoked(organization), revoked(organization)

    def make(**given: Any) -> Invitation:
        invitation = invitation_make(**given)
        if given["person"] == broken:
            raise ValueError("no words")
        return invitation

    monkeypatch.setattr(asking_people, "invitation_make", make)
    assert people_ask(now=NOW, limit=1) == 0
    assert asked() == [], "nothing is left of what failed"
    assert people_ask(now=NOW, limit=1) == 1
    assert asked() == [other.pk]
    monkeypatch.setattr(asking_people, "invitation_make", invitation_make)
    assert people_ask(now=NOW + HOUR) == 1, "after a while it is tried again"
    assert asked() == [other.pk, broken.pk]
