"""Re-authorizing people against the simulated providers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from accounts.credentials import decrypt, encrypt
from accounts.models import (
    Connection,
    ConnectionState,
    Grant,
    OrganizationCredential,
    Person,
    Provider,
)
from monitoring.actions import access_getting, network, reauthorizing
from monitoring.actions.models import ActionPerson, Invitation, PersonState
from monitoring.actions.reauthorizing import needs_of
from monitoring.alerts.models import Message
from monitoring.alerts.outbox import mail_in
from monitoring.audit.models import AuditEntry
from monitoring.health.models import Health
from monitoring.jobs.claims import jobs_claim
from monitoring.jobs.closing import jobs_close
from monitoring.jobs.models import Job, Lane
from monitoring.jobs.queue import job_request
from monitoring.jobs.reports import outcome_of
from simulator.keys import KeyPair, generate_key_pair
from simulator.running import SimulatorServer
from syncing.grants import connection_grant
from syncing.providers import wire
from syncing.reports import PassCounts, PassReport, PassResult
from tests.factories import make_person
from tests.monitoring.actions.access_rig import BOTH, AccessRig, make_access_rig
from tests.monitoring.actions.makers import make_hold, network_work, results
from tests.monitoring.actions.test_refusals import oauth
from tests.syncing.rig import ADA, BEN, MovableClock, make_rig, make_world

GOOGLE, SALESFORCE = BOTH
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def key_pair() -> KeyPair:
    return generate_key_pair()


def running_rig(key_pair: KeyPair, monkeypatch: pytest.MonkeyPatch) -> Iterator[AccessRig]:
    clock = MovableClock()
    with SimulatorServer.running(make_world(clock, key_pair)) as simulator:
        rig = make_rig(simulator, clock)
        monkeypatch.setattr(reauthorizing, "providers_here", lambda: rig.providers)
        yield make_access_rig(rig)
        rig.providers.close()


@pytest.fixture
def at(
    db: None, rung: list[str], key_pair: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AccessRig]:
    yield from running_rig(key_pair, monkeypatch)


@pytest.fixture
def committed(
    transactional_db: None, rung: list[str], key_pair: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AccessRig]:
    """The same, with everything committed, so that threads see it."""
    yield from running_rig(key_pair, monkeypatch)


def test_a_delegated_access_is_restored(at: AccessRig) -> None:
    at.world.google_revoke(ADA)
    at.lose(GOOGLE)
    result = at.try_()
    assert (result.state, result.code) == (PersonState.DONE, "restored")
    assert result.detail == "Google restored and proven."
    kept = at.connection(GOOGLE)
    assert (kept.state, kept.proven_at, kept.refused_at) == (ConnectionState.PROVEN, at.now, None)
    assert at.connection(SALESFORCE).state == ConnectionState.GRANTED, "was in order"
    assert at.rig.operations() == ["google.token", "google.calendars.get"]


def test_a_jwt_access_is_restored(at: AccessRig) -> None:
    at.lose(SALESFORCE)
    assert at.try_(method="organization").code == "restored"
    kept = at.connection(SALESFORCE)
    assert (kept.state, kept.grant) == (ConnectionState.PROVEN, Grant.JWT)
    assert kept.instance_url == "https://acme.my.salesforce.com"
    assert at.rig.operations() == ["salesforce.token", "salesforce.userinfo"]


def test_the_restored_token_is_used_by_the_next_run(at: AccessRig) -> None:
    at.lose(*BOTH)
    assert at.try_().detail == "Google and Salesforce restored and proven."
    at.rig.simulator.log.clear()
    report = at.rig.sync()
    assert report.error is None
    assert not [name for name in at.rig.operations() if name.endswith(".token")]


def test_whose_salesforce_user_was_not_known_is_synced_then(at: AccessRig) -> None:
    """Though their access was never refused: no run could use it."""
    user_id = at.ada.salesforce_user_id
    Person.objects.filter(pk=at.ada.pk).update(salesforce_user_id="")
    assert at.rig.sync().result == "failure"
    assert at.try_().detail == "Salesforce restored and proven."
    assert Person.objects.get(pk=at.ada.pk).salesforce_user_id == user_id
    assert at.rig.sync().error is None


def test_who_consented_before_is_connected_by_the_organization(at: AccessRig) -> None:
    connection_grant(
        person=at.ada,
        provider=GOOGLE,
        grant=Grant.REFRESH_TOKEN,
        refresh_token="1//0egone",
        now=at.now - timedelta(days=9),
    )
    at.lose(GOOGLE)
    at.try_()
    kept = at.connection(GOOGLE)
    assert (kept.grant, kept.refresh_token) == (Grant.DELEGATED, None)


def test_who_was_never_connected_is_and_begins(at: AccessRig) -> None:
    Connection.objects.filter(person=at.ada).delete()
    assert at.try_().code == "restored"
    health = Health.objects.get(person=at.ada)
    assert health.runs_here
    assert health.cause != "never_connected"
    assert Job.objects.get().lane == Lane.ADMIN


def test_one_person_is_synced_at_once_and_many_in_bulk(at: AccessRig) -> None:
    Health.objects.update(runs_here=True)
    at.lose(GOOGLE)
    at.try_()
    assert Job.objects.get().lane == Lane.ADMIN
    Job.objects.all().delete()
    at.rig.clock.advance(minutes=1)
    for email in (ADA, BEN):
        at.lose(GOOGLE, email=email)
    at.try_(ADA, BEN)
    assert set(Job.objects.values_list("lane", flat=True)) == {Lane.BULK}


@pytest.mark.parametrize("people", [(ADA,), (ADA, BEN)])
def test_a_run_with_the_former_access_is_followed_by_another(
    at: AccessRig, people: tuple[str, ...]
) -> None:
    Health.objects.update(runs_here=True)
    token = uuid4()
    running = job_request(person=at.ada, now=at.now)
    (claim,) = jobs_claim(lane=Lane.SCHEDULE, limit=1, token=token, lease=90)
    for email in people:
        at.lose(GOOGLE, email=email)
    at.try_(*people)
    assert Job.objects.get(person=at.ada) == running
    failed = PassReport(PassResult.FAILURE, oauth("google", "invalid_grant"), PassCounts())
    outcome = outcome_of(claim, failed, started_at=at.now - HOUR, finished_at=at.now + HOUR)
    jobs_close(token=token, outcomes=[outcome], now=at.now + HOUR)
    assert Job.objects.get(person=at.ada).attempt_id != running.attempt_id
    assert needs_of(at.ada) == frozenset(), "the failure was of the former access"


def test_the_person_is_told_who_acted_for_them(at: AccessRig) -> None:
    Health.objects.update(runs_here=True)
    at.lose(*BOTH)
    action = at.action()
    at.do(action)
    message = Message.objects.get()
    assert (message.kind, message.recipient, message.person) == ("acted_for_you", ADA, at.ada)
    text = mail_in(message).text
    assert action.author_name in text
    assert "Google and Salesforce" in text
    assert "/me/" in text
    assert "is being synced" in text


def test_doing_it_twice_is_as_doing_it_once(at: AccessRig) -> None:
    """A worker that died before it could write the result is followed by another."""
    at.lose(*BOTH)
    action = at.action()
    first, second = at.do(action), at.do(action)
    assert first == second
    assert Message.objects.count() == 1
    assert len(at.rig.operations()) == 4, "nobody is asked again"


def test_who_is_held_is_not_synced(at: AccessRig) -> None:
    make_hold(at.ada, now=at.now)
    at.lose(GOOGLE)
    assert at.try_().code == "restored"
    assert not Job.objects.exists()


def test_whom_another_engine_syncs_is_left_to_it(at: AccessRig) -> None:
    Health.objects.update(last_attempt_at=at.now - timedelta(days=1))
    at.lose(GOOGLE)
    assert at.try_().code == "restored"
    assert not Job.objects.exists()
    assert not Health.objects.get(person=at.ada).runs_here


def refused(at: AccessRig, provider: Provider, **given: Any) -> Any:
    """Try with a connection that was in use until now, and check that nothing came of it."""
    at.lose(provider)
    before = at.connection(provider)
    result = at.try_(**given)
    after = at.connection(provider)
    assert result.state == PersonState.FAILED
    assert (after.grant, after.granted_at) == (before.grant, before.granted_at)
    assert after.access_token is None
    assert not Message.objects.exists()
    assert not Job.objects.exists()
    return result


def test_a_scope_that_is_not_delegated_is_explained(at: AccessRig) -> None:
    at.world.organization("acme").delegated_scopes = []
    result = refused(at, GOOGLE)
    assert result.code == "scope_not_delegated"
    assert "Security › Access and data control › API controls" in result.detail  # noqa: RUF001


def test_one_bare_no_of_google_refuses_nothing(at: AccessRig) -> None:
    Health.objects.filter(person=at.ada).update(
        last_rule="google-access-revoked", last_attempt_at=at.now + HOUR
    )
    body = '{"error": "invalid_grant", "error_description": "Bad Request"}'
    at.rig.simulator.plan_fault(operation="google.token", status=400, body=body)
    result = at.try_()
    assert (result.state, result.code) == (PersonState.FAILED, "temporary")
    assert at.connection(GOOGLE).state == ConnectionState.GRANTED


def test_an_access_to_another_salesforce_organization_is_not_kept(at: AccessRig) -> None:
    at.organization.salesforce_host = "acme--dev.sandbox.my.salesforce.com"
    at.organization.save()
    assert refused(at, SALESFORCE).code == "wrong_account"


def test_a_deleted_account_is_explained(at: AccessRig) -> None:
    at.world.google_set_user(ADA, deleted=True)
    assert refused(at, GOOGLE).code == "account_gone"


@pytest.mark.parametrize(
    ("change", "code", "place"),
    [
        ({"active": False}, "user_inactive", "Active"),
        ({"frozen": True}, "user_frozen", "Unfreeze"),
        ({"preauthorized": False}, "app_not_approved", "Permitted Users"),
    ],
)
def test_what_keeps_a_salesforce_user_out_is_explained(
    at: AccessRig, change: dict[str, bool], code: str, place: str
) -> None:
    at.world.salesforce_set_user(ADA, **change)
    result = refused(at, SALESFORCE)
    assert result.code == code
    assert place in result.detail
    assert at.connection(SALESFORCE).refused_at == at.now, "the endpoint itself said so"


@pytest.mark.parametrize("provider", BOTH)
def test_a_wrong_key_is_explained(at: AccessRig, provider: Provider) -> None:
    key = generate_key_pair().private_key
    credential = at.credential(provider)
    if provider == GOOGLE:
        key = json.dumps({**json.loads(decrypt(credential.secret)), "private_key": key})
    OrganizationCredential.objects.filter(pk=credential.pk).update(secret=encrypt(key))
    result = refused(at, provider)
    assert result.code == "key_wrong"
    assert "PRIVATE KEY" not in result.detail


@pytest.mark.parametrize("provider", BOTH)
@pytest.mark.parametrize("fault", [{"status": 503, "body": "<html>Down</html>"}, {"close": True}])
def test_a_provider_that_is_down_marks_nobody(
    at: AccessRig, provider: Provider, fault: dict[str, Any]
) -> None:
    Connection.objects.filter(provider=provider).update(granted_at=at.now - timedelta(days=9))
    Health.objects.filter(person=at.ada).update(
        last_rule=f"{provider}-access-revoked", last_attempt_at=at.now - timedelta(hours=1)
    )
    at.rig.simulator.plan_fault(operation=f"{provider}.token", **fault)
    result = at.try_()
    assert (result.state, result.code) == (PersonState.FAILED, "temporary")
    assert "Try again" in result.detail
    kept = at.connection(provider)
    assert (kept.state, kept.refused_at) == (ConnectionState.GRANTED, None)


@pytest.mark.parametrize("provider", BOTH)
def test_a_slow_provider_is_given_up(
    at: AccessRig, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "READ_SECONDS", 0.05)
    at.lose(provider)
    at.rig.simulator.plan_fault(provider=provider.value, hang=True)
    assert at.try_().code == "temporary"


@pytest.mark.parametrize("provider", BOTH)
def test_an_access_that_does_not_prove_itself_leaves_all_as_it_was(
    at: AccessRig, provider: Provider
) -> None:
    Connection.objects.filter(provider=provider).update(
        state=ConnectionState.PROVEN, granted_at=at.now - timedelta(days=9)
    )
    Health.objects.filter(person=at.ada).update(
        last_rule=f"{provider}-access-revoked", last_attempt_at=at.now - timedelta(hours=1)
    )
    proof = {"google": "google.calendars.get", "salesforce": "salesforce.userinfo"}[provider]
    at.rig.simulator.plan_fault(operation=proof, status=401, body="{}")
    result = at.try_()
    assert result.state == PersonState.FAILED
    kept = at.connection(provider)
    assert (kept.state, kept.access_token) == (ConnectionState.PROVEN, None)


@pytest.mark.parametrize(
    ("provider", "body"),
    [
        (GOOGLE, '{"id": "ben@acme.example"}'),
        (SALESFORCE, '{"user_id": "005000000000000AAA", "preferred_username": "ada@acme.example"}'),
    ],
)
def test_the_access_of_another_account_is_never_kept(
    at: AccessRig, provider: Provider, body: str
) -> None:
    proof = {"google": "google.calendars.get", "salesforce": "salesforce.userinfo"}[provider]
    at.rig.simulator.plan_fault(operation=proof, status=200, body=body)
    assert refused(at, provider).code == "wrong_account"


def test_one_provider_may_give_access_while_the_other_does_not(at: AccessRig) -> None:
    at.world.salesforce_set_user(ADA, active=False)
    at.lose(*BOTH)
    action = at.action()
    result = at.do(action)
    assert (result.state, result.code) == (PersonState.FAILED, "user_inactive")
    assert result.detail.startswith("Google restored and proven. The person's Salesforce user")
    assert at.connection(GOOGLE).state == ConnectionState.PROVEN
    assert at.connection(SALESFORCE).state == ConnectionState.REFUSED
    assert "access to Google at" in mail_in(Message.objects.get()).text
    assert not Job.objects.exists(), "one side is still missing"
    assert "is being synced" not in mail_in(Message.objects.get()).text
    entry = AuditEntry.objects.get(action="person.reauthorize")
    assert entry.detail == {"action": action.pk, "providers": ["google"]}


def test_where_the_organization_cant_act_the_person_is_asked(at: AccessRig) -> None:
    credential = at.credential(GOOGLE)
    OrganizationCredential.objects.filter(pk=credential.pk).update(secret=encrypt("GOCSPX-s"))
    at.lose(*BOTH)
    action = at.action()
    result = at.do(action)
    assert (result.state, result.code) == (PersonState.DONE, "restored_and_invited")
    assert result.detail == "Salesforce restored and proven. Asked for Google by mail."
    invitation = Invitation.objects.get()
    assert (invitation.person, invitation.action) == (at.ada, action)
    assert invitation.providers == ["google"]
    assert at.do(action) == result, "done twice"
    assert Invitation.objects.count() == 1


def test_a_link_can_be_chosen(at: AccessRig) -> None:
    at.lose(*BOTH)
    result = at.try_(method="link", message="Please, today.")
    assert (result.code, result.detail) == ("invited", "Asked for Google and Salesforce by mail.")
    assert "Please, today." in mail_in(Message.objects.get()).text
    assert not at.rig.operations()


def test_an_invitation_that_is_fulfilled_otherwise_is_closed(at: AccessRig) -> None:
    at.lose(GOOGLE)
    at.try_(method="link")
    at.rig.clock.advance(hours=1)
    at.try_(method="organization")
    assert Invitation.objects.get().state == "done"


def test_who_is_in_order_by_now_is_skipped(at: AccessRig) -> None:
    at.lose(GOOGLE)
    action = at.action()
    at.rig.clock.advance(hours=-1)
    connection_grant(person=at.ada, provider=GOOGLE, grant=Grant.REFRESH_TOKEN, now=at.now)
    result = at.do(action)
    assert (result.state, result.code) == (PersonState.SKIPPED, "in_order")
    assert not at.rig.operations()


def test_who_is_gone_is_skipped(at: AccessRig) -> None:
    at.lose(GOOGLE)
    action = at.action()
    members = at.members(action)
    Person.objects.filter(pk=at.ada.pk).delete()
    result = reauthorizing.reauthorize(action, members[0].person_id, at.now)
    assert (result.state, result.code) == (PersonState.SKIPPED, "gone")


def test_nobody_of_another_organization_is_reached(at: AccessRig) -> None:
    at.lose(GOOGLE)
    stranger = make_person()
    assert reauthorizing.reauthorize(at.action(), stranger.pk, at.now).code == "gone"


def test_no_secret_shows_in_what_is_kept_of_it(
    at: AccessRig, caplog: pytest.LogCaptureFixture
) -> None:
    at.lose(*BOTH)
    at.world.salesforce_set_user(ADA, frozen=True)
    action = at.action()
    with caplog.at_level("DEBUG"):
        result = at.do(action)
    (token,) = at.world.tokens.matching(provider="google")
    told = repr(result) + caplog.text + repr(list(AuditEntry.objects.values("detail")))
    assert token.token not in told
    assert "PRIVATE KEY" not in told
    assert "eyJ" not in told


def test_no_database_connection_is_held_while_a_provider_is_waited_for(
    committed: AccessRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[bool] = []
    asked = access_getting.token_mint

    def spy(**values: Any) -> Any:
        held.append(access_getting.connection.connection is not None)
        return asked(**values)

    monkeypatch.setattr(access_getting, "token_mint", spy)
    committed.lose(*BOTH)
    assert committed.try_().code == "restored"
    assert held == [False, False]


def test_a_campaign_runs_side_by_side_to_its_end(committed: AccessRig) -> None:
    at = committed
    at.world.google_set_user(BEN, delegated=False)
    for email in (ADA, BEN):
        at.lose(GOOGLE, email=email)
    action = at.action(ADA, BEN)
    while network_work(action.pk, at.now):
        pass
    action.refresh_from_db()
    assert action.state == "done"
    assert results(action) == {
        at.ada.pk: (PersonState.DONE, "restored"),
        at.rig.people[BEN].pk: (PersonState.FAILED, "scope_not_delegated"),
    }
    assert AuditEntry.objects.get(action="person.reauthorize").person_id == at.ada.pk
    assert not ActionPerson.objects.exclude(token=None).exists()


def test_all_calls_time_out_well_before_the_claim_ends() -> None:
    calls = 2 * len(BOTH)
    assert calls * (wire.CONNECT_SECONDS + wire.READ_SECONDS) < network.LEASE * 0.75
