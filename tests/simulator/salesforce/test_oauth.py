from __future__ import annotations

import jwt
import pytest
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed

from simulator.keys import generate_key_pair
from tests.simulator import clients
from tests.simulator.conftest import ADA, BEN, EVE

TOKEN = "/services/oauth2/token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
NOT_APPROVED = "user hasn't approved this consumer"


@pytest.fixture
def session(simulator):
    with clients.salesforce_session(simulator) as made:
        yield made


@pytest.fixture
def log_in(simulator, world, session):
    """Log in with the JWT bearer flow of the real client."""

    def run(email=ADA, **settings):
        app = world.client_settings("acme")["salesforce"]
        given = {
            "username": email,
            "consumer_key": app["consumer_key"],
            "privatekey": app["private_key"],
            "session": session,
        }
        return Salesforce(**(given | settings))

    return run


@pytest.fixture
def refused(log_in):
    def meet(**settings):
        with pytest.raises(SalesforceAuthenticationFailed) as caught:
            log_in(**settings)
        return caught.value.code, caught.value.auth_message

    return meet


@pytest.fixture
def assertion(world):
    def make(key=None, **claims):
        standard = {
            "iss": world.organization("acme").consumer_key,
            "sub": ADA,
            "aud": "https://login.salesforce.com",
            "exp": int(world.now().timestamp()) + 180,
        }
        key = key or world.key_pair.private_key
        return jwt.encode(standard | claims, key, algorithm="RS256")

    return make


@pytest.fixture
def ask(session):
    def post(host="login.salesforce.com", path=TOKEN, **form):
        return session.post(f"https://{host}{path}", data=form)

    return post


def test_the_real_client_logs_in_by_jwt(log_in, simulator):
    client = log_in()
    assert client.sf_instance == "acme.my.salesforce.com"
    assert client.query("SELECT Id FROM Event")["totalSize"] == 0
    assert [entry.person for entry in simulator.requests] == [ADA, ADA]


def test_the_token_request_may_go_to_my_domain(log_in, simulator):
    log_in(instance_url="acme.my", domain="login")
    assert simulator.requests[0].organization == "acme"


def test_a_token_answer_has_all_that_salesforce_sends(simulator):
    body = clients.salesforce_tokens(simulator, ADA)
    assert body.keys() == {
        *("access_token", "instance_url", "id", "token_type", "issued_at", "signature", "scope"),
    }
    assert body["instance_url"] == "https://acme.my.salesforce.com"


def test_a_person_not_preauthorized_has_not_approved(refused, world):
    world.salesforce_set_user(ADA, preauthorized=False)
    with pytest.warns(UserWarning, match="authorize"):
        assert refused() == ("invalid_grant", NOT_APPROVED)


def test_an_unknown_user_has_not_approved(refused):
    with pytest.warns(UserWarning, match="authorize"):
        assert refused(email="nobody@acme.example") == ("invalid_grant", NOT_APPROVED)


def test_a_user_of_another_organization_has_not_approved(refused):
    with pytest.warns(UserWarning, match="authorize"):
        assert refused(email=EVE) == ("invalid_grant", NOT_APPROVED)


def test_an_inactive_user_is_told_as_such(refused, world):
    world.salesforce_set_user(ADA, active=False)
    assert refused() == ("invalid_grant", "inactive user")


def test_a_frozen_user_fails_to_authenticate(refused, world):
    world.salesforce_set_user(ADA, frozen=True)
    assert refused() == ("invalid_grant", "authentication failure")


def test_an_inactive_organization_lets_nobody_in(refused, world):
    world.organization("acme").inactive = True
    assert refused()[0] == "inactive_org"


def test_the_wrong_login_host_fails(refused):
    assert refused(domain="test") == ("invalid_grant", "Audience validation failed")


def test_a_sandbox_logs_in_at_test(log_in, world, refused):
    world.organization("acme").sandbox = True
    assert log_in(domain="test").sf_instance == "acme.my.salesforce.com"
    assert refused()[0] == "invalid_grant"


@pytest.mark.parametrize(
    "audience", ["https://acme.my.salesforce.com", "https://login.salesforce.com/"]
)
def test_my_domain_is_an_audience_too(audience, ask, assertion):
    answer = ask(grant_type=JWT_BEARER, assertion=assertion(aud=audience))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("claims", "error", "description"),
    [
        ({"aud": "https://globex.my.salesforce.com"}, "invalid_grant", "Audience validation"),
        ({"iss": "3MVG9unknown"}, "invalid_client_id", "client identifier invalid"),
        ({"exp": 1}, "invalid_grant", "expired authorization code"),
        ({"exp": "1"}, "invalid_grant", "expired authorization code"),
        ({"exp": "soon"}, "invalid_grant", "invalid assertion"),
    ],
)
def test_a_wrong_claim_is_refused(claims, error, description, ask, assertion):
    answer = ask(grant_type=JWT_BEARER, assertion=assertion(**claims))
    assert answer.status_code == 400
    assert answer.json()["error"] == error
    assert description in answer.json()["error_description"]


def test_a_foreign_signature_is_refused(ask, assertion):
    foreign = assertion(generate_key_pair().private_key)
    answer = ask(grant_type=JWT_BEARER, assertion=foreign)
    assert answer.json()["error_description"] == "invalid assertion"


def test_my_domain_of_others_does_not_serve(ask, assertion):
    answer = ask("globex.my.salesforce.com", grant_type=JWT_BEARER, assertion=assertion())
    assert answer.json() == {
        "error": "invalid_grant",
        "error_description": "authentication failure",
    }


def test_a_refresh_token_dies_with_its_revocation(ask, world):
    app = world.client_settings("acme")
    form = {
        "grant_type": "refresh_token",
        "client_id": app["salesforce"]["consumer_key"],
        "refresh_token": app["people"][0]["salesforce_refresh_token"],
    }
    assert ask(**form).status_code == 200
    assert ask(**form, client_secret="wrong").status_code == 401
    world.salesforce_revoke(ADA)
    refused = ask(**form)
    assert refused.status_code == 400
    assert refused.json()["error_description"] == "expired access/refresh token"
    fresh = world.salesforce_grant(ADA)
    assert ask(**(form | {"refresh_token": fresh})).status_code == 200


def test_a_google_token_does_not_refresh_here(ask, world):
    app = world.client_settings("acme")
    answer = ask(
        grant_type="refresh_token",
        client_id=app["salesforce"]["consumer_key"],
        refresh_token=app["people"][0]["google_refresh_token"],
    )
    assert answer.status_code == 400


def test_an_unknown_grant_type_is_refused(ask):
    assert ask(grant_type="password").json()["error"] == "unsupported_grant_type"


def test_introspection_tells_of_a_session_until_it_is_revoked(ask, simulator, world):
    token = clients.salesforce_tokens(simulator, ADA)["access_token"]
    app = world.client_settings("acme")["salesforce"]
    client = {"client_id": app["consumer_key"], "client_secret": app["consumer_secret"]}
    introspect = "/services/oauth2/introspect"
    shown = ask(path=introspect, token=token, **client).json()
    assert (shown["active"], shown["username"]) == (True, ADA)
    assert ask(path="/services/oauth2/revoke", token=token).status_code == 200
    assert ask(path=introspect, token=token, **client).json() == {"active": False}
    assert ask(path=introspect, token=token, client_id="x").status_code == 400


def test_revoking_a_refresh_token_ends_its_sessions(ask, simulator, world, ada_salesforce, refusal):
    token = world.client_settings("acme")["people"][0]["salesforce_refresh_token"]
    assert ask(path="/services/oauth2/revoke", token=token).status_code == 200
    assert refusal(ada_salesforce.limits) == (401, "INVALID_SESSION_ID")
    again = ask(path="/services/oauth2/revoke", token=token)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_token")


def test_userinfo_tells_whose_session_it_is(ada_salesforce, world):
    body = ada_salesforce.oauth2("userinfo")
    assert body["preferred_username"] == ADA
    assert body["organization_id"] == world.organization("acme").salesforce_id


def test_userinfo_without_a_session_is_refused(session):
    answer = session.get("https://acme.my.salesforce.com/services/oauth2/userinfo")
    assert answer.status_code == 401


def test_a_session_ends_with_time_and_is_kept_up_by_use(ada_salesforce, world, refusal):
    for hour in (1.5, 3.0, 4.5):
        world.set_clock_offset(3600 * hour)
        ada_salesforce.limits()
    world.set_clock_offset(3600 * 7)
    assert refusal(ada_salesforce.limits) == (401, "INVALID_SESSION_ID")


@pytest.mark.parametrize("change", [{"active": False}, {"frozen": True}])
def test_a_session_ends_with_its_user(change, ada_salesforce, world, refusal):
    world.salesforce_set_user(ADA, **change)
    assert refusal(ada_salesforce.limits) == (401, "INVALID_SESSION_ID")
    world.salesforce_set_user(ADA, active=True, frozen=False)
    assert refusal(ada_salesforce.limits) == (401, "INVALID_SESSION_ID")


def test_a_session_belongs_to_one_organization(simulator, session):
    token = clients.salesforce_tokens(simulator, BEN)["access_token"]
    url = "https://globex.my.salesforce.com/services/data/v59.0/limits/"
    answer = session.get(url, headers={"Authorization": f"Bearer {token}"})
    assert answer.json()[0]["errorCode"] == "INVALID_SESSION_ID"


def test_google_and_salesforce_tokens_do_not_mix(simulator, session, raw, ada_calendar):
    token = clients.salesforce_tokens(simulator, ADA)["access_token"]
    url = simulator.base_url + "/calendar/v3/calendars/primary/events"
    assert raw.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 401
    ada_calendar.events().list(calendarId="primary").execute()
    google = next(iter(simulator.world.tokens.matching(provider="google"))).token
    url = "https://acme.my.salesforce.com/services/data/v59.0/limits/"
    assert session.get(url, headers={"Authorization": f"Bearer {google}"}).status_code == 401
