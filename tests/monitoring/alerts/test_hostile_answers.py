"""Servers that answer as no server should: one tenant's must not keep the others from anything."""

from __future__ import annotations

import gzip
import logging
import tracemalloc
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import requests
from pytest_django import Settings

from monitoring.alerts import guarded_http, sending, webhook_sender
from monitoring.alerts.delivery import Answer, Verdict
from monitoring.alerts.guarded_http import call, exchange
from monitoring.alerts.models import Channel, Message, Recipient
from monitoring.alerts.sending import chats_work, webhooks_work
from tests.monitoring.alerts.destination_makers import (
    make_chat,
    make_webhook,
    queue_chat,
    queue_webhook,
)
from tests.monitoring.alerts.web import Reply, Web, web_server

pytestmark = pytest.mark.django_db
MEBIBYTE = 1024 * 1024
NOWHERE = ["http://[", "/\xff\xfe", "//", "http://[::1", "\x00", "http://a:b:c/", ""]
CHANNELS = [Channel.CHAT, Channel.WEBHOOK]
WORK: dict[str, Callable[[], None]] = {Channel.CHAT: chats_work, Channel.WEBHOOK: webhooks_work}


def make_target(channel: str, web: Web) -> Recipient:
    if channel == Channel.CHAT:
        return make_chat(f"mmost://{web.host}/3ccdd113474722377935511fc85d3dd4")
    return make_webhook(web.url())


def queue(target: Recipient) -> Message:
    return queue_chat(target) if target.channel == Channel.CHAT else queue_webhook(target)


@cache
def bomb() -> bytes:
    """64 MiB, packed: 64 KiB or so."""
    return gzip.compress(b"0" * (64 * MEBIBYTE), 9)


def packed(status: int) -> Reply:
    headers = {"Content-Encoding": "gzip", "Content-Length": str(len(bomb()))}
    return Reply(status, bomb(), headers | ({"Location": "/next"} if status == 302 else {}))


@pytest.mark.parametrize("location", NOWHERE)
@pytest.mark.parametrize("channel", CHANNELS)
def test_a_redirect_to_nowhere_is_that_target_s_trouble_alone(
    web: Web, settings: Settings, channel: str, location: str
) -> None:
    with web_server() as other:
        settings.ALERT_TARGETS_ALLOWED = [web.host, other.host]
        web.replies = [Reply(302, headers={"Location": location, "Content-Length": "0"})]
        broken, fine = queue(make_target(channel, web)), queue(make_target(channel, other))
        WORK[channel]()
        assert (len(web.taken), len(other.taken)) == (1, 1)
    broken.refresh_from_db()
    fine.refresh_from_db()
    assert (broken.state, fine.state) == ("queued", "sent")
    assert broken.answer == "302: it sends us elsewhere, where we do not follow."
    assert (broken.token, broken.attempts) == (None, 1)


@pytest.mark.parametrize("status", [200, 302])
@pytest.mark.parametrize("channel", CHANNELS)
def test_an_answer_that_unpacks_to_very_much_is_not_unpacked(
    web: Web, channel: str, status: int
) -> None:
    web.replies = [packed(status)]
    message = queue(make_target(channel, web))
    tracemalloc.start()
    try:
        WORK[channel]()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    message.refresh_from_db()
    assert message.state == ("sent" if status == 200 else "queued")
    assert most < 8 * MEBIBYTE


@pytest.mark.parametrize("status", [200, 301])
def test_of_a_long_answer_a_little_is_read(web: Web, status: int) -> None:
    web.replies = [Reply(status, b"0" * (32 * MEBIBYTE), {"Location": "/next"})]
    with exchange(5) as made:
        answer = call("POST", web.url())
    assert made.status == status
    assert len(answer.content) == guarded_http.LARGEST_ANSWER


def test_pieces_of_a_length_that_never_ends_are_not_read(web: Web) -> None:
    web.replies = [Reply(200, b"1" * (16 * MEBIBYTE), {"Transfer-Encoding": "chunked"})]
    tracemalloc.start()
    try:
        with exchange(5) as made, pytest.raises(requests.exceptions.RequestException):
            call("POST", web.url())
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (made.status, made.body) == (200, "")
    # The server's copy of the answer is older than the tracing.
    assert most < 8 * MEBIBYTE


def test_an_answer_in_pieces_is_read(web: Web) -> None:
    web.replies = [
        Reply(200, b"3\r\nall\r\n5\r\n well\r\n0\r\n\r\n", {"Transfer-Encoding": "chunked"})
    ]
    with exchange(5) as made:
        call("POST", web.url())
    assert made.body == "all well"


@pytest.mark.parametrize("within", [True, False])
def test_whatever_breaks_at_one_message_the_others_go_out(
    web: Web, settings: Settings, monkeypatch: pytest.MonkeyPatch, within: bool
) -> None:
    """In the call, or before it: no error is taken for the end of the sender."""
    module: Any = webhook_sender if within else webhook_sender.WebhookSender
    name, hit = ("call", 1) if within else ("send", 1)
    whole, calls = getattr(module, name), []

    def breaks_once(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == hit:
            raise LookupError("https://hooks.example/in?token=hidden")
        return whole(*arguments, **options)

    monkeypatch.setattr(module, name, breaks_once)
    broken, fine = (queue_webhook(make_webhook(web.url())) for _ in range(2))
    webhooks_work()
    broken.refresh_from_db()
    fine.refresh_from_db()
    assert (broken.state, broken.attempts, broken.token) == ("queued", 1, None)
    assert "LookupError" in broken.answer
    assert "hidden" not in broken.answer
    assert fine.state == "sent"


def test_a_sender_that_breaks_hands_back_what_it_had_not_begun(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = [queue_webhook(make_webhook(web.url())) for _ in range(3)]

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(sending, "settle", broken)
        with pytest.raises(RuntimeError):
            webhooks_work()
    assert not Message.objects.exclude(token=None).exists()
    webhooks_work()
    for message in messages:
        message.refresh_from_db()
    assert [each.state for each in messages] == ["sent"] * 3


def test_what_broke_says_its_kind_alone(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        is_away = False

        def send(self, message: Message) -> Answer:
            raise ValueError("https://hooks.example/in?token=hidden")

        def close(self) -> None: ...

    message = queue_webhook(make_webhook(web.url()))
    answer = sending.answer_of(Broken(), message)
    assert answer == Answer(Verdict.LATER, "It could not be sent (ValueError).")
    assert "hidden" not in caplog.text


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize("channel", CHANNELS)
def test_an_address_that_is_repeated_is_neither_kept_nor_logged(
    web: Web, caplog: pytest.LogCaptureFixture, channel: str, status: int
) -> None:
    caplog.set_level(logging.INFO)
    secret = "3ccdd113474722377935511fc85d3dd4"
    web.replies = [Reply(status, f"<pre>Cannot POST /hooks/{secret}</pre>".encode())]
    is_chat = channel == Channel.CHAT
    target = make_target(channel, web) if is_chat else make_webhook(web.url(f"/hooks/{secret}"))
    message = queue(target)
    WORK[channel]()
    message.refresh_from_db()
    assert message.answer == f"{status} <pre>Cannot POST \N{HORIZONTAL ELLIPSIS}</pre>"
    assert f"message {message.pk}" in caplog.text
    assert "Cannot POST" not in caplog.text
    assert secret not in caplog.text


def test_headers_that_cannot_be_read_tell_the_log_no_address(
    web: Web, caplog: pytest.LogCaptureFixture
) -> None:
    web.replies = [Reply(200, headers={"X-A\r\nno header at all\r\nX-B": "c"})]
    message = queue_webhook(make_webhook(web.url("/in?token=hidden")))
    webhooks_work()
    message.refresh_from_db()
    assert message.state == "sent"
    assert "hidden" not in caplog.text
