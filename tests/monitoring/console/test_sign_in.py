from __future__ import annotations

import re

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from tests.factories import NOW, make_member, make_organization, make_user
from tests.monitoring.console.markup import markup, text

LOGIN = "/accounts/login/"
EMAIL, PASSWORD = "ada@acme.example", "a long secret"


@pytest.fixture(autouse=True)
def ada(db: None) -> None:
    cache.clear()
    make_member(make_organization(slug="acme"), user=make_user(email=EMAIL, password=PASSWORD))


def sign_in(client: Client, password: str = PASSWORD, **more: str) -> HttpResponse:
    return client.post(LOGIN, {"login": EMAIL, "password": password, **more})


def test_a_member_signs_in_and_sees_the_overview(client: Client) -> None:
    response = client.post(LOGIN, {"login": EMAIL, "password": PASSWORD}, follow=True)
    assert response.redirect_chain[-1] == ("/o/acme/", 302)
    assert response.status_code == 200
    assert list(response.context["messages"]) == []


def test_the_address_asked_for_is_shown_after_sign_in(client: Client) -> None:
    response = sign_in(client, next="/o/acme/people/?status=stalled")
    assert response.headers["Location"] == "/o/acme/people/?status=stalled"


def test_nobody_is_sent_to_another_site_after_sign_in(client: Client) -> None:
    assert sign_in(client, next="https://evil.example/").headers["Location"] == "/"


def test_a_wrong_password_is_refused_in_words(client: Client) -> None:
    response = sign_in(client, "wrong")
    assert response.status_code == 200
    assert "not correct" in text(response)
    assert "_auth_user_id" not in client.session


def test_guessing_is_slowed_down(client: Client) -> None:
    answers = [text(sign_in(client, f"guess {number}")) for number in range(7)]
    assert "not correct" in answers[0]
    assert "Too many failed login attempts" in answers[-1]


def test_guessing_stays_slowed_down_whatever_else_is_counted(client: Client) -> None:
    for number in range(6):
        sign_in(client, f"guess {number}")
    with connection.cursor() as cursor:
        # Asking for links to invented addresses makes entries like these.
        cursor.execute(
            "INSERT INTO cache SELECT ':1:asked ' || n, '', now() + interval '1 hour'"
            " FROM generate_series(1, 1000) AS n"
        )
    cache.set("another", True)
    assert "Too many failed login attempts" in text(sign_in(client))


def test_the_sign_in_page_offers_no_account_to_open(client: Client) -> None:
    assert not [link for link in markup(client.get(LOGIN)).links if "signup" in link]


def test_nobody_can_open_an_account(client: Client) -> None:
    form = {"email": "new@acme.example", "password1": "a very long secret"}
    response = client.post("/accounts/signup/", form)
    assert "Nobody can open an account here" in text(response)
    assert not get_user_model().objects.filter(email="new@acme.example").exists()


def test_signing_out_takes_a_post(client: Client) -> None:
    sign_in(client)
    assert client.get("/accounts/logout/").status_code == 200
    assert "_auth_user_id" in client.session
    client.post("/accounts/logout/")
    assert "_auth_user_id" not in client.session


def test_a_forgotten_password_is_set_anew_by_mail(client: Client) -> None:
    client.post("/accounts/password/reset/", {"email": EMAIL})
    (link,) = re.findall(r"http://testserver(/\S+)", mail.outbox[0].body)
    form_address = client.get(link).headers["Location"]
    passwords = {"password1": "quite another secret", "password2": "quite another secret"}
    client.post(form_address, passwords)
    assert sign_in(client, "quite another secret").status_code == 302


def test_a_second_factor_is_asked_for_once_set_up(client: Client) -> None:
    user = get_user_model().objects.get(email=EMAIL)
    secret = "JBSWY3DPEHPK3PXP"
    TOTP.activate(user, secret)
    assert sign_in(client).headers["Location"].startswith("/accounts/2fa/authenticate/")
    assert "_auth_user_id" not in client.session
    code = format_hotp_value(hotp_value(secret, int(NOW.timestamp()) // 30))
    page = client.get("/accounts/2fa/authenticate/")
    assert "Two-Factor Authentication" in text(page)
    client.post("/accounts/2fa/authenticate/", {"code": code})
    assert "_auth_user_id" in client.session
