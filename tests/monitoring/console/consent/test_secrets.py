"""What of a round is kept, where, and for how long."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.credentials import decrypt
from accounts.models import Person, Provider
from monitoring.actions.links import invitation_token
from monitoring.actions.models import Invitation
from monitoring.console import consent
from tests.factories import make_user
from tests.monitoring.console.consent.rounds import decided, link, started, state_in
from tests.syncing.rig import ADA

GOOGLE = Provider.GOOGLE


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
