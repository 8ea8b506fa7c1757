from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from pytest_django import Settings

from monitoring.alerts import address_guard, guarded_http
from monitoring.alerts.address_guard import AddressRefusedError, address_check, is_fine
from monitoring.alerts.guarded_http import GuardedRequests, call, exchange
from tests.monitoring.alerts.web import Reply, Web, web_server

PUBLIC = "93.184.216.34"


class Names:
    """Answers for one name, one look-up after the other; the last stays."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        self.asked += 1
        addresses = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses
        ]


@contextmanager
def names(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> Iterator[Names]:
    found = Names(*answers)
    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", found)
        yield found


def test_a_public_address_may_be_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    with names(monkeypatch, [PUBLIC]):
        address_check("https://hooks.example/in?token=x")
        address_check("https://hooks.example:8443/")


@pytest.mark.parametrize(
    "url",
    ["http://hooks.example/", "ftp://hooks.example/", "file:///etc/passwd", "hooks.example",
     "https://", "https:///path", "https://hooks.example:0/", "https://hooks.example:99999/",
     "https://user@hooks.example/", "https://user:word@hooks.example/", "https://:@hooks.example/",
     "https://hooks.example/a b", "https://hooks.example/\n", "https://[::1", "",
     "//hooks.example"],
)  # fmt: skip
def test_an_address_of_another_form_may_not(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with names(monkeypatch, [PUBLIC]), pytest.raises(AddressRefusedError):
        address_check(url)
    assert not is_fine(url)


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://0/", "https://127.1/",
     "https://2130706433/", "https://0x7f.1/", "https://[::ffff:127.0.0.1]/",
     "https://[::ffff:7f00:1]/"],
)  # fmt: skip
def test_no_way_of_writing_this_machine_is_let_through(url: str) -> None:
    with pytest.raises(AddressRefusedError):
        address_check(url)
    with exchange(5) as made, pytest.raises(requests.exceptions.RequestException):
        call("POST", url)
    assert made.status is None
    assert made.error


def test_one_private_address_among_others_is_enough_to_refuse_a_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for answer in ([PUBLIC, "10.0.0.7"], ["10.0.0.7"]):
        with names(monkeypatch, answer), pytest.raises(AddressRefusedError):
            address_check("https://hooks.example/")


def test_nobody_learns_which_names_are_known_in_a_private_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = set()
    for answer in (["10.0.0.7"], []):
        with names(monkeypatch, answer), exchange(5) as made:
            with pytest.raises(AddressRefusedError) as refused:
                address_check("https://hooks.example/")
            with pytest.raises(requests.exceptions.ConnectionError):
                call("POST", "https://hooks.example/")
            said.add((str(refused.value), made.error))
    ((at_saving, at_sending),) = said
    assert at_saving.startswith("No public server is known under the name hooks.example.")
    assert at_sending == "No public server is known under its name."


def test_slow_names_of_one_keep_no_name_of_another_from_being_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go_on, slow = threading.Event(), []

    def look_up(host: str, port: int, *_: Any) -> list[Any]:
        if host == "slow.example":
            slow.append(host)
            go_on.wait(30)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with monkeypatch.context() as patched:
        patched.setattr(address_guard, "RESOLVE_WITHIN", 0.01)
        for _ in range(20):
            with pytest.raises(AddressRefusedError):
                address_check("https://slow.example/")
    try:
        address_check("https://hooks.example/")
        assert len(slow) == 20
    finally:
        go_on.set()


def test_a_name_that_answers_otherwise_after_it_was_saved_gets_nothing(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """DNS rebinding: public when asked, this machine when called."""
    with web_server() as web, names(monkeypatch, [PUBLIC], ["127.0.0.1"]) as found:
        url = f"https://hooks.example:{web.port}/"
        address_check(url)
        with exchange(5) as made, pytest.raises(requests.exceptions.ConnectionError):
            call("POST", url)
        assert found.asked == 2
        assert made.error == "No public server is known under its name."
        assert web.taken == []


def test_a_connection_goes_to_an_address_that_was_judged_and_asks_no_second_time(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    with web_server() as web:
        settings.ALERT_TARGETS_ALLOWED = [f"hooks.example:{web.port}"]
        with names(monkeypatch, ["127.0.0.1"], ["10.9.9.9"]) as found:
            with exchange(5) as made:
                call("POST", f"http://hooks.example:{web.port}/in")
            assert (made.status, found.asked) == (200, 1)
        assert web.taken[0].headers["host"] == f"hooks.example:{web.port}"


def test_of_several_addresses_only_those_that_are_fine_are_tried(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    with web_server() as web:
        settings.ALERT_TARGETS_ALLOWED = [f"hooks.example:{web.port}", "127.0.0.1/32"]
        with names(monkeypatch, ["127.0.0.1"]), exchange(5) as made:
            call("POST", f"http://hooks.example:{web.port}/")
        assert made.status == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nobody_is_sent_elsewhere(web: Web, settings: Settings, status: int) -> None:
    with web_server() as inner:
        web.replies = [Reply(status, headers={"Location": inner.url("/metadata")})]
        with exchange(5) as made:
            GuardedRequests().post(web.url(), data=b"{}", allow_redirects=True)
        assert made.status == status
        assert (len(web.taken), inner.taken) == (1, [])


def test_nothing_an_address_says_turns_the_guard_off(web: Web) -> None:
    web.replies = [Reply(200, b"x" * (guarded_http.LARGEST_ANSWER * 3))]
    with exchange(5):
        answer = GuardedRequests().post(web.url(), verify=False, timeout=9_999, stream=True)
        with pytest.raises(requests.exceptions.ProxyError):
            GuardedRequests().post(web.url(), proxies={"http": web.url()})
    assert len(answer.content) == guarded_http.LARGEST_ANSWER
    assert len(web.taken) == 1


def test_proxies_of_the_environment_are_not_asked(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    with web_server() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
        with exchange(5):
            call("POST", web.url())
        assert (len(web.taken), proxy.taken) == (1, [])


def test_a_certificate_is_checked(web: Web, settings: Settings) -> None:
    # That server speaks no TLS at all; what matters is that nothing is sent to it.
    with exchange(5) as made, pytest.raises(requests.exceptions.SSLError):
        call("POST", web.url().replace("http://", "https://"), data=b"secret")
    assert made.error == "The server's certificate could not be verified."
    assert web.taken == []


def test_a_call_outside_an_exchange_or_after_its_time_is_not_made(web: Web) -> None:
    with pytest.raises(requests.exceptions.RequestException):
        call("POST", web.url())
    with exchange(0), pytest.raises(requests.exceptions.Timeout):
        call("POST", web.url())
    assert web.taken == []


@pytest.mark.parametrize("name", ["Session", "session", "patch", "head", "adapters", "api"])
def test_what_would_call_by_itself_is_not_handed_out(name: str) -> None:
    with pytest.raises(AttributeError):
        getattr(GuardedRequests(), name)


def test_a_plain_address_is_for_servers_the_operator_names_alone(settings: Settings) -> None:
    settings.ALERT_TARGETS_ALLOWED = ["chat.example:80", "10.0.0.0/8"]
    assert is_fine("http://chat.example/hook")
    assert not is_fine("http://chat.example:81/hook")
    assert not is_fine("http://10.1.2.3/hook")
