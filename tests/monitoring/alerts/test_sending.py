from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.mail import send_mail
from django.db import connections
from django.db.models.functions import Now
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from monitoring.alerts import claims, sending
from monitoring.alerts.claims import messages_claim, messages_wait
from monitoring.alerts.delivery import MOST_TRIES, Answer, Verdict
from monitoring.alerts.mails import Mail, Picture, mail_of, one_line
from monitoring.alerts.models import Message, MessageState
from monitoring.alerts.outbox import WORK, messages_withdraw
from monitoring.alerts.sending import messages_work
from monitoring.jobs.tick import ring_doorbells
from synccenter.demo.processes import free_port
from tests.factories import make_person
from tests.monitoring.alerts import makers
from tests.monitoring.alerts.post import HANG_UP, SILENCE, Post
from tests.monitoring.alerts.test_mails import HOSTILE, context

pytestmark = pytest.mark.django_db
ADA, BEN, EVE = (f"{name}@acme.example" for name in ("ada", "ben", "eve"))


def make_message(recipient: str = ADA, **overrides: Any) -> Message:
    """Queue a mail that is due by the clock on the wall."""
    return makers.make_message(recipient=recipient, **{"now": timezone.now()} | overrides)


def stored(message: Message) -> Message:
    return Message.objects.get(pk=message.pk)


def states() -> Counter[str]:
    return Counter(Message.objects.values_list("state", flat=True))


def test_a_mail_arrives_as_text_and_html_under_its_own_id(post: Post) -> None:
    person = make_person(name="Ada Lovelace", email=ADA)
    message = make_message(ADA, person=person, mail=mail_of("acted_for_you", context()))
    messages_work()
    (mail,) = post.mails
    assert mail["From"] == "synccenter <synccenter@localhost>"
    assert mail["To"] == "Ada Lovelace <ada@acme.example>"
    assert mail["Subject"] == "Casey Admin restored your calendar's access (Acme)"
    assert mail["Message-ID"] == message.message_id
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "multipart/alternative"
    text, html = mail.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert "There is nothing for you to do." in text.get_content()
    assert "<strong>Casey Admin</strong>" in html.get_content()
    sent = stored(message)
    assert (sent.state, sent.attempts, sent.answer) == ("sent", 1, "Accepted by 127.0.0.1")
    assert (sent.token, sent.lease_until) == (None, None)
    assert sent.sent_at is not None


def test_a_mail_bears_headers_of_its_own_and_the_pictures_of_its_html(post: Post) -> None:
    picture, headers = Picture("chart", b"\x89PNG\r\n\x1a\nof points"), {"List-Unsubscribe": "<x>"}
    html = '<p>Look: <img src="cid:chart" alt="a chart"></p>'
    make_message(mail=Mail("A chart", "Look.", html, headers, (picture,)))
    messages_work()
    (mail,) = post.mails
    assert mail["List-Unsubscribe"] == "<x>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "multipart/related"
    texts, image = mail.iter_parts()
    assert texts.get_content_type() == "multipart/alternative"
    assert (image.get_content_type(), image["Content-ID"]) == ("image/png", "<chart>")
    assert image.get_content_disposition() == "inline"
    assert image.get_content() == picture.png


@pytest.mark.parametrize("name", [*HOSTILE, "Żółć, \N{PARTY POPPER} <eve@evil.example>"])
def test_a_hostile_name_adds_neither_header_nor_recipient(post: Post, name: str) -> None:
    mail = mail_of("acted_for_you", context(person_name=name, actor_name=name))
    make_message(recipient_name=name, mail=mail)
    messages_work()
    (arrived,) = post.mails
    assert post.recipients == [ADA]
    (to,) = arrived["To"].addresses
    assert (to.display_name, to.addr_spec) == (one_line(name), ADA)
    assert arrived["Subject"] == mail.subject
    assert sorted(arrived.keys()) == [
        "Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject",
        "To", "X-Auto-Response-Suppress",
    ]  # fmt: skip
    text, _ = arrived.iter_parts()
    assert text.get_content().replace("\r\n", "\n") == mail.text


@pytest.mark.parametrize("address", ["ada@acme.example\nBcc: eve@evil.example", "ädä@acme.example"])
def test_an_address_that_cannot_be_is_given_up_and_keeps_nobody_else_waiting(
    post: Post, address: str
) -> None:
    broken, fine = make_message(address), make_message(BEN)
    messages_work()
    assert post.recipients == [BEN]
    assert (stored(broken).state, stored(fine).state) == ("failed", "sent")
    assert stored(broken).answer


def test_a_domain_of_any_script_is_written_as_servers_know_it(post: Post) -> None:
    make_message("ada@bücher.example")
    messages_work()
    assert post.recipients == ["ada@xn--bcher-kva.example"]


def test_many_go_over_one_connection(post: Post) -> None:
    for _ in range(sending.BATCH + 2):
        make_message()
    messages_work()
    assert states() == {"sent": sending.BATCH + 2}
    assert len(post.taken) == sending.BATCH + 2
    assert len(post.sessions) == 1


def test_what_is_not_due_or_withdrawn_or_done_is_not_sent(post: Post) -> None:
    make_message(not_before=timezone.now() + timedelta(hours=1))
    for state in (MessageState.WITHDRAWN, MessageState.FAILED, MessageState.SENT):
        make_message(state=state)
    messages_work()
    assert post.taken == []


def test_not_now_is_tried_again_later(post: Post) -> None:
    before = timezone.now()
    post.to_recipient[ADA] = "450 The box is full"
    message = make_message()
    messages_work()
    waiting = stored(message)
    assert (waiting.state, waiting.attempts) == ("queued", 1)
    assert waiting.answer == "450 The box is full"
    assert before + timedelta(seconds=60) <= waiting.next_try_at
    messages_work()
    assert stored(message).attempts == 1
    post.to_recipient.clear()
    due(message)
    messages_work()
    assert (stored(message).state, stored(message).attempts) == ("sent", 2)


def due(message: Message) -> None:
    Message.objects.filter(pk=message.pk).update(next_try_at=timezone.now())


@pytest.mark.parametrize("at_data", [False, True])
def test_a_final_no_is_told_at_once_and_holds_up_no_other(post: Post, at_data: bool) -> None:
    if at_data:
        post.to_data[ADA] = ["554 That looks like spam"]
    else:
        post.to_recipient[ADA] = "550 No such user"
    refused, fine = make_message(ADA), make_message(BEN)
    messages_work()
    assert (stored(refused).state, stored(fine).state) == ("failed", "sent")
    assert stored(refused).answer in {"554 That looks like spam", "550 No such user"}
    assert stored(refused).ended_at is not None
    assert stored(refused).sent_at is None


def test_after_enough_tries_it_is_given_up_with_the_last_answer(post: Post) -> None:
    post.to_recipient[ADA] = "450 Still full"
    message = make_message(attempts=MOST_TRIES - 1)
    messages_work()
    assert (stored(message).state, stored(message).attempts) == ("failed", MOST_TRIES)
    assert stored(message).answer == "450 Still full"


def test_a_line_that_breaks_costs_one_mail_a_try_and_the_next_gets_a_new_line(post: Post) -> None:
    post.to_data[ADA] = [HANG_UP]
    cut, fine = make_message(ADA), make_message(BEN)
    messages_work()
    assert (stored(cut).state, stored(fine).state) == ("queued", "sent")
    assert "closed" in stored(cut).answer
    due(cut)
    messages_work()
    assert post.recipients == [BEN, ADA]


def test_without_a_server_one_is_tried_and_all_wait(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    messages = [make_message() for _ in range(3)]
    messages_work()
    assert [stored(message).attempts for message in messages] == [1, 0, 0]
    assert states() == {"queued": 3}
    assert "could not be reached" in stored(messages[0]).answer
    assert not Message.objects.exclude(token=None).exists()


@pytest.mark.parametrize("answer", ["530 Authentication required", "550 We do not know you"])
def test_a_server_that_refuses_us_is_held_against_no_mail_but_the_first(
    post: Post, answer: str
) -> None:
    post.to_sender = answer
    messages = [make_message() for _ in range(3)]
    messages_work()
    assert [stored(message).attempts for message in messages] == [1, 0, 0]
    assert states() == {"queued": 3}
    assert stored(messages[0]).answer == answer
    assert not Message.objects.exclude(token=None).exists()
    post.to_sender = "250 Taken"
    due(messages[0])
    messages_work()
    assert states() == {"sent": 3}


def test_a_server_that_falls_silent_keeps_no_worker_for_every_mail(
    post: Post, settings: Settings
) -> None:
    settings.EMAIL_TIMEOUT = 0.2
    post.to_data[ADA] = [SILENCE]
    messages = [make_message(ADA) for _ in range(3)]
    messages_work()
    assert [stored(message).attempts for message in messages] == [1, 0, 0]
    assert states() == {"queued": 3}
    assert "timed out" in stored(messages[0]).answer


def test_what_cannot_be_read_waits_for_its_key(post: Post, settings: Settings) -> None:
    message = make_message()
    settings.CREDENTIAL_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]
    messages_work()
    assert stored(message).state == "queued"
    assert "CREDENTIAL_KEYS" in stored(message).answer
    assert post.taken == []


def test_mails_kept_here_are_sent_to_nobody(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.EMAIL_BACKEND = "monitoring.alerts.keeping.EmailBackend"
    message = make_message()
    messages_work()
    assert stored(message).answer == "Kept here; no mail server is set."
    assert stored(message).state == "sent"
    assert capsys.readouterr().out == ""


def test_a_mail_of_no_outbox_is_printed_where_mails_are_kept(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.EMAIL_BACKEND = "monitoring.alerts.keeping.EmailBackend"
    assert send_mail("A new password", "Here it is.", None, [ADA]) == 1
    assert "A new password" in capsys.readouterr().out


# Dying


class Killed(BaseException):
    """What a kill -9 looks like to the code: it ends here, and nothing is tidied up."""


def killed(*_: Any, **__: Any) -> None:
    raise Killed


def then_killed(function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*arguments: Any, **options: Any) -> None:
        function(*arguments, **options)
        raise Killed

    return wrapped


STEPS = {
    "claimed": (sending, "message_begin", killed),
    "begun": (sending.Sender, "open", killed),
    "connected": (sending.Sender, "hand_over", killed),
    "taken": (sending.Sender, "hand_over", then_killed(sending.Sender.hand_over)),
    "about to write it down": (sending, "message_settle", killed),
    "written down": (sending, "message_settle", then_killed(sending.message_settle)),
}


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_every_mail_goes_out_at_least_once_under_one_id(
    post: Post, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    messages = [make_message(address) for address in (ADA, BEN, EVE)]
    with monkeypatch.context() as patched:
        patched.setattr(*STEPS[step])
        with pytest.raises(Killed):
            messages_work()
    messages_work()
    assert set(post.recipients) <= {ADA}, "what another has in hand is left alone"
    leases_end()
    assert messages_wait(timezone.now())
    messages_work()
    assert states() == {"sent": 3}
    ids = [mail["Message-ID"] for mail in post.mails]
    assert set(ids) == {message.message_id for message in messages}
    twice = step in {"taken", "about to write it down"}
    assert len(ids) == (4 if twice else 3)


def leases_end() -> None:
    sending = Message.objects.filter(state=MessageState.SENDING)
    sending.update(lease_until=Now() - timedelta(seconds=1))


@pytest.mark.parametrize("timeout", [1, 10, 30])
def test_the_lease_and_the_bell_outlast_the_slowest_mail(
    settings: Settings,
    timeout: int,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.EMAIL_TIMEOUT = timeout
    with django_capture_on_commit_callbacks(execute=True):
        make_message()
    messages_claim(token=uuid4(), limit=1, now=timezone.now())
    soonest = Now() + timedelta(seconds=13 * timeout)
    assert Message.objects.filter(lease_until__gt=soonest).exists()
    bell = OrmQ.objects.get().task
    assert bell["timeout"] > settings.DRAIN_BUDGET + 13 * timeout
    assert bell["timeout"] < settings.Q_CLUSTER["retry"]


def test_one_that_ends_every_sender_is_given_up_in_the_end(post: Post) -> None:
    message = make_message(attempts=MOST_TRIES)
    messages_work()
    assert stored(message).state == "failed"
    assert "cut off again and again" in stored(message).answer
    assert post.taken == []


def test_who_comes_back_late_writes_nothing(post: Post) -> None:
    message, token = make_message(), uuid4()
    (claimed,) = messages_claim(token=token, limit=1, now=timezone.now())
    Message.objects.update(token=uuid4())
    sending.deliver([claimed], sending.Sender(), token, lambda: True)
    sending.settle(claimed, token, Answer(Verdict.NEVER, "550 No"))
    assert claims.messages_hand_back(token=token) == 0
    assert post.taken == []
    assert (stored(message).state, stored(message).attempts) == ("sending", 0)


@pytest.mark.django_db(transaction=True)
def test_what_is_withdrawn_while_its_batch_goes_out_is_not_sent(post: Post) -> None:
    messages = [make_message(address) for address in (ADA, BEN, EVE)]
    post.at_data = withdrawing(messages)
    messages_work()
    assert post.recipients == [ADA]
    # The first was in the server's hands already.
    assert [stored(message).state for message in messages] == ["sent", "withdrawn", "withdrawn"]


@pytest.mark.django_db(transaction=True)
def test_what_is_withdrawn_and_not_taken_stays_withdrawn(post: Post) -> None:
    message = make_message(ADA)
    post.to_data[ADA] = ["451 Not now"]
    post.at_data = withdrawing([message])
    messages_work()
    assert stored(message).state == "withdrawn"


def withdrawing(messages: list[Message]) -> Callable[[], None]:
    """Withdraw mails while the server, in a thread of its own, has the first in its hands."""

    def withdraw() -> None:
        messages_withdraw(keys=[message.key for message in messages], now=timezone.now())
        connections.close_all()

    def at_data() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(withdraw).result(10)

    return at_data


def test_others_go_on_when_a_sender_must_stop(
    post: Post,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        messages = [make_message() for _ in range(3)]
    OrmQ.objects.all().delete()
    monkeypatch.setattr(sending.lifeline, "is_cut", lambda: bool(post.taken))
    with django_capture_on_commit_callbacks(execute=True):
        messages_work()
    assert [stored(message).state for message in messages] == ["sent", "queued", "queued"]
    assert [stored(message).attempts for message in messages] == [1, 0, 0]
    assert not Message.objects.exclude(token=None).exists()
    assert WORK in {bell.task["func"] for bell in OrmQ.objects.all()}


@pytest.mark.parametrize(("workers", "senders"), [(1, 1), (2, 1), (3, 2), (16, 2)])
def test_a_few_senders_are_enough_and_never_all_workers(
    post: Post, settings: Settings, workers: int, senders: int
) -> None:
    settings.WORKERS = workers
    for _ in range(senders - 1):
        sender_at_work()
    make_message()
    messages_work()
    assert len(post.taken) == 1
    sender_at_work()
    make_message()
    messages_work()
    assert len(post.taken) == 1


def sender_at_work() -> None:
    lease = {"token": uuid4(), "lease_until": Now() + timedelta(minutes=1)}
    make_message(state=MessageState.SENDING, **lease)


def test_the_tick_rings_for_what_is_due(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    def rung() -> list[str]:
        OrmQ.objects.all().delete()
        with django_capture_on_commit_callbacks(execute=True):
            ring_doorbells()
        return [bell.task["func"] for bell in OrmQ.objects.all()]

    assert rung() == []
    with django_capture_on_commit_callbacks(execute=True):
        make_message()
    assert rung() == [WORK]
    Message.objects.update(state=MessageState.SENDING, lease_until=Now() + timedelta(minutes=1))
    assert rung() == []
    leases_end()
    assert rung() == [WORK]


@pytest.mark.django_db(transaction=True)
def test_two_senders_at_once_send_each_mail_once(
    post: Post, settings: Settings, monkeypatch: Any
) -> None:
    settings.WORKERS = 3
    monkeypatch.setattr(sending, "BATCH", 2)
    for _ in range(12):
        make_message()

    def work(_: int) -> None:
        try:
            messages_work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    messages_work()
    assert states() == {"sent": 12}
    assert max(Counter(mail["Message-ID"] for mail in post.mails).values()) == 1


def test_claims_are_in_order_of_their_time(now: datetime) -> None:
    times = [now + timedelta(minutes=minute) for minute in (2, 0, 1)]
    messages = [makers.make_message(now=at) for at in times]
    claimed = messages_claim(token=uuid4(), limit=2, now=now + timedelta(hours=1))
    assert claimed == [messages[1], messages[2]]
