"""The whole way to a provider and back, against the simulator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import time_machine
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.credentials import decrypt
from accounts.models import Connection, OrganizationCredential, Person, Provider
from monitoring.actions import consents
from monitoring.actions.invitations import invitations_withdraw
from monitoring.actions.links import invitation_token, person_token
from monitoring.actions.models import Invitation
from monitoring.audit.models import AuditEntry
from monitoring.console import consent
from monitoring.health.models import Health, Hold
from monitoring.jobs.models import Job, Lane
from monitoring.outcomes.models import Outcome
from simulator.keys import KeyPair, generate_key_pair
from simulator.running import SimulatorServer
from tests.factories import NOW, make_user
from tests.monitoring.actions.invitation_makers import make_invitation
from tests.monitoring.console.makers import set_health
from tests.monitoring.console.markup import text
from tests.syncing.rig import ADA, BEN, MovableClock, Rig, make_rig, make_world

GOOGLE, SALESFORCE = Provider.GOOGLE, Provider.SALESFORCE
both = pytest.mark.parametrize("provider", list(Provider))


@pytest.fixture(scope="module")
def keys() -> KeyPair:
    return generate_key_pair()


@pytest.fixture
def rig(db: None, keys: KeyPair, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    clock = MovableClock()
    with SimulatorServer.running(make_world(clock, keys)) as simulator:
        made = make_rig(simulator, clock)
        for module in (consent, consents):
            monkeypatch.setattr(module, "providers_here", lambda: made.providers)
        yield made
        made.providers.close()


@pytest.fixture
def ada(rig: Rig) -> Person:
    """Ada, whose both accesses were refused a while ago."""
    person = rig.people[ADA]
    since = NOW - timedelta(days=1)
    Connection.objects.filter(person=person).update(state="refused", refused_at=since)
    set_health(person, status="stalled", cause="google-access-revoked", last_success_at=since)
    return person


@pytest.fixture
def invited(ada: Person) -> Invitation:
    return make_invitation(ada)


def link(invitation: Invitation) -> str:
    return f"/link/{invitation_token(invitation.pk)}/"


def started(client: Client, page: str, provider: Provider) -> str:
    """Press the button on a page of ours; return where the browser is sent."""
    return client.post(f"{page}{provider}").url


def decided(address: str, account: str = ADA, decision: str = "allow") -> str:
    """Decide at the provider; return where the browser is sent back to, from its path on."""
    with requests.Session() as browser:
        browser.trust_env = False
        form = {"account": account, "decision": decision}
        answer = browser.post(address, data=form, allow_redirects=False)
    parts = urlsplit(answer.headers["Location"])
    return f"{parts.path}?{parts.query}"


def gone_round(
    client: Client, page: str, provider: Provider, account: str = ADA, decision: str = "allow"
) -> HttpResponse:
    """Go the whole way and back to the page one began on."""
    return client.get(decided(started(client, page, provider), account, decision), follow=True)


def again(row: Any) -> Any:
    return type(row).objects.get(pk=row.pk)


def state(person: Person, provider: Provider) -> str:
    return Connection.objects.get(person=person, provider=provider).state


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


def test_an_answer_counts_once(client: Client, ada: Person, invited: Invitation) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    assert client.get(back).status_code == 302
    granted_at = Connection.objects.get(person=ada, provider=GOOGLE).granted_at
    response = client.get(back)
    assert response.status_code == 409
    assert "Nothing waits for this answer" in text(response)
    assert Connection.objects.get(person=ada, provider=GOOGLE).granted_at == granted_at
    assert AuditEntry.objects.count() == 1


def test_of_two_answers_at_once_one_counts(
    client: Client, ada: Person, invited: Invitation
) -> None:
    """Both have read the session before either has written it."""
    back = decided(started(client, link(invited), GOOGLE))
    session = client.session
    kept = dict(session[consent.SESSION_KEY])
    assert client.get(back).status_code == 302
    session[consent.SESSION_KEY] = kept
    session.save()
    assert client.get(back).status_code == 409
    assert AuditEntry.objects.count() == 1


def test_a_code_used_before_is_explained(
    client: Client, rig: Rig, ada: Person, invited: Invitation
) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    client.get(back)
    cache.clear()
    other = started(client, link(make_invitation(rig.people[BEN])), GOOGLE)
    code, fresh = parse_qs(back.partition("?")[2])["code"][0], state_in(other)
    response = client.get(f"/link/google/callback?state={fresh}&code={code}", follow=True)
    assert "That answer was used before or came too late. Try again." in text(response)


def state_in(address: str) -> str:
    return parse_qs(urlsplit(address).query)["state"][0]


def test_two_tabs_may_be_under_way(client: Client, ada: Person, invited: Invitation) -> None:
    first = decided(started(client, link(invited), GOOGLE))
    second = decided(started(client, link(invited), SALESFORCE))
    for back in (second, first):
        assert client.get(back).status_code == 302
    assert again(invited).state == "done"


def test_of_many_tabs_the_oldest_begins_again(client: Client, invited: Invitation) -> None:
    oldest = started(client, link(invited), GOOGLE)
    for _ in range(consent.AT_ONCE):
        started(client, link(invited), GOOGLE)
    assert len(client.session[consent.SESSION_KEY]) == consent.AT_ONCE
    assert client.get(decided(oldest)).status_code == 409


def test_an_answer_in_another_browser_counts_for_nothing(
    client: Client, ada: Person, invited: Invitation
) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    response = Client().get(back)
    assert response.status_code == 409
    assert state(ada, GOOGLE) == "refused"
    assert client.get(back).status_code == 302


@pytest.mark.parametrize("query", ["", "state=", "state=nonsense&code=1", "state=%00&error=%C3%A9"])
def test_an_answer_nobody_waits_for_is_no_error(client: Client, db: None, query: str) -> None:
    for provider in Provider:
        response = client.get(f"/link/{provider}/callback?{query}")
        assert response.status_code == 409
        assert "no-store" in response.headers["Cache-Control"]


def test_an_answer_of_the_other_provider_counts_for_nothing(
    client: Client, invited: Invitation
) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    assert client.get(back.replace("google", "salesforce")).status_code == 409


def test_after_a_quarter_of_an_hour_one_begins_again(
    client: Client, ada: Person, invited: Invitation
) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    with time_machine.travel(NOW + timedelta(minutes=16), tick=False):
        response = client.get(back)
    assert response.status_code == 400
    assert "That took too long" in text(response)
    assert state(ada, GOOGLE) == "refused"


@pytest.mark.parametrize("query", ["", "&error=", "&code="])
def test_an_answer_without_consent_may_be_tried_again(
    client: Client, invited: Invitation, query: str
) -> None:
    given = state_in(started(client, link(invited), GOOGLE))
    response = client.get(f"/link/google/callback?state={given}{query}", follow=True)
    assert "Google sent no consent. Try again" in text(response)


@pytest.mark.parametrize(
    ("provider", "error", "told", "kept"),
    [
        (
            SALESFORCE,
            "error=OAUTH_APP_ACCESS_DENIED&error_description=user+is+not+admin+approved%00",
            "Salesforce gave no access. Salesforce has not approved the app for this person.",
            "user is not admin approved",
        ),
        (
            GOOGLE,
            "error=admin_policy_enforced",
            "blocks the app by policy",
            "admin_policy_enforced",
        ),
        (GOOGLE, "error=server_error", "Try again in a few minutes", "server_error"),
        (GOOGLE, f"error={'x' * 900}", "it is not clear why", "Google said"),
    ],
)
def test_why_a_provider_sent_no_consent_is_told_and_kept(
    client: Client, invited: Invitation, provider: Provider, error: str, told: str, kept: str
) -> None:
    given = state_in(started(client, link(invited), provider))
    response = client.get(f"/link/{provider}/callback?state={given}&{error}", follow=True)
    assert told in text(response)
    assert kept in again(invited).refusal
    assert again(invited).state in {"sent", "opened"}


def withdrawn(invitation: Invitation) -> None:
    invitations_withdraw(invitations=[invitation.pk], now=NOW)


def expired(invitation: Invitation) -> None:
    Invitation.objects.filter(pk=invitation.pk).update(state="expired")


def used(invitation: Invitation) -> None:
    Invitation.objects.filter(pk=invitation.pk).update(state="done")


def person_gone(invitation: Invitation) -> None:
    Person.objects.get(pk=invitation.person_id).delete()


FATES = [
    (withdrawn, "This link was withdrawn"),
    (expired, "This link has expired"),
    (used, "This link has been used"),
    (person_gone, "Your calendar is not synced here any more"),
]


@pytest.mark.parametrize(("fate", "words"), FATES)
def test_what_happens_while_the_browser_is_away_is_explained(
    client: Client,
    ada: Person,
    invited: Invitation,
    fate: Callable[[Invitation], None],
    words: str,
) -> None:
    address = started(client, link(invited), GOOGLE), started(client, link(invited), GOOGLE)
    allowed, denied = decided(address[0]), decided(address[1], decision="deny")
    fate(invited)
    for back in (allowed, denied):
        response = client.get(back)
        assert response.status_code == 410
        assert words in text(response)
    assert not Connection.objects.filter(person_id=invited.person_id, state="proven").exists()


@pytest.mark.parametrize(("fate", "words"), FATES)
def test_what_happens_while_the_provider_is_asked_is_explained(
    client: Client,
    ada: Person,
    invited: Invitation,
    monkeypatch: pytest.MonkeyPatch,
    fate: Callable[[Invitation], None],
    words: str,
) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    redeem = consents.redeem

    def slowly(*given: Any) -> Any:
        answer = redeem(*given)
        fate(invited)
        return answer

    monkeypatch.setattr(consents, "redeem", slowly)
    response = client.get(back)
    assert response.status_code == 410
    if fate is not person_gone:
        assert words in text(response)
    assert not Connection.objects.filter(person_id=invited.person_id, state="proven").exists()


def test_no_transaction_is_open_while_a_provider_is_asked(
    client: Client, ada: Person, invited: Invitation, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    outside, seen = connection.savepoint_ids[:], []
    for name in ("code_exchange", "access_prove"):
        call = getattr(consents, name)

        def watched(*, call: Any = call, **given: Any) -> Any:
            seen.append(connection.savepoint_ids[:])
            return call(**given)

        monkeypatch.setattr(consents, name, watched)
    client.get(back)
    assert seen == [outside, outside]


def test_a_provider_that_is_down_may_be_tried_later(
    client: Client, rig: Rig, ada: Person, invited: Invitation
) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    rig.simulator.plan_fault(operation="google.token", status=503)
    response = client.get(back, follow=True)
    assert "Google does not answer just now. Try again in a few minutes." in text(response)
    assert again(invited).state == "opened"
    assert state(ada, GOOGLE) == "refused"


def test_a_provider_that_hangs_is_given_up_soon(
    client: Client, rig: Rig, invited: Invitation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consents, "PATIENCE", 0.05)
    for operation in ("google.token", "google.calendars.get"):
        back = decided(started(client, link(invited), GOOGLE))
        rig.simulator.plan_fault(operation=operation, hang=True)
        response = client.get(back, follow=True)
        assert "Google does not answer just now. Try again in a few minutes." in text(response)


def test_of_many_at_once_some_are_asked_to_come_again(
    client: Client, rig: Rig, ada: Person, invited: Invitation
) -> None:
    """So that who looks at a page finds a thread that is free."""
    back = decided(started(client, link(invited), GOOGLE))
    rig.simulator.log.clear()
    with ExitStack() as others:
        for _ in range(consents.AT_ONCE):
            others.enter_context(consents.place_taken())
        response = client.get(back, follow=True)
    assert "Many people give access just now. Try again in a few minutes." in text(response)
    assert not rig.operations()
    assert "Google is connected" in text(gone_round(client, link(invited), GOOGLE))


@pytest.mark.parametrize("operation", ["google.token", "google.calendars.get"])
def test_whose_provider_fails_leaves_their_place_to_others(
    client: Client, rig: Rig, invited: Invitation, operation: str
) -> None:
    for _ in range(consents.AT_ONCE + 1):
        back = decided(started(client, link(invited), GOOGLE))
        rig.simulator.plan_fault(operation=operation, status=503)
        assert "Google does not answer" in text(client.get(back, follow=True))


@pytest.mark.django_db(transaction=True)
def test_no_database_connection_is_held_while_a_provider_is_asked(
    client: Client, ada: Person, invited: Invitation, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    held: list[bool] = []
    exchange = consents.code_exchange

    def watched(**given: Any) -> Any:
        held.append(connection.connection is not None)
        return exchange(**given)

    monkeypatch.setattr(consents, "code_exchange", watched)
    assert "Google is connected" in text(client.get(back, follow=True))
    assert held == [False]


def test_an_app_taken_away_meanwhile_is_told_of(client: Client, invited: Invitation) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    OrganizationCredential.objects.all().delete()
    response = client.get(back, follow=True)
    assert "has not set up Google for this" in text(response)


def test_the_browser_is_led_by_a_verifier_that_stays_here(
    client: Client, invited: Invitation
) -> None:
    address = started(client, link(invited), GOOGLE)
    asked = parse_qs(urlsplit(address).query)
    (sealed,) = client.session[consent.SESSION_KEY].values()
    errand = json.loads(decrypt(sealed.encode()))
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["login_hint"] == [ADA]
    assert asked["redirect_uri"] == ["http://127.0.0.1:8000/link/google/callback"]
    assert errand["verifier"] not in address


def test_who_reads_the_sessions_learns_no_link_state_or_verifier(
    client: Client, invited: Invitation
) -> None:
    given = state_in(started(client, link(invited), GOOGLE))
    kept = json.dumps(dict(client.session.items()))
    for secret in (invitation_token(invited.pk), given, "verifier"):
        assert secret not in kept


def test_who_has_no_login_is_remembered_for_an_hour(client: Client, invited: Invitation) -> None:
    started(client, link(invited), GOOGLE)
    assert client.session.get_expiry_age() == 3600


def test_who_signs_in_is_remembered_for_as_long_as_ever(
    client: Client, invited: Invitation
) -> None:
    user = make_user(email="casey@acme.example", password="a long secret")
    started(client, link(invited), GOOGLE)
    form = {"login": user.email, "password": "a long secret", "remember": "on"}
    client.post("/accounts/login/", form)
    assert client.session.get_expiry_age() == 14 * 24 * 3600
    started(client, link(invited), GOOGLE)
    assert client.session.get_expiry_age() == 14 * 24 * 3600


def test_a_key_that_is_gone_meanwhile_has_one_begin_again(
    client: Client, invited: Invitation, settings: Settings
) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    settings.CREDENTIAL_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]
    assert client.get(back).status_code == 409


def test_no_secret_is_in_what_the_database_is_told(
    client: Client, ada: Person, invited: Invitation
) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(back)
    code = parse_qs(back.partition("?")[2])["code"][0]
    assert not any(code in query["sql"] for query in queries.captured_queries)
