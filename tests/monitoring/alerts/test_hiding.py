from __future__ import annotations

import html
from string import ascii_letters, digits
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.hiding import CUT, hidden

SECRETS = st.text(ascii_letters + digits + "-_.~é <&+", min_size=8, max_size=40)


@pytest.mark.parametrize(
    ("said", "address", "kept"),
    [
        ("Cannot POST /hooks/SECRETTOKEN", "https://x.example/hooks/SECRETTOKEN", "Cannot POST …"),
        ("no hook secrettoken here", "https://x.example/hooks/SECRETTOKEN", "no hook … here"),
        ("bad token=abc&x", "https://x.example/in?token=abc", "bad …&x"),
        ("GET /in?token=abc", "https://x.example/in?token=abc", "GET …"),
        ("no token abcdefgh", "https://x.example/in?token=abcdefgh", "no token …"),
        (r'{"path":"\/hooks\/T"}', "https://x.example/hooks/T", '{"path":"…"}'),
        ("/a b&amp;c is wrong", "https://x.example/a%20b&c", "… is wrong"),
        ("key integrationkey7", "pagerduty://integrationkey7@apikey", "key …"),
        ("no bot 12345:abcdefgh", "tgram://12345:abcdefgh/1", "no bot 12345:…"),
        ("x.example says no / yes", "https://x.example/", "x.example says no / yes"),
        ("x.example says no", "https://x.example", "x.example says no"),
        ("ok", "", "ok"),
    ],
)
def test_what_a_server_repeats_of_its_address_is_cut_out(
    said: str, address: str, kept: str
) -> None:
    assert hidden(said, address) == kept


@given(SECRETS, st.sampled_from(["path", "query", "token"]), st.booleans())
def test_no_secret_comes_through_however_it_is_written(
    secret: str, place: str, in_html: bool
) -> None:
    written = quote(secret, safe="")
    address = {
        "path": f"https://x.example/hooks/{written}",
        "query": f"https://x.example/in?key={written}",
        "token": f"slack://{written}/channel",
    }[place]
    for said in (secret, written):
        answer = html.escape(said) if in_html else said
        assert hidden(f"404 {answer}.", address) == f"404 {CUT}."
