from __future__ import annotations

import smtplib
from datetime import timedelta

import pytest
from django.core.mail.message import BadHeaderError
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.delivery import (
    FIRST_WAIT,
    JITTER,
    LONGEST_WAIT,
    MOST_TRIES,
    Answer,
    Verdict,
    answer_to_call,
    answer_to_mail,
    answer_to_request,
    may_join,
    refuses_us,
    wait_after,
)

tries = st.integers(0, MOST_TRIES - 1)
dice = st.floats(0, 1)


@given(tries, dice)
def test_each_wait_is_longer_than_the_one_before_up_to_a_limit(number: int, thrown: float) -> None:
    wait = wait_after(number, thrown)
    assert wait is not None
    assert FIRST_WAIT <= wait <= LONGEST_WAIT * (1 + JITTER)
    after = wait_after(number + 1, thrown)
    assert after is None or after >= wait


@given(st.integers(MOST_TRIES, 10_000), dice)
def test_after_enough_tries_it_is_enough(number: int, thrown: float) -> None:
    assert wait_after(number, thrown) is None


def test_all_tries_together_last_most_of_a_day() -> None:
    waits = [wait_after(number, 0) or timedelta(0) for number in range(1, MOST_TRIES)]
    assert timedelta(hours=18) < sum(waits, timedelta(0)) < timedelta(hours=30)


CODES = {450: Verdict.LATER, 421: Verdict.LATER, 550: Verdict.NEVER, 599: Verdict.NEVER}


@pytest.mark.parametrize(("code", "verdict"), CODES.items())
def test_what_is_said_of_a_mail_is_final_when_it_begins_with_five(
    code: int, verdict: Verdict
) -> None:
    said = Answer(verdict, f"{code} So be it")
    recipients = {"ada@acme.example": (code, b"So be it")}
    assert answer_to_mail(smtplib.SMTPRecipientsRefused(recipients)) == said
    assert answer_to_mail(smtplib.SMTPDataError(code, "So be it")) == said


@pytest.mark.parametrize("code", [450, 530, 550, 553])
def test_what_is_said_of_us_is_final_for_no_mail(code: int) -> None:
    refused = smtplib.SMTPSenderRefused(code, b"Not you", "us@acme.example")
    assert refuses_us(refused)
    assert answer_to_mail(refused) == Answer(Verdict.LATER, f"{code} Not you")


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPRecipientsRefused({"ada@acme.example": (530, b"Sign in first")}),
        smtplib.SMTPDataError(530, b"Sign in first"),
    ],
)
def test_to_be_asked_who_we_are_is_about_us_at_any_step(error: Exception) -> None:
    assert refuses_us(error)
    assert answer_to_mail(error) == Answer(Verdict.LATER, "530 Sign in first")


def test_a_mail_that_is_too_large_is_given_up() -> None:
    refused = smtplib.SMTPSenderRefused(552, b"Too large", "us@acme.example")
    assert not refuses_us(refused)
    assert answer_to_mail(refused) == Answer(Verdict.NEVER, "552 Too large")


def test_bytes_that_are_no_text_are_shown_all_the_same() -> None:
    said = answer_to_mail(smtplib.SMTPDataError(450, b"\xff no")).said
    assert said == "450 \N{REPLACEMENT CHARACTER} no"


@pytest.mark.parametrize(
    "error", [smtplib.SMTPNotSupportedError("SMTPUTF8"), BadHeaderError("newlines")]
)
def test_an_address_that_cannot_be_is_given_up(error: Exception) -> None:
    assert answer_to_mail(error).verdict == Verdict.NEVER


@pytest.mark.parametrize(
    "error", [smtplib.SMTPServerDisconnected("closed"), TimeoutError(), RuntimeError("odd")]
)
def test_whatever_else_happens_the_mail_is_tried_again(error: Exception) -> None:
    assert answer_to_mail(error).verdict == Verdict.LATER
    assert answer_to_mail(error).said


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (smtplib.SMTPAuthenticationError(535, b"Who are you?"), "535 Who are you?"),
        (smtplib.SMTPConnectError(554, b"Go away"), "554 Go away"),
        (ConnectionRefusedError("refused"), "The mail server could not be reached: refused"),
    ],
)
def test_what_is_said_before_any_mail_is_held_against_none(error: Exception, said: str) -> None:
    assert answer_to_call(error) == Answer(Verdict.LATER, said)


@pytest.mark.parametrize(
    ("channel", "at_work", "workers", "may"),
    [
        ("mail", {}, 1, True),
        ("mail", {"webhook": 1}, 1, True),
        ("mail", {"chat": 1, "webhook": 1}, 2, True),
        ("mail", {"mail": 1}, 2, False),
        ("mail", {"mail": 1}, 3, True),
        ("mail", {"mail": 1, "chat": 1}, 3, False),
        ("mail", {"mail": 2}, 16, False),
        ("chat", {}, 1, True),
        ("chat", {"mail": 1}, 1, False),
        ("chat", {"webhook": 1}, 2, False),
        ("chat", {"webhook": 1}, 3, True),
        ("webhook", {"webhook": 1}, 16, False),
    ],
)
def test_mails_can_always_go_out_and_nothing_else_takes_the_last_worker(
    channel: str, at_work: dict[str, int], workers: int, may: bool
) -> None:
    assert may_join(channel, at_work, workers) is may


@given(
    st.dictionaries(st.sampled_from(["chat", "webhook"]), st.integers(0, 3)),
    st.integers(1, 20),
    st.sampled_from(["chat", "webhook"]),
)
def test_chats_and_webhooks_leave_a_worker_to_others(
    at_work: dict[str, int], workers: int, channel: str
) -> None:
    if may_join(channel, at_work, workers):
        assert sum(at_work.values()) + 1 <= max(1, workers - 1)


@given(st.integers(100, 599), st.text(), st.floats(0, 86_400))
def test_a_web_server_takes_a_message_with_2xx_alone(
    status: int, body: str, retry_after: float
) -> None:
    answer = answer_to_request(status, body, "", retry_after)
    assert (answer.verdict == Verdict.TAKEN) == (200 <= status < 300)
    assert (answer.verdict == Verdict.NEVER) == (status in {410, 413})
    assert str(status) in answer.said


def test_no_answer_at_all_is_tried_again() -> None:
    assert answer_to_request(None, "", "It is away.", 0) == Answer(Verdict.LATER, "It is away.")
