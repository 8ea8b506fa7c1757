from __future__ import annotations

import json
import logging
import logging.config
from collections.abc import Iterator

import pytest
import structlog
from django.conf import settings
from django.core.signing import Signer
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings

from accounts.models import Person
from monitoring.actions.links import person_token
from monitoring.alerts.models import Recipient
from monitoring.alerts.tickets import token_of
from synccenter.logs import logging_configuration, secrets_hidden
from tests.factories import NOW, make_organization
from tests.monitoring.alerts.routing_makers import make_recipient
from tests.monitoring.console.alert_makers import make_alert


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()
    logging.config.dictConfig(settings.LOGGING)
    logging_configuration(level="INFO", as_json=False)


def set_up(*, as_json: bool) -> None:
    logging.config.dictConfig(logging_configuration(level="INFO", as_json=as_json))


def test_both_kinds_of_loggers_end_in_json_lines(capsys: pytest.CaptureFixture) -> None:
    set_up(as_json=True)
    structlog.get_logger("ours").warning("database_away", tries=3)
    logging.getLogger("theirs").warning("something %s", "happened")
    ours, theirs = map(json.loads, capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["tries"], ours["level"]) == ("database_away", 3, "warning")
    assert (theirs["event"], theirs["logger"]) == ("something happened", "theirs")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_shows_no_values_of_variables(
    as_json: bool, capsys: pytest.CaptureFixture
) -> None:
    set_up(as_json=as_json)
    token = "".join(["sec", "ret", "-token"])
    try:
        int(f"{len(token)}x")
    except ValueError:
        logging.getLogger("theirs").exception("it broke")
    printed = capsys.readouterr().err
    assert "ValueError" in printed
    assert token not in printed


@pytest.mark.parametrize("as_json", [True, False])
def test_no_secret_is_in_the_text_of_an_exception(
    as_json: bool, capsys: pytest.CaptureFixture
) -> None:
    set_up(as_json=as_json)
    token, code = person_token(Person(pk=7, email="ada@acme.example"), NOW), "4/P7q7W91"
    try:
        raise ValueError(
            f'no "https://sync.example/me/{token}", "/link/{token}" or ?code={code}&x=1'
        )
    except ValueError:
        logging.getLogger("theirs").exception("it broke", extra={"where": f"/me/{token}/"})
    structlog.get_logger("ours").warning("refused", path=f"/link/{token}/", query=f"?state={code}")
    printed = capsys.readouterr().err
    assert token not in printed
    assert code not in printed
    assert "/me/(hidden)" in printed
    assert "?code=(hidden)&x=1" in printed
    if as_json:
        broke, refused = map(json.loads, printed.splitlines())
        assert '"https://sync.example/me/(hidden)", "/link/(hidden)" or' in broke["exception"]
        assert (refused["path"], refused["query"]) == ("/link/(hidden)/", "?state=(hidden)")


def test_a_signed_address_that_is_refused_is_not_logged(
    client: Client, db: None, capsys: pytest.CaptureFixture
) -> None:
    set_up(as_json=True)
    token = person_token(Person(pk=7), NOW)
    client.get(f"/me/{token}/pause")
    client.get(f"/link/{token}/")
    client.get("/link/google/callback?state=x")
    printed = capsys.readouterr().err
    assert "Method Not Allowed" in printed
    assert "/me/(hidden)/pause" in printed
    assert "/link/(hidden)/" in printed
    assert "/link/google/callback" in printed
    assert token not in printed


@pytest.fixture
def recipient(db: None) -> Recipient:
    return make_recipient(make_organization())


@pytest.mark.parametrize("as_json", [True, False])
def test_a_link_in_a_mail_that_is_refused_is_not_logged(
    recipient: Recipient, settings: Settings, as_json: bool, capsys: pytest.CaptureFixture
) -> None:
    set_up(as_json=as_json)
    settings.ACCOUNT_RATE_LIMITS = {"alert_ticket": "1/h/key", "unsubscribe": "1/h/key"}
    alert = make_alert(recipient.organization)
    tokens = {
        "alert": token_of("acknowledge", alert.pk, recipient.pk),
        "unsubscribe": token_of("unsubscribe", recipient.pk),
        "digest": token_of("digest", recipient.pk),
    }
    client, checking = Client(), Client(enforce_csrf_checks=True)
    for place, token in tokens.items():
        for _ in range(2):
            client.post(f"/{place}/{token}/")
        client.put(f"/{place}/{token}/")
        client.get(f"/{place}/{token}x/")
    checking.post(f"/alert/{tokens['alert']}/")
    printed = capsys.readouterr().err
    for said in ("Not Found", "Too Many Requests", "Forbidden (CSRF", "Method Not Allowed"):
        assert said in printed
    for place, token in tokens.items():
        assert f"/{place}/(hidden)/" in printed
        assert token not in printed


def test_a_link_in_a_mail_is_not_logged_where_its_page_breaks(
    recipient: Recipient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    set_up(as_json=True)
    token = token_of("unsubscribe", recipient.pk)
    monkeypatch.setattr("monitoring.console.unsubscribe.read_unsubscribe", int)
    Client(raise_request_exception=False).get(f"/unsubscribe/{token}/")
    broke = next(map(json.loads, capsys.readouterr().err.splitlines()))
    assert broke["event"] == "Internal Server Error: /unsubscribe/(hidden)/"
    assert "ValueError" in broke["exception"]
    assert token.rpartition(".")[2] not in str(broke)


def signed_routes(resolver: URLResolver, before: str = "/") -> Iterator[str]:
    """Yield the routes of all addresses that hold a token."""
    for each in resolver.url_patterns:
        route = before + str(each.pattern)
        if isinstance(each, URLPattern):
            if "<str:token>" in route:
                yield route
        else:
            yield from signed_routes(each, route)


def test_no_address_with_a_token_is_logged_whatever_the_token() -> None:
    routes = list(signed_routes(get_resolver()))
    assert len(routes) > 5
    for route in routes:
        address = route.replace("<str:token>", "token1234")
        assert "(hidden)" in secrets_hidden(None, "", f"Not Found: {address}")
        assert "token1234" not in secrets_hidden(None, "", f"Not Found: {address}")


def test_no_signature_is_logged_wherever_it_stands() -> None:
    for separator in (".", ":"):
        token = Signer(sep=separator).sign("7-9")
        line = f'GET "/to/come/{token}/pause?x=1" from /usr/lib/python3/threading.py: {token!r}'
        hidden = secrets_hidden(None, "", line)
        assert hidden == line.replace(token, f"7-9{separator}(hidden)")


def test_the_addresses_of_the_console_are_logged() -> None:
    for line in (
        "Not Found: /o/acme/alerts/7/acknowledge",
        "Forbidden: /alerts/routes/new/",
        "Method Not Allowed: /me/asked/",
    ):
        assert secrets_hidden(None, "", line) == line
