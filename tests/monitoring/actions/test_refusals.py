"""Why an access was refused: held against what the vendors really answer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.actions.refusal_places import CASES, PLACES
from monitoring.actions.refusals import LONGEST, STEP, refusal_of
from monitoring.errors.interpretation import built_in_definitions
from syncing.reports import RawError
from tests.monitoring.errors.samples import BEYOND_ONE_PAYLOAD, raw_of, samples

PROVIDERS = ("google", "salesforce")
ABOUT_TOKENS = ("invalid_grant", "unauthorized_client", "invalid_client", "oauth2/token", "/token")
OF_TOKENS = [
    sample
    for sample in samples()
    if sample["channel"] == "oauth-json" or any(word in sample["body"] for word in ABOUT_TOKENS)
]


def oauth(provider: str, error: str, description: str = "", status: int = 400) -> RawError:
    body = f'{{"error": "{error}", "error_description": "{description}"}}'
    return RawError(provider, "oauth-json", status, {}, body, f"{provider}.token")


def own(name: str) -> RawError:
    return RawError("google", "exception-text", None, {}, f"synccenter.{name}: words")


@pytest.mark.parametrize("sample", OF_TOKENS, ids=lambda sample: sample["id"])
def test_what_token_endpoints_really_answer_is_explained(sample: dict[str, Any]) -> None:
    truth = BEYOND_ONE_PAYLOAD.get(sample["id"], sample["truth"])
    for minted in (True, False):
        refusal = refusal_of(sample["provider"], raw_of(sample), minted=minted)
        unclear = refusal.code == "no_reason_given"
        assert refusal.temporary == (unclear or truth in {"transient", "unknown"})
        assert refusal.title
        assert refusal.meaning
        assert refusal.next_step.endswith(".")
        if truth == "needs_admin":
            assert refusal.place, "an admin is told where"
        if truth == "transient":
            assert refusal.next_step.startswith("Try again")


# Provider, error, description; the code it is given; a part of the place.
MINTED = [
    tuple(part.strip() for part in line.split("|"))
    for line in """
google     | unauthorized_client | Client is unauthorized to       | scope_not_delegated | API controls
google     | unauthorized_client | or client not authorized        | scope_not_delegated | Domain-wide
google     | invalid_grant       | Invalid email or User ID        | no_such_account     | Directory
google     | invalid_grant       | Account has been deleted        | account_gone        | Directory
google     | invalid_grant       | Invalid JWT Signature.          | key_wrong           | Service Acc
google     | invalid_grant       | Check your iat and exp values   | google-clock-wrong  | clock
google     | invalid_client      | The OAuth client was not found. | google-app-broken   | Clients
google     | admin_policy_enforced | restricted                    | google-admin-policy | App access
salesforce | invalid_grant | user hasn't approved this consumer | app_not_approved     | Permitted
salesforce | invalid_client | app must be installed into org    | app_not_installed    | Install
salesforce | OAUTH_APP_BLOCKED | this app is blocked by admin   | app_blocked          | Unblock
salesforce | invalid_grant | inactive user                      | user_inactive        | Active
salesforce | invalid_grant | authentication failure             | user_frozen          | Unfreeze
salesforce | invalid_grant | invalid assertion                  | key_wrong            | signatures
salesforce | invalid_grant | Audience validation failed         | login_address_wrong  | LOGIN_URL
salesforce | invalid_grant | expired authorization code         | clock_wrong          | clock
salesforce | invalid_client_id | client identifier invalid      | salesforce-app-unknown | Consumer
salesforce | invalid_grant | ip restricted           | salesforce-address-not-allowed | Network Access
salesforce | invalid_grant | invalid login hours                | salesforce-login-hours | Login Hours
""".strip().splitlines()  # noqa: E501 - a table
]


@pytest.mark.parametrize(("provider", "error", "description", "code", "place"), MINTED)
def test_a_refused_app_is_explained_with_its_place(
    provider: str, error: str, description: str, code: str, place: str
) -> None:
    refusal = refusal_of(provider, oauth(provider, error, description), minted=True)
    assert refusal.code == code
    assert place in refusal.place
    assert STEP in refusal.place or refusal.place.startswith("The machine")
    assert not refusal.temporary
    assert refusal.sentence.startswith(refusal.title)
    assert refusal.place[:20] in refusal.sentence


def test_a_no_without_a_reason_is_no_persons_fault() -> None:
    """One such answer decides nothing: whoever asks again in a while may be given access."""
    for description in ("Bad Request", ""):
        refusal = refusal_of("google", oauth("google", "invalid_grant", description), minted=True)
        assert refusal.code == "no_reason_given"
        assert refusal.temporary
        assert refusal.next_step.startswith("Try again in a few minutes.")
        assert "OAuth log" in refusal.place


def test_a_persons_own_consent_that_ended_is_told_as_such() -> None:
    for provider, words in (
        ("google", "Token has been expired or revoked."),
        ("salesforce", "expired access/refresh token"),
        ("salesforce", "expired authorization code"),
    ):
        refusal = refusal_of(provider, oauth(provider, "invalid_grant", words))
        assert refusal.code == f"{provider}-access-revoked"
        assert "reconnect" in refusal.next_step


def test_a_person_who_said_no_is_told_as_such() -> None:
    for provider in PROVIDERS:
        refusal = refusal_of(provider, oauth(provider, "access_denied"))
        assert "did not allow" in refusal.title


@pytest.mark.parametrize(
    "name",
    ["UsernameMissing", "CalendarNotAllowed", "ConsentNotLasting", "WrongAccount", "NoCredential"],
)
def test_what_we_found_ourselves_is_explained(name: str) -> None:
    refusal = refusal_of("google", own(name))
    assert refusal.code.replace("_", "") == name.lower()
    assert not refusal.temporary


def test_a_wait_the_provider_asked_for_is_named() -> None:
    error = RawError("google", "html", 503, {"Retry-After": "90"}, "<html>Down</html>")
    refusal = refusal_of("google", error, minted=True)
    assert refusal.next_step == "Try again in 2 minutes."
    assert refusal.title.startswith("Google could not be asked just now: ")
    assert "nobody's access was refused" in refusal.meaning


def test_a_network_that_is_down_is_told_of_the_provider_that_was_asked() -> None:
    error = RawError("network", "exception-text", None, {}, "TimeoutError: timed out")
    refusal = refusal_of("salesforce", error, minted=True)
    assert refusal.temporary
    assert refusal.title.startswith("Salesforce")


def test_each_place_is_of_a_rule_that_exists() -> None:
    known = built_in_definitions().keys()
    assert PLACES.keys() <= known
    assert all(case.rules <= known for case in CASES)
    assert all(len(case.code) <= 40 for case in CASES)


text = st.text(max_size=60)


@given(
    st.sampled_from([*PROVIDERS, "network", ""]),
    st.builds(
        RawError,
        st.sampled_from([*PROVIDERS, "network", "x"]),
        st.sampled_from(["http-json", "oauth-json", "soap-fault", "html", "exception-text", ""]),
        st.none() | st.integers(-1, 700),
        st.dictionaries(st.sampled_from(["Retry-After", "Date"]), text, max_size=2),
        text | st.sampled_from([sample["body"] for sample in OF_TOKENS]),
        text,
    ),
    st.booleans(),
)
def test_any_error_gets_an_explanation(provider: str, error: RawError, minted: bool) -> None:
    refusal = refusal_of(provider, error, minted=minted)
    assert refusal.code
    assert len(refusal.code) <= 40
    assert refusal.title
    assert refusal.next_step
    assert len(refusal.sentence) <= LONGEST
