from __future__ import annotations

import google.auth.exceptions
import jwt
import pytest
from google.auth.transport.requests import Request

from simulator.keys import generate_key_pair
from tests.simulator import clients
from tests.simulator.conftest import ADA, EVE

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCE = "https://oauth2.googleapis.com/token"


@pytest.fixture
def transport(raw):
    return Request(session=raw)


@pytest.fixture
def refused(transport):
    """The error body with which the token endpoint refuses credentials."""

    def refuse(credentials):
        with pytest.raises(google.auth.exceptions.RefreshError) as caught:
            credentials.refresh(transport)
        return caught.value.args[1]

    return refuse


@pytest.fixture
def assertion(simulator, world):
    """A signed assertion for Ada, with claims to override and a key of choice."""

    def make(key=None, **claims):
        now = int(world.now().timestamp())
        organization = world.organization("acme")
        standard = {
            "iss": organization.service_account_email,
            "sub": ADA,
            "scope": clients.CALENDAR,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 3600,
        }
        key = key or world.key_pair.private_key
        chosen = {name: value for name, value in (standard | claims).items() if value is not None}
        return jwt.encode(chosen, key, algorithm="RS256")

    return make


@pytest.fixture
def ask(simulator, raw):
    def post(**form):
        return raw.post(simulator.base_url + "/token", data=form)

    return post


def test_a_refresh_token_opens_the_calendar(ada_calendar):
    assert ada_calendar.events().list(calendarId="primary").execute()["items"] == []


def test_a_service_account_acts_for_a_person(simulator, calendar_of):
    credentials = clients.google_delegated_credentials(simulator, ADA)
    service = clients.calendar_service(simulator, credentials)
    assert service.calendars().get(calendarId="primary").execute()["id"] == ADA
    service.close()
    assert [entry.person for entry in simulator.requests] == [ADA, ADA]


def test_a_revoked_refresh_token_is_an_invalid_grant(simulator, world, refused):
    credentials = clients.google_user_credentials(simulator, ADA)
    world.google_revoke(ADA)
    assert refused(credentials) == {
        "error": "invalid_grant",
        "error_description": "Token has been expired or revoked.",
    }


def test_revoking_ends_access_tokens_too_and_a_new_grant_heals(
    simulator, world, ada_calendar, transport
):
    ada_calendar.events().list(calendarId="primary").execute()
    world.google_revoke(ADA)
    with pytest.raises(google.auth.exceptions.RefreshError):
        ada_calendar.events().list(calendarId="primary").execute()
    world.google_grant(ADA)
    fresh = clients.google_user_credentials(simulator, ADA)
    fresh.refresh(transport)
    assert fresh.valid


def test_a_token_can_be_revoked_over_http(simulator, refused, transport, raw):
    credentials = clients.google_user_credentials(simulator, ADA)
    credentials.refresh(transport)
    url = simulator.base_url + "/revoke"
    assert raw.post(url, data={"token": credentials.token}).status_code == 200
    assert refused(credentials)["error"] == "invalid_grant"
    again = raw.post(url, data={"token": credentials.refresh_token})
    assert (again.status_code, again.json()["error"]) == (400, "invalid_token")


def test_an_expired_access_token_is_refreshed_by_the_client(simulator, world, ada_calendar):
    ada_calendar.events().list(calendarId="primary").execute()
    assert world.expire_access_tokens(provider="google", person=ADA) == 1
    ada_calendar.events().list(calendarId="primary").execute()
    statuses = [(entry.operation, entry.status) for entry in simulator.requests]
    assert statuses[2:] == [
        ("google.events.list", 401),
        ("google.token", 200),
        ("google.events.list", 200),
    ]


def test_an_access_token_ends_by_itself(world, ada_calendar, simulator):
    ada_calendar.events().list(calendarId="primary").execute()
    world.set_clock_offset(3700)
    ada_calendar.events().list(calendarId="primary").execute()
    assert [entry.status for entry in simulator.requests][2] == 401


def test_a_delegated_person_must_exist(simulator, refused):
    credentials = clients.google_delegated_credentials(simulator, ADA, "nobody@acme.example")
    assert refused(credentials) == {
        "error": "invalid_grant",
        "error_description": "Invalid email or User ID",
    }


def test_a_deleted_account_is_told_as_such(simulator, world, refused):
    world.google_set_user(ADA, deleted=True)
    answer = refused(clients.google_delegated_credentials(simulator, ADA))
    assert answer["error_description"] == "The account has been deleted"
    assert refused(clients.google_user_credentials(simulator, ADA))["error"] == "invalid_grant"


@pytest.mark.parametrize("case", ["person", "scope", "other domain"])
def test_what_is_not_delegated_is_an_unauthorized_client(case, simulator, world, refused):
    settings = {}
    if case == "person":
        world.google_set_user(ADA, delegated=False)
    elif case == "scope":
        settings["scope"] = "https://www.googleapis.com/auth/gmail.send"
    else:
        settings["subject"] = EVE
    credentials = clients.google_delegated_credentials(simulator, ADA, **settings)
    assert refused(credentials)["error"] == "unauthorized_client"
    assert simulator.requests[-1].status == 401


def test_a_good_assertion_is_accepted(ask, assertion):
    answer = ask(grant_type=JWT_BEARER, assertion=assertion())
    assert answer.status_code == 200
    assert answer.json()["expires_in"] == 3599


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        ({"aud": "http://127.0.0.1/token"}, "Failed audience check"),
        ({"iss": "other@sync.example"}, "No valid verifier found for issuer"),
        ({"exp": 1}, "reasonable timeframe"),
        ({"exp": None}, "reasonable timeframe"),
        ({"iat": 2**33, "exp": 2**33 + 10}, "reasonable timeframe"),
        ({"exp": 2**33}, "reasonable timeframe"),
        ({"sub": "ada"}, "Not a valid email"),
    ],
)
def test_a_wrong_claim_is_refused(claims, text, ask, assertion):
    answer = ask(grant_type=JWT_BEARER, assertion=assertion(**claims))
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_grant"
    assert text in answer.json()["error_description"]


def test_a_foreign_signature_is_refused(ask, assertion):
    key = generate_key_pair().private_key
    answer = ask(grant_type=JWT_BEARER, assertion=assertion(key))
    assert answer.json()["error_description"] == "Invalid JWT Signature."


def test_text_that_is_no_assertion_is_refused(ask):
    answer = ask(grant_type=JWT_BEARER, assertion="not a token")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_the_oauth_client_must_be_known_and_right(ask, world):
    settings = world.client_settings("acme")
    token = settings["people"][0]["google_refresh_token"]
    known = settings["google"]["client_id"]
    form = {"grant_type": "refresh_token", "refresh_token": token}
    unknown = ask(**form, client_id="x", client_secret="y")
    assert (unknown.status_code, unknown.json()["error"]) == (401, "invalid_client")
    wrong = ask(**form, client_id=known, client_secret="y")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    other = world.client_settings("globex")["google"]
    foreign = ask(**form, client_id=other["client_id"], client_secret=other["client_secret"])
    assert (foreign.status_code, foreign.json()["error"]) == (401, "unauthorized_client")


def test_an_unknown_grant_type_is_refused(ask):
    assert ask(grant_type="password").json()["error"] == "unsupported_grant_type"


def test_a_token_of_one_scope_may_not_do_what_needs_another(simulator, world, raw):
    token = world.google_grant(ADA, ["https://www.googleapis.com/auth/calendar.readonly"])
    google = world.client_settings("acme", simulator.base_url)["google"]
    form = {"grant_type": "refresh_token", "refresh_token": token}
    form |= {"client_id": google["client_id"], "client_secret": google["client_secret"]}
    access = raw.post(google["token_url"], data=form).json()
    assert access["scope"].endswith("calendar.readonly")
    url = simulator.base_url + "/calendar/v3/calendars/primary/events"
    headers = {"Authorization": f"Bearer {access['access_token']}"}
    assert raw.get(url, headers=headers).status_code == 200
    refusal = raw.post(url, headers=headers, json={})
    assert refusal.status_code == 403
    assert refusal.json()["error"]["status"] == "PERMISSION_DENIED"
    assert "insufficient_scope" in refusal.headers["WWW-Authenticate"]


def test_a_request_without_a_good_token_is_refused(simulator, raw):
    url = simulator.base_url + "/calendar/v3/calendars/primary/events"
    assert raw.get(url).json()["error"]["errors"][0]["reason"] == "required"
    bad = raw.get(url, headers={"Authorization": "Bearer ya29.nonsense"})
    assert (bad.status_code, bad.json()["error"]["errors"][0]["reason"]) == (401, "authError")


def test_userinfo_tells_whose_token_it_is(simulator, raw, transport):
    credentials = clients.google_user_credentials(simulator, ADA)
    credentials.refresh(transport)
    headers = {"Authorization": f"Bearer {credentials.token}"}
    body = raw.get(simulator.base_url + "/oauth2/v3/userinfo", headers=headers).json()
    assert (body["email"], body["hd"]) == (ADA, "acme.example")


def test_organizations_may_share_one_app(world, simulator, transport):
    shared = world.organization("acme").google_client_id
    secret = world.organization("acme").google_client_secret
    world.add_organization("initech", google_client_id=shared, google_client_secret=secret)
    world.add_person("initech", "Peter", "peter@initech.example")
    credentials = clients.google_user_credentials(simulator, "peter@initech.example")
    credentials.refresh(transport)
    assert simulator.requests[-1].organization == "initech"
