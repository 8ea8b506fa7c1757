from __future__ import annotations

import json
from io import BytesIO
from itertools import pairwise
from time import monotonic
from typing import Any

import pytest
import requests
from apprise.plugins.mattermost import NotifyMattermost
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings
from urllib3 import HTTPResponse

from monitoring.alerts import chat_sender, claims
from monitoring.alerts.chat_sender import JOINER, defused
from monitoring.alerts.item import ChatText
from monitoring.alerts.kinds import Severity
from monitoring.alerts.models import Channel, Message, Recipient
from monitoring.alerts.outbox import details_in
from monitoring.alerts.plan_facts import Phase
from monitoring.alerts.sending import chats_work
from tests.monitoring.alerts.destination_makers import make_chat, make_item, queue_chat
from tests.monitoring.alerts.web import Reply, Web

pytestmark = pytest.mark.django_db
HOSTILE = (
    "<!channel> @everyone <@U123> <http://evil.example|click> [click](http://evil.example)"
    " ![x](http://evil.example/pixel) <img src=x onerror=alert(1)> <b>bold</b> & `code`\n"
    "https://sync.example/o/acme/people?cause=a_b ada@acme.example"
)


def stored(message: Message) -> Message:
    return Message.objects.get(pk=message.pk)


def mattermost(web: Web) -> str:
    return f"mmost://{web.host}/3ccdd113474722377935511fc85d3dd4"


def matrix(web: Web) -> str:
    """An address whose server is spoken to as a Slack webhook is."""
    return f"matrix://user:token@{web.host}?mode=slack&token={'a' * 64}"


@pytest.fixture
def sent_to(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What would go to services of the internet, whose place nobody can take here."""
    calls: list[tuple[str, Any]] = []

    def send(session: Any, request: Any, **options: Any) -> Any:
        calls.append((request.url, json.loads(request.body)))
        answer = requests.Response()
        answer.status_code = 202
        taken = BytesIO(b'{"requestId": "7"}')
        answer.raw = HTTPResponse(taken, preload_content=False)
        return answer

    monkeypatch.setattr("apprise.utils.http.HTTPPolicySession.send", send)
    return calls


def test_a_message_arrives_in_a_chat_as_it_was_written(web: Web) -> None:
    message = queue_chat(make_chat(mattermost(web)))
    chats_work()
    (taken,) = web.taken
    assert taken.path == "/hooks/3ccdd113474722377935511fc85d3dd4"
    assert taken.json["text"].splitlines() == ["5 people stopped syncing", "Allow the app."]
    assert (stored(message).state, stored(message).answer) == ("sent", "200")


@pytest.mark.parametrize("address", [mattermost, matrix])
def test_what_a_name_or_an_error_says_comes_out_as_text(web: Web, address: Any) -> None:
    queue_chat(make_chat(address(web)), ChatText(HOSTILE, HOSTILE))
    chats_work()
    text = json.dumps(web.taken[0].json, ensure_ascii=False)
    for call in ("<!channel", "@everyone", "<@U123", "<http", "](http", "<img", "<b>"):
        assert call not in text
    assert "https://sync.example/o/acme/people?cause=a_b" in text
    assert "ada@acme.example" in text


@given(st.text())
def test_nobody_is_called_and_no_mark_is_made_and_nothing_else_is_changed(text: str) -> None:
    said = defused(text)
    assert said.replace(JOINER, "") == text.replace(JOINER, "")
    assert "](" not in said
    assert all(after == JOINER for before, after in pairwise(said) if before == "<")


@pytest.mark.parametrize("text", ["ada@acme.example", "https://x.example/a_b?c=[1]", "5 < 6 @ 7"])
def test_addresses_and_links_stay_as_they_are(text: str) -> None:
    assert defused(text).replace(f"<{JOINER}", "<") == text


def test_a_chat_that_fails_is_asked_again_and_its_answer_kept(web: Web) -> None:
    web.replies = [Reply(500, b"oh dear"), Reply(200)]
    message = queue_chat(make_chat(mattermost(web)))
    chats_work()
    assert (stored(message).state, stored(message).answer) == ("queued", "500 oh dear")
    Message.objects.update(next_try_at=timezone.now())
    chats_work()
    assert (stored(message).state, stored(message).attempts) == ("sent", 2)


def test_a_redirect_is_not_followed(web: Web) -> None:
    web.replies = [Reply(307, headers={"Location": web.url("/inner")})]
    message = queue_chat(make_chat(mattermost(web)))
    chats_work()
    assert [each.path for each in web.taken] == ["/hooks/3ccdd113474722377935511fc85d3dd4"]
    assert stored(message).state == "queued"


def test_a_chat_in_a_private_network_is_not_called(web: Web, settings: Settings) -> None:
    settings.ALERT_TARGETS_ALLOWED = []
    url = mattermost(web).replace("mmost://", "mmosts://")
    message = queue_chat(make_chat(url))
    chats_work()
    assert web.taken == []
    assert stored(message).answer == "No public server is known under its name."


def test_a_server_that_cannot_be_reached_is_told(web: Web, settings: Settings) -> None:
    settings.ALERT_TARGETS_ALLOWED = ["127.0.0.1:9"]
    message = queue_chat(make_chat(mattermost(web).replace(web.host, "127.0.0.1:9")))
    chats_work()
    assert stored(message).answer == "The server could not be reached."


def test_an_answer_that_makes_no_sense_tells_no_secret(
    web: Web, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("3ccdd113474722377935511fc85d3dd4")

    monkeypatch.setattr(NotifyMattermost, "send", broken)
    message = queue_chat(make_chat(mattermost(web)))
    chats_work()
    assert stored(message).state == "queued"
    assert "3ccdd" not in caplog.text + stored(message).answer


def test_pages_open_and_close_one_alert_each(sent_to: list[tuple[str, Any]]) -> None:
    items = [
        make_item(alert_id=7, severity=Severity.CRITICAL, phase=Phase.GROWN),
        make_item(alert_id=8, phase=Phase.OVER),
    ]
    message = queue_chat(make_chat("pagerduty://integration@apikey"), items=items)
    chats_work()
    assert stored(message).state == "sent"
    (opened_at, opened), (_, closed) = sent_to
    assert opened_at == "https://events.pagerduty.com/v2/enqueue"
    assert (opened["event_action"], closed["event_action"]) == ("trigger", "resolve")
    assert opened["dedup_key"].endswith("/alert/7")
    assert closed["dedup_key"].endswith("/alert/8")
    assert opened["payload"]["severity"] == "critical"
    assert "Salesforce session policy (Acme)" in opened["payload"]["summary"]
    assert "https://sync.example/o/acme/alerts/7" in opened["payload"]["summary"]


@pytest.mark.parametrize(
    ("url", "key", "over"),
    [
        ("ilert://ilkey123", "alertKey", ("eventType", "RESOLVE")),
        ("incidentio://sourceid/token", "deduplication_key", ("status", "resolved")),
        ("squadcast://apikey123", "event_id", ("status", "resolve")),
        ("pagertree://int_0123456789", "id", ("event_type", "resolve")),
        ("firehydrant://tokentokentoken", "idempotency_key", ("status", "CLOSED")),
        ("splunk://routing@token-token", "entity_id", ("message_type", "RECOVERY")),
    ],
)
def test_other_paging_services_close_what_they_opened_too(
    sent_to: list[tuple[str, Any]], url: str, key: str, over: tuple[str, str]
) -> None:
    for phase in (Phase.OPENED, Phase.OVER):
        queue_chat(make_chat(url), items=[make_item(alert_id=7, phase=phase)])
    chats_work()
    opened, closed = (body for _, body in sent_to)
    assert opened[key] == closed[key]
    assert opened[key].endswith("/alert/7")
    assert closed[over[0]] == over[1] != opened[over[0]]


def test_what_a_service_cannot_close_is_said(sent_to: list[tuple[str, Any]]) -> None:
    hook = make_chat("opsgenie://8b799edf-6f98-4d3a-9be7-2862fb4e5752")
    opened = queue_chat(hook, items=[make_item(phase=Phase.OPENED)])
    over = queue_chat(hook, items=[make_item(phase=Phase.OVER)])
    chats_work()
    ((_, body),) = sent_to
    assert body["alias"].startswith("localhost/alert/")
    assert (stored(opened).state, stored(over).state) == ("sent", "sent")
    assert stored(over).answer == chat_sender.CLOSED_BY_HAND


def test_a_test_message_to_a_paging_service_is_sent_as_it_is(
    sent_to: list[tuple[str, Any]],
) -> None:
    queue_chat(make_chat("pagerduty://integration@apikey"))
    chats_work()
    ((_, body),) = sent_to
    assert body["payload"]["severity"] == "info"
    assert "dedup_key" not in body


def test_a_chat_gets_no_pages(web: Web) -> None:
    message = queue_chat(make_chat(mattermost(web)), items=[make_item()])
    assert details_in(message) == {}


def test_what_was_written_for_a_paging_service_comes_to_a_chat_as_one_text(web: Web) -> None:
    hook = make_chat("pagerduty://integration@apikey")
    message = queue_chat(hook, items=[make_item(), make_item()])
    assert len(details_in(message)["pages"]) == 2
    Recipient.objects.update(secret=make_chat(mattermost(web)).secret)
    chats_work()
    (call,) = web.taken
    assert "Allow the app." in call.json["text"]
    assert stored(message).state == "sent"


def test_a_long_text_comes_in_pieces(web: Web) -> None:
    text = "\n".join(f"line {number} of a long story" for number in range(400))
    message = queue_chat(make_chat(mattermost(web)), ChatText("Long", text))
    chats_work()
    assert 2 <= len(web.taken) <= 3
    said = "".join(each.json["text"] for each in web.taken)
    assert "line 300" in said
    assert "line 399" not in said, "nobody reads so much"
    assert said.endswith("\N{HORIZONTAL ELLIPSIS}")
    assert stored(message).state == "sent"


def test_a_server_cannot_keep_a_message_waiting_for_longer_than_its_lease(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Piece after piece is answered slowly; the time is for all of them."""
    monkeypatch.setattr(chat_sender, "WITHIN", 0.6)
    web.replies = [Reply(after=0.4)] * 5
    text = "\n".join(f"line {number} of a long story" for number in range(400))
    message = queue_chat(make_chat(mattermost(web)), ChatText("Long", text))
    begun = monotonic()
    chats_work()
    assert monotonic() - begun < 3
    assert stored(message).state == "queued"


def test_a_lease_outlasts_the_slowest_message() -> None:
    assert claims.longest_send(Channel.CHAT) > chat_sender.WITHIN + 15
