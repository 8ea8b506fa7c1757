"""The consent pages of both vendors, and what becomes of a code."""

from __future__ import annotations

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from simulator.consent import is_verified
from simulator.running import SimulatorServer
from simulator.tokens import Code
from simulator.world import World
from tests.simulator.clients import CALENDAR
from tests.simulator.conftest import ADA, BEN, EVE, nine
from tests.simulator.consents import BACK, VERIFIER, Browser, answer_of, challenge_of

INVALID = "invalid_grant"


@pytest.fixture(params=["google", "salesforce"])
def browser(
    request: pytest.FixtureRequest, simulator: SimulatorServer, raw: requests.Session
) -> Browser:
    return Browser(simulator, request.param, raw)


@pytest.fixture
def google(simulator: SimulatorServer, raw: requests.Session) -> Browser:
    return Browser(simulator, "google", raw)


@pytest.fixture
def salesforce(simulator: SimulatorServer, raw: requests.Session) -> Browser:
    return Browser(simulator, "salesforce", raw)


def test_the_page_lists_the_organizations_accounts(browser: Browser) -> None:
    page = browser.show()
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert ADA in page.text
    assert BEN in page.text
    assert EVE not in page.text


def test_a_hint_preselects_the_account_and_tells_whose_request_it_is(
    browser: Browser, simulator: SimulatorServer
) -> None:
    page = browser.show(login_hint=BEN)
    assert f'<option value="{BEN}" selected>' in page.text
    assert page.text.count(" selected") == 1
    assert simulator.requests[-1].person == BEN


def test_allowing_sends_a_code_and_the_state_back(browser: Browser) -> None:
    answer = answer_of(browser.decide(ADA))
    assert answer.keys() == {"code", "state"}
    assert answer["state"] == "some state & more"


def test_denying_is_told_to_the_app(browser: Browser) -> None:
    answer = answer_of(browser.decide(ADA, "deny"))
    assert answer["error"] == "access_denied"
    assert answer["state"] == "some state & more"
    assert "code" not in answer


def test_a_state_nobody_gave_is_not_sent_back(browser: Browser) -> None:
    assert answer_of(browser.decide(ADA, state=None)).keys() == {"code"}


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody"},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": "javascript://127.0.0.1/"},
        {"redirect_uri": "http://127.0.0.1@evil.example/"},
        {"redirect_uri": "/link"},
        {"redirect_uri": None},
    ],
)
def test_an_address_that_is_not_registered_is_never_gone_to(
    browser: Browser, changes: dict[str, str | None]
) -> None:
    for response in (browser.show(**changes), browser.decide(ADA, **changes)):
        assert response.status_code == 400
        assert "Location" not in response.headers


def test_a_registered_address_elsewhere_is_gone_to(browser: Browser, world: World) -> None:
    there = "https://sync.example/link/callback?x=1"
    world.organization("acme").redirect_uris = (there,)
    response = browser.decide(ADA, redirect_uri=there)
    assert response.headers["Location"].startswith(there + "&code=")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
    ],
)
def test_what_is_asked_for_wrongly_is_sent_back(
    browser: Browser, changes: dict[str, str | None], error: str
) -> None:
    assert answer_of(browser.show(**changes))["error"] == error
    assert answer_of(browser.decide(ADA, **changes))["error"] == error


def test_nobody_of_another_organization_can_allow(browser: Browser) -> None:
    for account in (EVE, "nobody@acme.example", ""):
        response = browser.decide(account)
        assert response.status_code == 400
        assert "Choose an account." in response.text


def test_a_deleted_account_cant_sign_in_at_google(google: Browser, world: World) -> None:
    world.google_set_user(ADA, deleted=True)
    assert "find your Google Account" in google.decide(ADA).text


@pytest.mark.parametrize("change", [{"active": False}, {"frozen": True}])
def test_who_is_switched_off_cant_sign_in_at_salesforce(
    salesforce: Browser, world: World, change: dict[str, bool]
) -> None:
    world.salesforce_set_user(ADA, **change)
    assert "Contact your administrator" in salesforce.decide(ADA).text


def test_a_code_becomes_the_tokens_google_answers_with(google: Browser) -> None:
    answer = google.exchange(google.code(ADA)).json()
    assert list(answer) == ["access_token", "expires_in", "refresh_token", "scope", "token_type"]
    assert answer["scope"] == CALENDAR
    again = google.exchange("", grant_type="refresh_token", refresh_token=answer["refresh_token"])
    assert again.status_code == 200


def test_a_code_becomes_the_tokens_salesforce_answers_with(
    salesforce: Browser, world: World
) -> None:
    answer = salesforce.exchange(salesforce.code(ADA)).json()
    assert answer.keys() == {
        *("access_token", "refresh_token", "instance_url", "id", "signature", "issued_at"),
        *("token_type", "scope"),
    }
    assert answer["scope"] == "api refresh_token"
    user = world.person(ADA).salesforce
    assert user is not None
    assert answer["id"].endswith(f"/{user.id}")
    token = answer["refresh_token"]
    again = salesforce.exchange("", grant_type="refresh_token", refresh_token=token)
    assert again.status_code == 200


def test_a_code_is_good_once(browser: Browser) -> None:
    code = browser.code(ADA)
    assert browser.exchange(code).status_code == 200
    again = browser.exchange(code)
    assert (again.status_code, again.json()["error"]) == (400, INVALID)


def test_a_code_is_good_for_ten_minutes(browser: Browser, world: World) -> None:
    late, early = browser.code(ADA), browser.code(ADA)
    world.set_clock_offset(590)
    assert browser.exchange(early).status_code == 200
    world.set_clock_offset(610)
    assert browser.exchange(late).json()["error"] == INVALID


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": VERIFIER + "x"}, INVALID),
        ({"code_verifier": challenge_of(VERIFIER)}, INVALID),
        ({"code_verifier": ""}, INVALID),
        ({"code_verifier": None}, INVALID),
        ({"redirect_uri": BACK + "/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": None}, "redirect_uri_mismatch"),
    ],
)
def test_a_code_is_gone_after_a_wrong_try(
    browser: Browser, changes: dict[str, str | None], error: str
) -> None:
    code = browser.code(ADA)
    wrong = browser.exchange(code, **changes)
    assert (wrong.status_code, wrong.json()["error"]) == (400, error)
    assert browser.exchange(code).json()["error"] == INVALID


def test_a_code_belongs_to_its_app_and_provider(
    google: Browser, salesforce: Browser, world: World
) -> None:
    other = world.client_settings("globex")["google"]
    client = {"client_id": other["client_id"], "client_secret": other["client_secret"]}
    assert google.exchange(google.code(ADA), **client).json()["error"] == INVALID
    assert salesforce.exchange(google.code(ADA)).json()["error"] == INVALID
    assert google.exchange(google.code(ADA), client_secret="x").status_code == 401


def test_google_gives_a_refresh_token_for_offline_access_only(google: Browser) -> None:
    for changes in ({"access_type": None}, {"prompt": None}):
        answer = google.exchange(google.code(ADA, **changes)).json()
        assert "refresh_token" not in answer
        assert answer["scope"] == CALENDAR


def test_google_gives_a_refresh_token_to_who_has_none(google: Browser, world: World) -> None:
    world.google_revoke(ADA)
    assert "refresh_token" in google.exchange(google.code(ADA, prompt=None)).json()


def test_salesforce_gives_a_refresh_token_where_it_is_asked_for(salesforce: Browser) -> None:
    answer = salesforce.exchange(salesforce.code(ADA, scope="api")).json()
    assert "refresh_token" not in answer


def test_a_user_who_is_switched_off_between_code_and_exchange_gets_nothing(
    salesforce: Browser, world: World
) -> None:
    code = salesforce.code(ADA)
    world.salesforce_set_user(ADA, active=False)
    assert salesforce.exchange(code).json()["error_description"] == "inactive user"


def test_faults_hit_the_person_who_consents(browser: Browser, simulator: SimulatorServer) -> None:
    code = browser.code(ADA)
    simulator.plan_fault(operation=f"{browser.provider}.*", person=ADA, status=503)
    assert browser.show(login_hint=ADA).status_code == 503
    assert browser.decide(ADA).status_code == 503
    assert browser.exchange(code).status_code == 503
    assert browser.decide(BEN).status_code == 302


def test_neither_code_nor_verifier_stays_in_the_log(
    browser: Browser, simulator: SimulatorServer
) -> None:
    code = browser.code(ADA)
    browser.exchange(code)
    logged = repr(simulator.requests)
    assert code not in logged
    assert VERIFIER not in logged


def test_what_a_hint_says_does_not_become_html(browser: Browser, world: World) -> None:
    world.add_person("acme", "<b>Bold</b>", "bold@acme.example")
    page = browser.show(scope="<script>", login_hint="<i>")
    assert "<b>" not in page.text
    assert "<script>" not in page.text
    assert "<i>" not in page.text


@given(st.text("-._~aA0é+ ", max_size=140))
def test_only_the_right_verifier_fits_its_challenge(text: str) -> None:
    code = Code("c", "google", ADA, "app", BACK, challenge_of(VERIFIER), (), True, nine())
    assert is_verified(code, VERIFIER)
    assert is_verified(code, text) == (text == VERIFIER)
