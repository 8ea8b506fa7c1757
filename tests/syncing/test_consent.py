"""A person's own consent, from the address their browser is sent to to the tokens it is worth."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from accounts.credentials import encrypt
from accounts.models import Grant, OrganizationCredential, Provider
from syncing.consent import challenge_of, code_exchange, consent_address, verifier_make
from syncing.grants import connection_restore
from syncing.providers.addresses import ProviderAddresses
from syncing.providers.tokens import Token
from syncing.providers.wire import ProviderError
from syncing.proving import access_prove, is_account_of
from syncing.reports import PassResult
from tests.syncing.rig import ADA, BEN, Rig

BACK = "http://127.0.0.1:8000/link/callback"
VERIFIER = verifier_make()
both = pytest.mark.parametrize("provider", list(Provider))


def credential_of(rig: Rig, provider: Provider) -> OrganizationCredential:
    organization = rig.people[ADA].organization
    return OrganizationCredential.objects.get(organization=organization, provider=provider)


def asked(rig: Rig, provider: Provider, **changes: Any) -> str:
    values = {
        "provider": provider,
        "client_id": credential_of(rig, provider).client_id,
        "redirect_uri": BACK,
        "state": "the state",
        "challenge": challenge_of(VERIFIER),
        "login_hint": ADA,
        "addresses": rig.providers.addresses,
    }
    return consent_address(**(values | changes))


def allowed(address: str, account: str = ADA, decision: str = "allow") -> dict[str, str]:
    """What a browser that goes to an address and decides comes back with."""
    form = {"account": account, "decision": decision}
    with requests.Session() as browser:
        browser.trust_env = False
        assert browser.get(address).status_code == 200
        answer = browser.post(address, data=form, allow_redirects=False)
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def exchange(rig: Rig, provider: Provider, code: str, **changes: Any) -> Token:
    values = {
        "provider": provider,
        "credential": credential_of(rig, provider),
        "code": code,
        "verifier": VERIFIER,
        "redirect_uri": BACK,
        "addresses": rig.providers.addresses,
        "now": rig.clock(),
    }
    with rig.providers.transport() as transport:
        return code_exchange(transport=transport, **(values | changes))


@both
def test_a_consent_connects_and_syncs(rig: Rig, provider: Provider) -> None:
    person = rig.people[ADA]
    code = allowed(asked(rig, provider))["code"]
    token = exchange(rig, provider, code)
    with rig.providers.transport() as transport:
        account = access_prove(
            provider=provider,
            token=token,
            addresses=rig.providers.addresses,
            transport=transport,
        )
    assert account.name == ADA
    assert is_account_of(person, provider, account)
    connection_restore(
        person=person,
        provider=provider,
        grant=Grant.REFRESH_TOKEN,
        token=token,
        account=account,
        now=rig.clock(),
    )
    rig.clock.advance(hours=3)
    rig.simulator.log.clear()
    assert rig.sync().result is PassResult.SUCCESS
    assert f"{provider}.token" in rig.operations(), "by the refresh token"


@both
def test_the_consent_of_another_account_is_known_as_such(rig: Rig, provider: Provider) -> None:
    token = exchange(rig, provider, allowed(asked(rig, provider), account=BEN)["code"])
    with rig.providers.transport() as transport:
        account = access_prove(
            provider=provider,
            token=token,
            addresses=rig.providers.addresses,
            transport=transport,
        )
    assert account.name == BEN
    assert not is_account_of(rig.people[ADA], provider, account)


@both
def test_the_address_names_state_challenge_and_account(rig: Rig, provider: Provider) -> None:
    values = dict(parse_qsl(urlsplit(asked(rig, provider)).query))
    assert values["state"] == "the state"
    assert values["code_challenge_method"] == "S256"
    assert values["login_hint"] == ADA
    assert "login_hint" not in asked(rig, provider, login_hint="")
    assert allowed(asked(rig, provider))["state"] == "the state"


def test_the_vendors_own_addresses_are_the_default() -> None:
    addresses = ProviderAddresses()
    assert addresses.google_authorize_url == "https://accounts.google.com/o/oauth2/v2/auth"
    assert addresses.salesforce_authorize_url == (
        "https://login.salesforce.com/services/oauth2/authorize"
    )


@both
def test_a_denial_comes_back_with_the_state(rig: Rig, provider: Provider) -> None:
    answer = allowed(asked(rig, provider), decision="deny")
    assert answer["error"] == "access_denied"
    assert answer["state"] == "the state"


@both
@pytest.mark.parametrize(
    "changes",
    [{"verifier": verifier_make()}, {"redirect_uri": BACK + "x"}, {"code": "4/0nonsense"}],
)
def test_what_does_not_belong_together_is_refused(
    rig: Rig, provider: Provider, changes: dict[str, str]
) -> None:
    code = allowed(asked(rig, provider))["code"]
    with pytest.raises(ProviderError) as caught:
        exchange(rig, provider, **({"code": code} | changes))
    assert caught.value.status == 400
    for secret in (code, VERIFIER, *changes.values()):
        assert secret not in repr(caught.value.raw)
        assert secret not in str(caught.value)


@both
def test_a_code_is_not_good_twice(rig: Rig, provider: Provider) -> None:
    code = allowed(asked(rig, provider))["code"]
    exchange(rig, provider, code)
    with pytest.raises(ProviderError, match="invalid_grant"):
        exchange(rig, provider, code)


@pytest.mark.parametrize(
    ("left_out", "name"), [("prompt", "ConsentNotLasting"), ("scope", "CalendarNotAllowed")]
)
def test_a_consent_that_is_of_no_use_is_an_error(rig: Rig, left_out: str, name: str) -> None:
    parts = urlsplit(asked(rig, Provider.GOOGLE))
    kept = [part for part in parts.query.split("&") if not part.startswith(left_out)]
    code = allowed(parts._replace(query="&".join(kept)).geturl())["code"]
    with pytest.raises(ProviderError, match=name):
        exchange(rig, Provider.GOOGLE, code)


def test_a_credential_that_cant_be_read_is_told_and_nothing_is_sent(rig: Rig) -> None:
    credential = credential_of(rig, Provider.GOOGLE)
    credential.secret = encrypt(json.dumps({"web": 3}))
    with pytest.raises(ProviderError, match="credential_unusable"):
        exchange(rig, Provider.GOOGLE, "code", credential=credential)
    assert not rig.operations()


def test_verifiers_are_long_and_never_the_same() -> None:
    made = {verifier_make() for _ in range(50)}
    assert len(made) == 50
    assert {len(each) for each in made} == {86}


@given(st.text("ab-._~é ", max_size=140))
def test_only_a_verifier_of_the_right_form_has_a_challenge(text: str) -> None:
    right = 43 <= len(text) <= 128 and text.isascii() and " " not in text
    if right:
        assert len(challenge_of(text)) == 43
    else:
        with pytest.raises(ValueError, match="43 to 128"):
            challenge_of(text)
