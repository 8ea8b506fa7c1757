from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.mails import Mail
from monitoring.alerts.showing import mail_shown, secrets_cut_from
from tests.monitoring.alerts.makers import make_message

BASE = "https://console.acme.example"
cut = secrets_cut_from(BASE)
TOKENS = st.text("abcdefgXYZ0189-_:=", min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        (f"{BASE}/link/abc:def/", f"{BASE}/link/…"),
        (f"{BASE}/me/abc:def/pause?x=1", f"{BASE}/me/…"),
        (f"{BASE}/alert/abc.def/", f"{BASE}/alert/…"),
        (f"{BASE}/unsubscribe/abc.def/", f"{BASE}/unsubscribe/…"),
        (f"{BASE}/?token=abc", f"{BASE}/?…"),
        (f"{BASE}/abc:def", f"{BASE}/…"),
        (f"{BASE.upper()}/link/abc", f"{BASE.upper()}/link/…"),
        (f'<a href="{BASE}/me/abc">{BASE}/me/x</a>', f'<a href="{BASE}/me/…">{BASE}/me/…</a>'),
    ],
)
def test_of_a_link_that_opens_something_only_the_beginning_is_shown(link: str, shown: str) -> None:
    assert cut(f"Here: {link}\nThank you") == f"Here: {shown}\nThank you"


@pytest.mark.parametrize(
    "text",
    [
        f"{BASE}/o/acme/people/?status=stalled",
        f"{BASE}/alerts/7/",
        f"{BASE}/incidents/",
        "https://other.example/link/abc",
        BASE,
        f"{BASE}/",
    ],
)
def test_what_asks_for_a_sign_in_or_is_elsewhere_stays(text: str) -> None:
    assert cut(text) == text


@given(TOKENS, st.sampled_from(["link", "me", "stop", "acknowledge", ""]), st.booleans())
def test_no_secret_is_ever_shown(token: str, kind: str, as_query: bool) -> None:
    secret = f"~{token}~"
    address = f"{BASE}/{kind}?t={secret}" if as_query else f"{BASE}/{kind}/{secret}/go"
    shown = cut(f'<a href="{address}">{address}</a>')
    assert secret not in shown
    assert cut(shown) == shown


@pytest.mark.django_db
@pytest.mark.parametrize("shows_links", [False, True])
def test_a_demo_shows_them(settings: Any, shows_links: bool) -> None:
    settings.BASE_URL, settings.OUTBOX_SHOWS_LINKS = BASE, shows_links
    secret = f"{BASE}/link/secret/"
    message = make_message(mail=Mail("Hello", f"Open {secret}", f'<a href="{secret}">Open</a>'))
    settings.BASE_URL = "https://moved.example"
    mail = mail_shown(message)
    assert ("secret" in mail.text, "secret" in mail.html) == (shows_links, shows_links)
