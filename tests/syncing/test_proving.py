"""Acting on a person's behalf: minting, proving, and whose account it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.credentials import encrypt
from accounts.models import Organization, OrganizationCredential, Person, Provider
from simulator.keys import KeyPair, generate_key_pair
from syncing.credentials import Abilities, abilities_of
from syncing.providers import wire
from syncing.providers.tokens import Token, is_refusal
from syncing.providers.wire import ProviderError
from syncing.proving import Account, access_prove, is_account_of, token_mint
from tests.syncing.rig import ADA, BEN, Rig
from tests.syncing.test_consent import both, credential_of


def mint(rig: Rig, provider: Provider, email: str = ADA, **changes: Any) -> Token:
    values = {
        "person": rig.people[email],
        "provider": provider,
        "credential": credential_of(rig, provider),
        "addresses": rig.providers.addresses,
        "now": rig.clock(),
    }
    with rig.providers.transport() as transport:
        return token_mint(transport=transport, **(values | changes))


def prove(rig: Rig, provider: Provider, token: Token) -> Account:
    with rig.providers.transport() as transport:
        return access_prove(
            provider=provider,
            token=token,
            addresses=rig.providers.addresses,
            transport=transport,
        )


@both
def test_an_organization_acts_for_its_person(rig: Rig, provider: Provider) -> None:
    account = prove(rig, provider, mint(rig, provider))
    assert account.name == ADA
    assert is_account_of(rig.people[ADA], provider, account)
    assert not is_account_of(rig.people[BEN], provider, account)
    assert not rig.writes()


@both
def test_who_has_no_name_there_is_told(rig: Rig, provider: Provider) -> None:
    person = rig.people[ADA]
    person.email = person.salesforce_username = ""
    with pytest.raises(ProviderError) as caught:
        mint(rig, provider)
    assert "UsernameMissing" in caught.value.raw.body
    assert not rig.operations()


@both
def test_a_wrong_key_is_refused(rig: Rig, provider: Provider) -> None:
    credential = credential_of(rig, provider)
    credential.secret = wrong_key(credential, generate_key_pair())
    with pytest.raises(ProviderError) as caught:
        mint(rig, provider, credential=credential)
    assert is_refusal(caught.value)
    assert caught.value.code == "invalid_grant"


def wrong_key(credential: OrganizationCredential, pair: KeyPair) -> bytes:
    if credential.provider == Provider.SALESFORCE:
        return encrypt(pair.private_key)
    email = "synccenter@acme-sync.iam.gserviceaccount.com"
    key = pair.private_key.replace("\n", "\\n")
    return encrypt(f'{{"client_email": "{email}", "private_key": "{key}"}}')


@both
def test_a_credential_that_cant_be_read_is_told(rig: Rig, provider: Provider) -> None:
    credential = credential_of(rig, provider)
    credential.secret = encrypt("-----BEGIN NONSENSE")
    with pytest.raises(ProviderError, match="credential_unusable"):
        mint(rig, provider, credential=credential)
    assert not rig.operations()


@both
def test_a_token_that_opens_nothing_proves_nothing(rig: Rig, provider: Provider) -> None:
    with pytest.raises(ProviderError) as caught:
        prove(rig, provider, Token("nonsense", instance_url="https://acme.my.salesforce.com"))
    assert caught.value.status == 401


@both
@pytest.mark.parametrize("body", ["<html>", "{}", "[]", '{"id": 3, "user_id": null}', "{"])
def test_an_answer_that_names_nobody_proves_nothing(
    rig: Rig, provider: Provider, body: str
) -> None:
    token = mint(rig, provider)
    rig.simulator.plan_fault(provider=provider.value, status=200, body=body)
    with pytest.raises(ProviderError) as caught:
        prove(rig, provider, token)
    assert token.value not in repr(caught.value.raw)


@both
def test_a_redirect_is_not_followed_with_a_token(rig: Rig, provider: Provider) -> None:
    token = mint(rig, provider)
    away = {"Location": "http://127.0.0.1:1/"}
    rig.simulator.plan_fault(provider=provider.value, status=302, headers=away)
    with pytest.raises(ProviderError):
        prove(rig, provider, token)


@both
def test_a_connection_that_breaks_is_an_error_of_the_network(rig: Rig, provider: Provider) -> None:
    token = mint(rig, provider)
    rig.simulator.plan_fault(close=True)
    with pytest.raises(ProviderError) as caught:
        prove(rig, provider, token)
    assert caught.value.raw.provider == "network"


@both
def test_a_slow_provider_is_given_up(
    rig: Rig, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "READ_SECONDS", 0.05)
    rig.simulator.plan_fault(operation="*.token", hang=True)
    with pytest.raises(ProviderError) as caught:
        mint(rig, provider)
    assert caught.value.raw.provider == "network"
    assert not is_refusal(caught.value)


def test_a_token_is_not_sent_to_an_instance_in_the_open(rig: Rig) -> None:
    token = Token("00Dx!y", instance_url=rig.simulator.base_url)
    with pytest.raises(ProviderError) as caught:
        prove(rig, Provider.SALESFORCE, token)
    assert "UnsafeInstance" in caught.value.raw.body
    assert not rig.operations()


HOME = "acme.my.salesforce.com"


def person(**values: str) -> Person:
    acme = Organization(salesforce_host=HOME)
    return Person(**{"email": ADA, "google_calendar_id": "primary", "organization": acme} | values)


SHORT, LONG = "005000000000001", "005000000000001AAA"
AT_SALESFORCE = [
    ({}, LONG, ADA, False),
    ({"salesforce_username": ADA}, "005x", ADA.upper(), True),
    ({"salesforce_username": ADA}, "005x", "", False),
    ({"salesforce_user_id": SHORT}, LONG, "", True),
    ({"salesforce_user_id": LONG}, SHORT, "", True),
    ({"salesforce_user_id": "00500000000000a", "salesforce_username": ADA}, SHORT, ADA, False),
    ({"salesforce_user_id": "00500000000000a"}, "00500000000000A", "", False),
]
AT_GOOGLE = [
    ({}, "Ada@Acme.example", "", True),
    ({}, BEN, ADA, False),
    ({}, "primary", "", False),
    ({"google_calendar_id": "boss@acme.example"}, "boss@acme.example", "", False),
    ({"email": ""}, "", "", False),
]


@pytest.mark.parametrize(
    ("provider", "values", "account_id", "name", "own"),
    [
        *((Provider.GOOGLE, *case) for case in AT_GOOGLE),
        *((Provider.SALESFORCE, *case) for case in AT_SALESFORCE),
    ],
)
def test_whose_account_it_is(
    provider: Provider, values: dict[str, str], account_id: str, name: str, own: bool
) -> None:
    assert is_account_of(person(**values), provider, Account(account_id, name, HOME)) is own


@pytest.mark.parametrize(
    ("host", "own"),
    [
        (HOME, True),
        (HOME.upper(), True),
        ("acme--dev.sandbox.my.salesforce.com", False),
        ("", False),
    ],
)
def test_a_user_of_the_same_id_in_a_sandbox_is_somebody_else(host: str, own: bool) -> None:
    ada = person(salesforce_user_id=LONG, salesforce_username=ADA)
    assert is_account_of(ada, Provider.SALESFORCE, Account(LONG, ADA, host)) is own


@given(st.sampled_from(list(Provider)), st.text(max_size=20), st.text(max_size=20))
def test_nobody_elses_account_is_ever_taken_for_the_persons(
    provider: Provider, account_id: str, name: str
) -> None:
    ada = person(salesforce_user_id="005000000000001AAA", salesforce_username=ADA)
    theirs = account_id.casefold() == ADA or account_id.startswith("005000000000001")
    assert is_account_of(ada, provider, Account(account_id, name, HOME)) <= theirs


SERVICE = '{"client_email": "a@b.example", "private_key": "k"}'


@pytest.mark.parametrize(
    ("provider", "secret", "abilities"),
    [
        ("google", SERVICE, Abilities(can_act=True)),
        ("google", SERVICE[:-1] + ', "client_secret": "s"}', Abilities(True, True)),
        ("google", '{"web": {"client_secret": "s"}}', Abilities(can_ask=True)),
        ("google", "GOCSPX-secret", Abilities(can_ask=True)),
        ("google", "{", Abilities()),
        ("google", '{"web": 3}', Abilities()),
        ("google", "", Abilities()),
        ("salesforce", "-----BEGIN PRIVATE KEY-----", Abilities(True, True)),
        ("salesforce", "SECRET", Abilities(can_ask=True)),
    ],
)
def test_what_a_credential_is_good_for(provider: str, secret: str, abilities: Abilities) -> None:
    credential = OrganizationCredential(
        organization=Organization(), provider=provider, client_id="app", secret=encrypt(secret)
    )
    assert abilities_of(credential) == abilities


def test_a_credential_that_is_not_there_or_cant_be_read_is_good_for_nothing() -> None:
    assert abilities_of(None) == Abilities()
    assert abilities_of(OrganizationCredential(provider="google", secret=b"x")) == Abilities()
