from __future__ import annotations

import ast
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from monitoring.alerts.chat_plugins import (
    LONGEST_PAUSE,
    ChatRefusedError,
    chat_check,
    formats_of,
    plugin_class,
    plugin_of,
)
from monitoring.alerts.chat_services import BY_PLAIN_SCHEME, BY_SCHEME, SERVICES, Service
from monitoring.alerts.guarded_http import GuardedRequests
from tests.monitoring.alerts.web import Web

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general"
TEAMS = "workflows://prod-01.westus.logic.azure.com/643e69f83c8944438d68119179a10a64/signature"
# One whole address of each service.
ADDRESSES = {
    "Slack": SLACK,
    "Microsoft Teams": TEAMS,
    "Google Chat": "gchat://workspace/key123/token123",
    "Mattermost": "mmosts://chat.example.com/3ccdd113474722377935511fc85d3dd4",
    "Rocket.Chat": "rockets://aaaa/bbbb@chat.example.com/#general?mode=webhook",
    "Discord": "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    "Webex": "wxteams://" + "a" * 80,
    "Zulip": "zulip://botname@apprise/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/general",
    "Zoom": "zoom://abcDEF123/tokentoken",
    "Telegram": "tgram://123456789:abcdefg_hijklmnop/12315544/",
    "Matrix": "matrixs://user:token@chat.example.com?mode=slack&token=" + "a" * 64,
    "ntfy": "ntfys://ntfy.example.com/topic",
    "Gotify": "gotifys://gotify.example.com/abcdef123456",
    "Pushover": "pover://" + "u" * 30 + "@" + "a" * 30,
    "PagerDuty": "pagerduty://integration@apikey",
    "Opsgenie": "opsgenie://8b799edf-6f98-4d3a-9be7-2862fb4e5752",
    "ilert": "ilert://ilkey123",
    "incident.io": "incidentio://sourceid/tokentoken",
    "Squadcast": "squadcast://apikey123",
    "PagerTree": "pagertree://int_0123456789",
    "FireHydrant": "firehydrant://tokentokentokentoken",
    "Splunk On-Call": "splunk://routing@token-token",
}
# What else Apprise speaks: the machine it runs on, mail, other protocols, any web server.
ELSEWHERE = [
    "json://hooks.example/", "jsons://hooks.example/", "xml://hooks.example/", "xmls://x.example/",
    "form://hooks.example/", "forms://hooks.example/", "file:///etc/passwd", "syslog://",
    "rsyslog://localhost", "dbus://", "gnome://", "macosx://", "windows://", "glib://", "kde://",
    "qt://", "growl://localhost", "mailto://user:pass@example.com", "mailtos://a:b@example.com",
    "mqtt://localhost/topic", "mqtts://localhost/topic", "amqp://localhost", "irc://localhost",
    "xmpp://user:pass@localhost", "smpp://user:pass@localhost/1/2", "apprise://localhost/token",
    "apprises://localhost/token", "kodi://localhost", "emby://localhost", "hassio://localhost/t",
    "blink1://", "ses://a@b.example/c/d/e", "sns://a/b/c/12223334444", "https://hooks.example/",
    "http://127.0.0.1/", "javascript://x", "slack", "", "://", "slack:/x", "python://x",
]  # fmt: skip


def service_named(name: str) -> Service:
    return next(each for each in SERVICES if each.name == name)


@pytest.mark.parametrize("name", [each.name for each in SERVICES])
def test_each_service_is_known_by_its_address_and_its_calls_are_guarded(name: str) -> None:
    service, plugin = plugin_of(ADDRESSES[name])
    assert service.name == name
    module = sys.modules[type(plugin).__module__]
    assert isinstance(module.requests, GuardedRequests)
    assert plugin.verify_certificate is True
    assert plugin.redirects is False


def test_nothing_but_those_modules_is_changed() -> None:
    for service in SERVICES:
        plugin_class(service)
    assert "apprise.plugins.custom_json" not in sys.modules
    assert isinstance(requests.post, type(plugin_of))
    assert requests.Session().get_adapter("https://x").__class__.__module__ == "requests.adapters"


@pytest.mark.parametrize("url", ELSEWHERE)
def test_everything_else_that_apprise_speaks_is_refused(url: str) -> None:
    with pytest.raises(ChatRefusedError):
        chat_check(url)


@given(st.text(st.characters(categories=["L", "N", "P", "S"], max_codepoint=0x2FF), max_size=60))
def test_whatever_the_address_it_is_refused_or_of_a_service_that_is_allowed(text: str) -> None:
    for url in (text, f"https://{text}", f"slack://{text}", f"ntfys://{text}", f"tgram://{text}"):
        try:
            service, plugin = plugin_of(url)
        except ChatRefusedError:
            continue
        assert plugin.schema in service.schemes
        assert BY_SCHEME[plugin.schema] is service


def test_no_scheme_is_of_two_services() -> None:
    schemes = [scheme for service in SERVICES for scheme in service.schemes]
    assert len(schemes) == len(set(schemes)) == len(BY_SCHEME)
    assert not set(BY_PLAIN_SCHEME) & set(BY_SCHEME)


FORBIDDEN = {
    "socket", "ssl", "http", "urllib.request", "urllib3", "httpx", "aiohttp", "smtplib", "ftplib",
    "subprocess", "websocket", "websockets", "paho", "asyncio", "ctypes", "pickle", "importlib",
    "requests_oauthlib",
}  # fmt: skip


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_service_is_spoken_to_by_the_guarded_calls_alone(service: Service) -> None:
    """Its code imports nothing else that speaks to a network, and names `requests` as a whole."""
    module = sys.modules[plugin_class(service).__module__]
    package = module.__name__.count(".") > 2
    path = Path(str(module.__file__))
    for file in path.parent.glob("*.py") if package else [path]:
        for node in ast.walk(ast.parse(file.read_text())):
            imported = imported_by(node)
            assert not imported & FORBIDDEN, f"{file.name} imports {imported}"
            if isinstance(node, ast.ImportFrom):
                assert node.module != "requests", file.name


def imported_by(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        names = {each.name for each in node.names}
    elif isinstance(node, ast.ImportFrom) and not node.level:
        names = {str(node.module)} | {f"{node.module}.{each.name}" for each in node.names}
    else:
        return set()
    return names | {name.partition(".")[0] for name in names if name.partition(".")[0] != "urllib"}


def test_an_address_as_the_service_shows_it_is_understood() -> None:
    url = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    service, _ = plugin_of(url)
    assert service.name == "Slack"
    assert chat_check(url) == "Slack"


def test_what_is_shown_holds_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", at("93.184.216.34"))
    shown = {name: chat_check(url) for name, url in ADDRESSES.items()}
    assert shown["Mattermost"] == "Mattermost at chat.example.com"
    assert shown["Microsoft Teams"] == "Microsoft Teams at prod-01.westus.logic.azure.com"
    assert shown["Slack"] == "Slack"
    for name, said in shown.items():
        assert said == name or said.startswith(f"{name} at "), said
        for secret in ("TIiajkd", "3ccdd1", "token", "key", "aaaa", "JHMHI", "8b799"):
            assert secret not in said


def at(address: str) -> Any:
    answer = (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))
    return lambda *_, **__: [answer]


def test_a_server_in_a_private_network_is_refused_when_it_is_saved(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", at("10.0.0.7"))
    with pytest.raises(ChatRefusedError, match="No public server"):
        chat_check(ADDRESSES["Mattermost"])
    settings.ALERT_TARGETS_ALLOWED = ["chat.example.com:443"]
    assert chat_check(ADDRESSES["Mattermost"])


def test_plain_http_is_for_servers_the_operator_names(settings: Settings) -> None:
    plain = ADDRESSES["Mattermost"].replace("mmosts", "mmost")
    with pytest.raises(ChatRefusedError, match="mmosts://"):
        plugin_of(plain)
    settings.ALERT_TARGETS_ALLOWED = ["chat.example.com:80"]
    assert plugin_of(plain)[0].name == "Mattermost"


@pytest.mark.parametrize("value", ["/etc/passwd", "file:///etc/passwd", "https://evil.example/t"])
def test_an_address_reads_no_file_and_no_other_page(value: str) -> None:
    for url in (SLACK, TEAMS, ADDRESSES["Discord"], ADDRESSES["Telegram"]):
        with pytest.raises(ChatRefusedError, match="template"):
            plugin_of(f"{url}?template={value}")


def test_an_address_cannot_choose_what_is_ours_to_choose() -> None:
    _, plugin = plugin_of(f"{SLACK}?verify=no&redirect=yes&retry=9&wait=60&format=markdown")
    assert plugin.verify_certificate is True
    assert plugin.redirects is False


def test_no_server_says_how_long_this_service_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("apprise.url.time.sleep", pauses.append)
    for url in ADDRESSES.values():
        _, plugin = plugin_of(url)
        plugin.throttle()
        plugin.throttle()
        plugin.throttle(wait=86_400)
    assert len(pauses) >= len(ADDRESSES)
    assert max(pauses) <= LONGEST_PAUSE


def test_one_address_is_one_channel() -> None:
    with pytest.raises(ChatRefusedError, match="several"):
        plugin_of("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#one/#two")


@pytest.mark.parametrize(
    "url", ["slack://", "slack://x", "pagerduty://", "discord://1", "zulip://"]
)
def test_an_address_that_lacks_something_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ChatRefusedError) as refused:
        plugin_of(url)
    assert "no complete address" in str(refused.value)


def test_apprise_writes_no_token_to_the_log(caplog: pytest.LogCaptureFixture, web: Web) -> None:
    caplog.set_level("DEBUG")
    with pytest.raises(ChatRefusedError):
        plugin_of("slack://secret-token/x")
    assert "secret-token" not in caplog.text


def test_every_service_takes_a_form_that_is_known() -> None:
    assert all(formats_of(service) for service in SERVICES)
