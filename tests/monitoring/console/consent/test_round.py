"""The whole way to a provider and back, against the simulator."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import Connection, Person, Provider
from monitoring.actions.links import person_token
from monitoring.actions.models import Invitation
from monitoring.audit.models import AuditEntry
from monitoring.health.models import Health, Hold
from monitoring.jobs.models import Job, Lane
from monitoring.outcomes.models import Outcome
from tests.factories import NOW
from tests.monitoring.console.consent.rounds import again, gone_round, link, state
from tests.monitoring.console.markup import text
from tests.syncing.rig import ADA, BEN, Rig

GOOGLE, SALESFORCE = Provider.GOOGLE, Provider.SALESFORCE
both = pytest.mark.parametrize("provider", list(Provider))


def test_an_invitation_is_done_when_all_its_accesses_are_given(
    client: Client, ada: Person, invited: Invitation
) -> None:
    page = gone_round(client, link(invited), GOOGLE)
    assert "Google is connected" in text(page)
    assert "Continue to Salesforce" in text(page)
    assert again(invited).granted == ["google"]
    page = gone_round(client, link(invited), SALESFORCE)
    assert "Thank you, that is all" in text(page)
    assert f"/me/{person_token(ada, NOW)}/" in page.content.decode()
    assert again(invited).state == "done"
    # Whoever else follows the link has proven nothing.
    assert "/me/1" not in Client().get(link(invited)).content.decode()
    assert Connection.objects.filter(person=ada, state="proven").count() == 2
    assert set(AuditEntry.objects.values_list("action", "author_name")) == {
        ("person.consent", "Ada Lovelace")
    }


@both
def test_the_person_gives_access_again_on_their_own_page(
    client: Client, rig: Rig, ada: Person, provider: Provider
) -> None:
    Connection.objects.filter(person=ada).exclude(provider=provider).update(state="proven")
    page = gone_round(client, f"/me/{person_token(ada, NOW)}/", provider)
    assert page.status_code == 200
    assert f"{provider.label} is connected. Your calendar is being synced now." in text(page)
    connection = Connection.objects.get(person=ada, provider=provider)
    assert (connection.state, connection.grant) == ("proven", "refresh_token")
    job = Job.objects.get(person=ada)
    assert job.lane == Lane.ADMIN
    assert Outcome.objects.count() == 0


def test_what_was_given_works_for_the_next_run(client: Client, rig: Rig, ada: Person) -> None:
    for provider in Provider:
        gone_round(client, f"/me/{person_token(ada, NOW)}/", provider)
    assert rig.sync().result == "success"


def test_of_whom_only_the_user_name_was_known_the_next_run_is_good(
    client: Client, rig: Rig, ada: Person
) -> None:
    user_id = ada.salesforce_user_id
    Person.objects.filter(pk=ada.pk).update(salesforce_user_id="")
    for provider in Provider:
        gone_round(client, f"/me/{person_token(ada, NOW)}/", provider)
    assert again(ada).salesforce_user_id == user_id
    assert rig.sync().result == "success"


def test_who_was_never_connected_begins_to_sync(client: Client, rig: Rig, ada: Person) -> None:
    Connection.objects.filter(person=ada).delete()
    Health.objects.filter(person=ada).update(
        status="degraded", cause="never_connected", runs_here=False, last_attempt_at=None
    )
    page = f"/me/{person_token(ada, NOW)}/"
    gone_round(client, page, GOOGLE)
    assert not Job.objects.exists()
    gone_round(client, page, SALESFORCE)
    assert Health.objects.get(person=ada).runs_here
    assert Job.objects.get().person == ada


def test_another_engines_person_is_not_run_here(client: Client, rig: Rig, ada: Person) -> None:
    Health.objects.filter(person=ada).update(runs_here=False)
    gone_round(client, f"/me/{person_token(ada, NOW)}/", GOOGLE)
    assert not Health.objects.get(person=ada).runs_here
    assert not Job.objects.exists()


def test_who_is_held_is_connected_and_not_run(client: Client, rig: Rig, ada: Person) -> None:
    Hold.objects.create(
        organization=ada.organization,
        person=ada,
        author_kind="offboarding",
        author_name="HR",
        reason="Left",
        started_at=NOW,
    )
    gone_round(client, f"/me/{person_token(ada, NOW)}/", GOOGLE)
    assert state(ada, GOOGLE) == "proven"
    assert not Job.objects.exists()


@both
def test_another_persons_account_is_refused_in_words(
    client: Client, rig: Rig, ada: Person, invited: Invitation, provider: Provider
) -> None:
    before = Connection.objects.filter(person=ada).order_by("pk").values()
    untouched = list(before)
    page = gone_round(client, link(invited), provider, account=BEN)
    wanted = ADA if provider is GOOGLE else ada.salesforce_username
    other = BEN if provider is GOOGLE else rig.people[BEN].salesforce_username
    sentence = f"You consented as {other}, but this link is for {wanted}. Nothing was changed."
    assert sentence in text(page)
    assert list(before.all()) == untouched
    assert (again(invited).state, again(invited).granted) == ("opened", [])
    noted = f"At the last try the consent was of another account than {wanted}."
    assert again(invited).refusal == noted
    shown = Client().get(link(invited))
    assert noted in text(shown)
    assert other not in text(shown), "whoever opens the link reads it"
    assert not any("revoke" in entry.path for entry in rig.simulator.requests)
    page = gone_round(client, link(invited), provider)
    assert f"{provider.label} is connected" in text(page)
    assert again(invited).refusal == ""


def test_the_same_user_in_another_salesforce_organization_is_refused(
    client: Client, ada: Person, invited: Invitation
) -> None:
    ada.organization.salesforce_host = "acme--dev.sandbox.my.salesforce.com"
    ada.organization.save()
    page = gone_round(client, link(invited), SALESFORCE)
    assert "You consented at acme.my.salesforce.com, but this link is for" in text(page)
    assert state(ada, SALESFORCE) == "refused"


@both
def test_declining_is_noted_and_may_be_thought_over(
    client: Client, ada: Person, invited: Invitation, provider: Provider
) -> None:
    page = gone_round(client, link(invited), provider, decision="deny")
    assert f"You declined at {provider.label}, so nothing was changed." in text(page)
    assert (again(invited).state, again(invited).granted) == ("refused", [])
    assert AuditEntry.objects.get().action == "person.decline"
    gone_round(client, link(invited), provider)
    assert again(invited).granted == [provider]
