"""Access tokens: cached, encrypted, renewed once and never in a loop."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import Mock

import jwt
import pytest
from cryptography.exceptions import UnsupportedAlgorithm

from accounts.credentials import decrypt, encrypt
from accounts.models import (
    Connection,
    ConnectionState,
    Grant,
    OrganizationCredential,
    Provider,
)
from syncing.grants import connection_grant, credential_set
from syncing.providers.tokens import private_key
from syncing.reports import PassResult
from syncing.store import load_work
from tests.syncing.rig import ADA, Rig, at


def connection(rig: Rig, provider: Provider) -> Connection:
    return Connection.objects.get(person=rig.people[ADA], provider=provider)


def token_requests(rig: Rig) -> list[str]:
    return [name for name in rig.operations() if name.endswith(".token")]


@pytest.fixture
def consented(rig: Rig) -> Rig:
    """Ada has given access herself, at both providers."""
    (settings,) = [
        each for each in rig.world.client_settings("acme")["people"] if each["email"] == ADA
    ]
    for provider in Provider:
        connection_grant(
            person=rig.people[ADA],
            provider=provider,
            grant=Grant.REFRESH_TOKEN,
            refresh_token=settings[f"{provider}_refresh_token"],
            now=rig.clock(),
        )
    return rig


def test_tokens_are_fetched_once_and_kept_encrypted(rig: Rig) -> None:
    rig.sync()
    assert token_requests(rig) == ["google.token", "salesforce.token"]
    google = connection(rig, Provider.GOOGLE)
    assert google.access_token is not None
    assert b"ya29" not in bytes(google.access_token)
    assert decrypt(google.access_token).startswith("ya29")
    salesforce = connection(rig, Provider.SALESFORCE)
    assert salesforce.instance_url == "https://acme.my.salesforce.com"
    rig.simulator.log.clear()
    rig.sync()
    assert not token_requests(rig)


def test_a_token_about_to_expire_is_renewed_before_it_is_used(rig: Rig) -> None:
    rig.sync()
    rig.clock.advance(minutes=59)
    rig.simulator.log.clear()
    assert rig.sync().result is PassResult.SUCCESS
    assert token_requests(rig) == ["google.token"]
    assert not [entry for entry in rig.simulator.requests if entry.status == 401]


def test_the_persons_own_consent_works_for_both(consented: Rig) -> None:
    consented.world.google_create(ADA, summary="Board", start=at(24))
    report = consented.sync()
    assert report.error is None
    assert report.counts.salesforce.created == 1


def test_googles_client_file_is_read_for_its_secret(consented: Rig) -> None:
    settings = consented.world.client_settings("acme")["google"]
    credential_set(
        organization=consented.people[ADA].organization,
        provider=Provider.GOOGLE,
        client_id=settings["client_id"],
        secret=json.dumps({"web": {"client_secret": settings["client_secret"]}}),
    )
    assert consented.sync().result is PassResult.SUCCESS


@pytest.mark.parametrize("provider", list(Provider))
def test_a_refused_token_is_renewed_once_and_the_call_repeated(rig: Rig, provider: str) -> None:
    rig.sync()
    rig.world.expire_access_tokens(provider=provider)
    rig.simulator.log.clear()
    assert rig.sync().result is PassResult.SUCCESS
    assert token_requests(rig) == [f"{provider}.token"]


@pytest.mark.parametrize(
    "fault", ["google-invalid-credentials", "salesforce-session-expired", "salesforce-read-only"]
)
def test_a_provider_that_refuses_every_token_gets_one_login(rig: Rig, fault: str) -> None:
    rig.sync()
    rig.simulator.plan_fault(fault)
    rig.simulator.log.clear()
    report = rig.sync()
    assert report.result is PassResult.FAILURE
    assert report.error is not None
    assert report.error.status == 401
    assert len(token_requests(rig)) == 1
    assert len([entry for entry in rig.simulator.requests if entry.status == 401]) == 2


def test_a_token_that_is_refused_as_soon_as_it_is_given_out_is_not_asked_for_again(
    rig: Rig,
) -> None:
    rig.simulator.plan_fault("google-invalid-credentials")
    assert rig.sync().result is PassResult.FAILURE
    assert rig.operations() == ["google.token", "google.events.list"]
    assert connection(rig, Provider.GOOGLE).state == ConnectionState.REFUSED


def test_a_refusal_is_written_down_and_lifted_by_the_next_success(consented: Rig) -> None:
    rig = consented
    rig.sync()
    assert connection(rig, Provider.GOOGLE).state == ConnectionState.PROVEN
    assert connection(rig, Provider.GOOGLE).proven_at == rig.clock()
    rig.world.google_revoke(ADA)
    rig.clock.advance(minutes=5)
    report = rig.sync()
    assert report.error is not None
    assert (report.error.channel, report.error.status) == ("oauth-json", 400)
    assert "expired or revoked" in report.error.body
    refused = connection(rig, Provider.GOOGLE)
    assert (refused.state, refused.refused_at) == (ConnectionState.REFUSED, rig.clock())
    first_time = rig.clock()
    rig.sync()
    assert connection(rig, Provider.GOOGLE).refused_at == first_time, "at most once an hour"
    assert connection(rig, Provider.SALESFORCE).state == ConnectionState.PROVEN
    token = rig.world.google_grant(ADA)
    connection_grant(
        person=rig.people[ADA],
        provider=Provider.GOOGLE,
        grant=Grant.REFRESH_TOKEN,
        refresh_token=token,
        now=rig.clock(),
    )
    assert rig.sync().result is PassResult.SUCCESS
    assert connection(rig, Provider.GOOGLE).state == ConnectionState.PROVEN


def test_an_outage_of_the_token_endpoint_is_no_refusal(rig: Rig) -> None:
    rig.simulator.plan_fault("google-token-502")
    rig.sync()
    assert connection(rig, Provider.GOOGLE).state == ConnectionState.GRANTED


def test_a_proof_is_written_once_a_day(rig: Rig) -> None:
    rig.sync()
    first = rig.clock()
    rig.sync()
    assert connection(rig, Provider.SALESFORCE).proven_at == first
    rig.clock.advance(days=1)
    rig.sync()
    assert connection(rig, Provider.SALESFORCE).proven_at == rig.clock()


def test_a_rotated_refresh_token_is_kept(consented: Rig) -> None:
    body = (
        '{"access_token": "00Dx!new", "instance_url": "https://acme2.my.salesforce.com", '
        '"refresh_token": "5Aep8rotated"}'
    )
    consented.simulator.plan_fault(operation="salesforce.token", status=200, body=body)
    consented.sync()
    kept = connection(consented, Provider.SALESFORCE)
    assert kept.refresh_token is not None
    assert decrypt(kept.refresh_token) == "5Aep8rotated"
    assert kept.instance_url == "https://acme2.my.salesforce.com"


def test_a_credential_that_cant_be_read_is_told_and_nothing_is_sent(rig: Rig) -> None:
    credential_set(
        organization=rig.people[ADA].organization,
        provider=Provider.GOOGLE,
        client_id="x",
        secret="not a service account",
    )
    report = rig.sync()
    assert report.error is not None
    assert "CredentialUnusable" in report.error.body
    assert "not a service account" not in report.error.body
    assert not rig.operations()


UNUSABLE = [
    *("", "[]", "null", '"text"', "3", "{", '{"client_email": "a@b.example"}'),
    *(
        json.dumps({"client_email": "a@b.example", "private_key": key})
        for key in (None, 3, {}, [], "", "-----BEGIN PRIVATE KEY-----\n!\n", "\ud800")
    ),
]


@pytest.mark.parametrize("secret", UNUSABLE)
def test_no_credential_is_so_bad_that_a_pass_breaks(rig: Rig, secret: str) -> None:
    OrganizationCredential.objects.filter(provider=Provider.GOOGLE).update(secret=encrypt(secret))
    report = rig.sync()
    assert report.result is PassResult.FAILURE
    assert report.error is not None
    assert report.error.provider == "google"
    assert "CredentialUnusable" in report.error.body


@pytest.mark.parametrize("content", ["{", '{"web": 3}', '{"web": [1]}', '{"installed": "x"}'])
def test_no_client_file_is_so_bad_that_a_pass_breaks(consented: Rig, content: str) -> None:
    OrganizationCredential.objects.filter(provider=Provider.GOOGLE).update(secret=encrypt(content))
    report = consented.sync()
    assert report.result is PassResult.FAILURE
    assert report.error is not None
    assert "CredentialUnusable" in report.error.body


@pytest.mark.parametrize("error", [UnsupportedAlgorithm("SM2"), jwt.InvalidKeyError("short")])
def test_a_key_nobody_supports_is_told(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr("syncing.providers.tokens.load_pem_private_key", Mock(side_effect=error))
    private_key.cache_clear()
    report = rig.sync()
    assert report.error is not None
    assert "CredentialUnusable" in report.error.body


@pytest.mark.parametrize("lasting", ["3600", 3600.5, "soon", [], {}, None, -1, 1e300, "NaN", True])
def test_a_lifetime_that_cant_be_read_breaks_nothing(rig: Rig, lasting: Any) -> None:
    """Whatever it says: the token is used, and renewed when it is refused."""
    rig.sync()
    token = decrypt(connection(rig, Provider.GOOGLE).access_token or b"")
    body = json.dumps({"access_token": token, "expires_in": lasting, "refresh_token": None})
    Connection.objects.filter(provider=Provider.GOOGLE).update(access_token=None)
    rig.simulator.plan_fault(operation="google.token", status=200, body=body, count=1)
    assert rig.sync().result is PassResult.SUCCESS
    kept = connection(rig, Provider.GOOGLE)
    assert kept.refresh_token is None
    if lasting in ("3600", 3600.5):
        assert kept.access_token_expires_at is not None
        assert int((kept.access_token_expires_at - rig.clock()).total_seconds()) == 3600


def test_secrets_do_not_show_in_work(rig: Rig) -> None:
    rig.sync()
    person_id = rig.people[ADA].pk
    shown = repr(load_work([person_id])[person_id])
    for row in Connection.objects.filter(person_id=person_id):
        assert row.access_token is not None
        assert repr(bytes(row.access_token)) not in shown
